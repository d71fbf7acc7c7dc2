"""From a run to its rows: one for every combination of choices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from orchestrator.analysis.measures.attempts import Choice, choose
from orchestrator.analysis.measures.bound_share import share_of_gain
from orchestrator.analysis.measures.fairness import fairness_of
from orchestrator.analysis.measures.measure import TrialMeasure
from orchestrator.analysis.measures.orders import without_order_of
from orchestrator.analysis.measures.programs.measure import measure_any
from orchestrator.analysis.measures.shared_links import SharedLinks
from orchestrator.analysis.measures.statistics import Estimate, estimate, percent_faster, speedup
from orchestrator.analysis.reading.records import Run
from orchestrator.analysis.tables.bounds import Bounded, bound_of, bounded, of_job
from orchestrator.analysis.tables.job_row import JobRow, job_rows, slowdown
from orchestrator.analysis.tables.link_row import LinkRow, link_rows
from orchestrator.analysis.tables.row import Row
from orchestrator.analysis.verdict import Verdict, judge_row, judge_run
from orchestrator.spec.experiment.choices import COMPARED, EVERY_CHOICE, JOBS, NOTHING, Choices
from orchestrator.spec.experiment.programs import IMGS_PER_SEC


@dataclass(frozen=True)
class Summary:
    """Trials of a run with their verdicts and bounds (same order), and the rows made of them.

    Attributes:
        jobs: the rows of the jobs that ran beside them.
        links: that jobs share, for each row that ran beside others.
    """

    trials: tuple[TrialMeasure, ...]
    verdicts: tuple[Verdict, ...]
    bounds: tuple[float | None, ...]
    rows: tuple[Row, ...]
    jobs: tuple[JobRow, ...] = ()
    links: tuple[LinkRow, ...] = ()


def summarise(run: Run) -> Summary:
    """Measure and judge the trials of a run, and gather them in rows."""
    shared = SharedLinks(run.experiment)
    trials = tuple(
        replace(one, links=shared.of(one.links, one.schedule))
        for one in map(measure_any, run.trials)
    )
    goodputs = run.goodput.goodputs() if run.goodput else None
    trainings = [trial for trial in trials if not trial.program]
    bounds = {
        which: bound_of(run.experiment, which, goodputs)
        for which in dict.fromkeys(map(bounded, trials))
    }
    of_trials = tuple(bounds.get(bounded(trial)) for trial in trials)
    fairness = {
        (job, model, batch): fairness_of(of_job(run.experiment, job), model, batch, goodputs)
        for job, model, batch in {(t.choices.job, t.model, t.batch) for t in trainings}
    }
    small = tuple(
        without_order_of(of_job(run.experiment, trial.trial.choices.job), trial.trial)
        for trial in run.trials
    )
    verdicts = judge_run(trials, of_trials, run.forced, fairness, small)
    groups: dict[Choices, list[TrialMeasure]] = {}
    for trial in trials:
        groups.setdefault(trial.choices, []).append(trial)
    judged = {id(trial): verdict for trial, verdict in zip(trials, verdicts, strict=True)}
    chosen = {place: choose(attempts) for place, attempts in groups.items()}
    published = _published(run.experiment)
    rows = []
    for choices in _in_order(run.experiment, groups):
        row = _row(choices, chosen, published.get(choices.model, {}), bounds, against=run.baseline)
        verdict = judge_row([(trial.repeat, judged[id(trial)]) for trial in row.trials])
        rows.append(replace(row, verdict=verdict))
    jobs = job_rows(run.experiment, rows, chosen, goodputs, run.lost)
    return Summary(trials, verdicts, of_trials, tuple(rows), jobs, link_rows(rows))


def _row(
    choices: Choices,
    chosen: Mapping[Choices, Choice],
    published: Mapping[str, tuple[float, ...]],
    bounds: Mapping[Bounded, float | None],
    *,
    against: str,
) -> Row:
    """A row that is not judged yet, with its speed-up `against` a schedule."""
    own, schedule = chosen[choices], choices.schedule
    baseline = chosen.get(choices.under(against), Choice())
    rates, base = own.imgs_per_sec(), baseline.imgs_per_sec()
    compared = schedule != against and all(one.unit == IMGS_PER_SEC for one in own.counted)
    published_speedup = None
    if compared and published.get(against) and published.get(schedule):
        published_speedup = percent_faster(fmean(published[against]), fmean(published[schedule]))
    measured = estimate(list(rates.values()))
    bound = _bound_of_all(own.counted, bounds)
    gain = None
    if compared and base and bound:
        gain = share_of_gain(fmean(base.values()), measured.mean, bound)
    faster = speedup(base, rates) if compared else None
    if compared and base and faster is None and (own.left_out or baseline.left_out):
        # No pair is left of what had been paired.
        faster = Estimate(percent_faster(fmean(base.values()), measured.mean), None, 1)
    return Row(
        choices=choices,
        imgs_per_sec=measured,
        speedup=faster,
        published=published.get(schedule, ()),
        published_speedup=published_speedup,
        bound_imgs_per_sec=bound,
        share_of_gain=gain,
        trials=own.counted,
        verdict=Verdict(),
        left_out=own.left_out,
        baseline=against,
        slowdown=_slowdown(choices, chosen),
    )


def _slowdown(choices: Choices, chosen: Mapping[Choices, Choice]) -> Estimate | None:
    """Of a row beside jobs, against the one without them."""
    if choices.get("beside") != JOBS:
        return None
    alone = chosen.get(Choices(**{**choices, "beside": NOTHING}), Choice())
    return slowdown(alone.imgs_per_sec(), chosen[choices].imgs_per_sec())


def _bound_of_all(
    trials: Iterable[TrialMeasure], bounds: Mapping[Bounded, float | None]
) -> float | None:
    """The bound of a row's trials; the mean of them where traffic beside has left each another."""
    bound_of = {which: bounds.get(which) for which in map(bounded, trials)}
    # All trials of a run have one batch, and one that has not would have another bound.
    known = [bound for bound in bound_of.values() if bound is not None]
    if len({which._replace(taken=()) for which in bound_of}) != 1 or len(known) < len(bound_of):
        return None
    return fmean(known) if len(known) > 1 else known[0]


def _published(experiment: Mapping[str, Any]) -> dict[str, dict[str, tuple[float, ...]]]:
    return {
        model: {schedule: tuple(runs) for schedule, runs in by_schedule.items()}
        for model, by_schedule in (experiment.get("published") or {}).items()
    }


def _in_order(experiment: Mapping[str, Any], choices: Iterable[Choices]) -> list[Choices]:
    """Rows in the order of the experiment's values, what is compared side by side.

    Values that only the trials know come last.
    """
    trials = list(choices)
    # A program has no schedule, and comes after those that have one.
    # Those of other jobs than the measured one come last.
    common = (name for name in EVERY_CHOICE if name not in (*COMPARED, "job"))
    names = ["job", *common, *COMPARED]
    places: dict[str, dict[str, int]] = {}
    for name in names:
        asked = experiment.get(EVERY_CHOICE[name])
        of_trials = (one[name] for one in trials if name in one)
        values = dict.fromkeys([*(asked if isinstance(asked, list | dict) else ()), *of_trials])
        places[name] = {value: place for place, value in enumerate(values)}
    last = len(trials)

    def place(one: Choices, name: str) -> int:
        missing = -1 if name == "job" else last
        return places[name][one[name]] if name in one else missing

    return sorted(trials, key=lambda one: [place(one, name) for name in names])
