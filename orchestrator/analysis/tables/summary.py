"""From a run to its rows: one for every combination of choices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any, NamedTuple

from orchestrator.analysis.measures.attempts import Choice, choose
from orchestrator.analysis.measures.bound_share import (
    bound_imgs_per_sec,
    demand_imgs_per_sec,
    share_of_gain,
)
from orchestrator.analysis.measures.fairness import fairness_of
from orchestrator.analysis.measures.measure import TrialMeasure
from orchestrator.analysis.measures.orders import without_order_of
from orchestrator.analysis.measures.program import measure_any
from orchestrator.analysis.measures.statistics import Estimate, estimate, percent_faster, speedup
from orchestrator.analysis.reading.records import Run
from orchestrator.analysis.tables.row import Row
from orchestrator.analysis.verdict import Verdict, judge_row, judge_run
from orchestrator.predict import Goodputs
from orchestrator.spec import Demand
from orchestrator.spec.choices import CHOICES, COMPARED, Choices
from orchestrator.spec.programs import IMGS_PER_SEC


@dataclass(frozen=True)
class Summary:
    """Trials of a run with their verdicts and bounds (same order), and the rows made of them."""

    trials: tuple[TrialMeasure, ...]
    verdicts: tuple[Verdict, ...]
    bounds: tuple[float | None, ...]
    rows: tuple[Row, ...]


def summarise(run: Run) -> Summary:
    """Measure and judge the trials of a run, and gather them in rows."""
    trials = tuple(measure_any(trial) for trial in run.trials)
    goodputs = run.goodput.goodputs() if run.goodput else None
    trainings = [trial for trial in trials if not trial.program]
    bounds = {
        which: _bound(run.experiment, which, goodputs)
        for which in dict.fromkeys(map(_bounded, trainings))
    }
    of_trials = tuple(bounds.get(_bounded(trial)) for trial in trials)
    fairness = {
        (model, batch): fairness_of(run.experiment, model, batch, goodputs)
        for model, batch in {(trial.model, trial.batch) for trial in trainings}
    }
    small = tuple(without_order_of(run.experiment, trial.trial) for trial in run.trials)
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
    return Summary(trials, verdicts, of_trials, tuple(rows))


class _Bounded(NamedTuple):
    """What a bound depends on.

    Attributes:
        lead: how far the workers' paces may differ, with a parameter server; None: there is none.
        demands: of another exchange.
    """

    model: str
    batch: int
    lead: float | None
    demands: tuple[Demand, ...] | None


def _bounded(trial: TrialMeasure) -> _Bounded:
    lead = trial.lead if trial.sends_model else None
    return _Bounded(trial.model, trial.batch, lead, trial.demands)


def _bound(
    experiment: Mapping[str, Any], which: _Bounded, goodputs: Goodputs | None
) -> float | None:
    """Imgs/sec that no trial is above; None: not known."""
    model, batch, lead, demands = which
    if lead is not None:
        return bound_imgs_per_sec(experiment, model, batch, goodputs, lead)
    if demands is not None:
        return demand_imgs_per_sec(experiment, model, batch, demands, goodputs)
    return None


def _row(
    choices: Choices,
    chosen: Mapping[Choices, Choice],
    published: Mapping[str, tuple[float, ...]],
    bounds: Mapping[_Bounded, float | None],
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
    # All trials of a run have one batch, and one that has not would have another bound.
    of_trials = {bounds.get(_bounded(one)) for one in own.counted}
    bound = of_trials.pop() if len(of_trials) == 1 else None
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
    )


def _published(experiment: Mapping[str, Any]) -> dict[str, dict[str, tuple[float, ...]]]:
    return {
        model: {schedule: tuple(runs) for schedule, runs in by_schedule.items()}
        for model, by_schedule in (experiment.get("published") or {}).items()
    }


def _in_order(experiment: Mapping[str, Any], found: Iterable[Choices]) -> list[Choices]:
    """Rows in the order of the experiment's values, what is compared side by side.

    Values that only the trials know come last.
    """
    trials = list(found)
    # A program has no schedule, and comes after those that have one.
    names = [*(name for name in CHOICES if name not in COMPARED), *COMPARED]
    places: dict[str, dict[str, int]] = {}
    for name in names:
        asked = experiment.get(CHOICES[name])
        of_trials = (one[name] for one in trials if name in one)
        values = dict.fromkeys([*(asked if isinstance(asked, list | dict) else ()), *of_trials])
        places[name] = {value: place for place, value in enumerate(values)}
    last = len(trials)
    return sorted(trials, key=lambda one: [places[n].get(one.get(n, ""), last) for n in names])
