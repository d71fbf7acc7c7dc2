"""The rows of the jobs beside the measured one: one for each row of that which they ran beside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from orchestrator.analysis.measures.attempts import Choice
from orchestrator.analysis.measures.beside import BesideMeasure, measure_beside
from orchestrator.analysis.measures.statistics import Estimate, estimate
from orchestrator.analysis.reading.records import FailedTrial
from orchestrator.analysis.tables.row import Row
from orchestrator.analysis.verdict import Level, Verdict
from orchestrator.predict import Goodputs, JobBound, job_bounds
from orchestrator.spec import IMGS_PER_SEC, Experiment, Neighbour
from orchestrator.spec.experiment.choices import Choices


@dataclass(frozen=True)
class JobRow:
    """A job beside the measured one, over the repeats.

    Attributes:
        job: what it is.
        beside: the choices of the row that it ran beside.
        imgs_per_sec: of a training; None: of traffic, or nothing is recorded.
        slowdown: percent that it is slower than alone, from paired repeats; None: it did not run
            alone.
        offered_bps: of traffic: what it was to send.
        delivered_bps: what of it arrived.
        bound: its best alone, and its fair share; None: not known.
        verdict: that of the row it ran beside, with the errors of the job itself.
        errors: what went wrong with the job itself.
        unit: of `imgs_per_sec`, which a program may have in another one.
        fullest_link: of a program: the fullest link between its hosts, in the first repeat.
        full_time: share of the measured time in which it was full, mean; None: not known.
    """

    job: Neighbour
    beside: Choices
    imgs_per_sec: Estimate | None
    slowdown: Estimate | None
    offered_bps: float | None
    delivered_bps: float | None
    bound: JobBound | None
    verdict: Verdict
    errors: tuple[str, ...] = ()
    unit: str = IMGS_PER_SEC
    fullest_link: str | None = None
    full_time: float | None = None

    @property
    def reasons(self) -> tuple[tuple[Level, str], ...]:
        """What speaks against it alone, and not against the row that it ran beside."""
        return tuple(("doubtful", error) for error in self.errors)

    @property
    def loss(self) -> float | None:
        """Percent of what was offered that did not arrive in the measured time."""
        if not self.offered_bps or self.delivered_bps is None:
            return None
        return 100 * (1 - self.delivered_bps / self.offered_bps)


def slowdown(alone: Mapping[int, float], together: Mapping[int, float]) -> Estimate | None:
    """Percent that something is slower than alone, over the repeats that both have."""
    common = sorted(alone.keys() & together.keys())
    percents = [100 * (1 - together[repeat] / alone[repeat]) for repeat in common if alone[repeat]]
    return estimate(percents) if percents else None


def job_rows(
    experiment: Mapping[str, Any],
    rows: Sequence[Row],
    chosen: Mapping[Choices, Choice],
    goodputs: Goodputs | None,
    failed: Iterable[FailedTrial] = (),
) -> tuple[JobRow, ...]:
    """The rows of all jobs, in the order of the rows that they ran beside.

    Args:
        experiment: as run.json holds it.
        rows: of the run.
        chosen: the attempts that count, by choices.
        goodputs: measured payload of ports.
        failed: trials whose own job failed: what the jobs beside had until then is kept, each
            trial by itself.
    """
    beside_rows = [one for row in rows for one in _beside(experiment, row, chosen, goodputs)]
    return (*beside_rows, *(one for failure in failed for one in _left_by(failure)))


def _left_by(failure: FailedTrial) -> Iterator[JobRow]:
    if failure.trial is None:
        return
    why = f"the measured job failed: {failure.reason.splitlines()[0]}"
    for one in measure_beside(failure.beside, failure.trial.scale, None):
        errors = (*([f"it failed: {one.error}"] if one.error else []), why)
        yield JobRow(
            job=one.job,
            beside=failure.trial.choices,
            imgs_per_sec=None if one.imgs_per_sec is None else estimate([one.imgs_per_sec]),
            slowdown=None,
            offered_bps=one.offered_bps,
            delivered_bps=one.delivered_bps,
            bound=None,
            verdict=Verdict((), errors),
            errors=errors,
            unit=one.unit,
        )


def _beside(
    experiment: Mapping[str, Any],
    row: Row,
    chosen: Mapping[Choices, Choice],
    goodputs: Goodputs | None,
) -> Iterator[JobRow]:
    by_job: dict[str, list[tuple[int, BesideMeasure]]] = {}
    for trial in row.trials:
        for one in trial.beside:
            by_job.setdefault(one.job.name, []).append((trial.repeat, one))
    if not by_job:
        return
    bounds = _bounds(experiment, row, goodputs)
    for name, measures in by_job.items():
        job = measures[0][1].job
        rates = {n: one.imgs_per_sec for n, one in measures if one.imgs_per_sec is not None}
        offered = [one.offered_bps for _, one in measures if one.offered_bps is not None]
        delivered = [one.delivered_bps for _, one in measures if one.delivered_bps is not None]
        fullest = [one.fullest for _, one in measures if one.fullest]
        errors = tuple(
            dict.fromkeys(f"repeat {n}: it failed: {one.error}" for n, one in measures if one.error)
        )
        yield JobRow(
            job=job,
            beside=row.choices,
            imgs_per_sec=estimate(list(rates.values())) if rates else None,
            slowdown=slowdown(_alone(job, row.schedule, chosen), rates),
            offered_bps=fmean(offered) if offered else None,
            delivered_bps=fmean(delivered) if delivered else None,
            bound=bounds.get(name),
            verdict=Verdict(row.verdict.unusable, (*errors, *row.verdict.doubtful)),
            errors=errors,
            unit=measures[0][1].unit,
            fullest_link=fullest[0].port if fullest else None,
            full_time=fmean(use.full for use in fullest) if fullest else None,
        )


def _alone(job: Neighbour, schedule: str, chosen: Mapping[Choices, Choice]) -> Mapping[int, float]:
    """Imgs/sec of a job's own trials, by repeat; a program's are those of a measured one."""
    of_its = (own for choices, own in chosen.items() if is_of(choices, job, schedule))
    return next(of_its, Choice()).imgs_per_sec()


def is_of(choices: Choices, job: Neighbour, schedule: str) -> bool:
    """Whether trials of these choices are those of a job alone.

    Args:
        choices: of trials.
        job: that runs beside another one.
        schedule: of that one.
    """
    if job.training is None:
        return bool(job.program) and choices.program == job.program
    return choices.job == job.name and choices.schedule == (job.training.schedule or schedule)


def _bounds(
    experiment: Mapping[str, Any], row: Row, goodputs: Goodputs | None
) -> Mapping[str, JobBound]:
    try:
        resolved = Experiment.from_resolved(experiment)
        return job_bounds(resolved, row.model, row.schedule, goodputs)
    except (KeyError, TypeError, ValueError):
        return {}  # an exchange that does not say what it sends


def job_json(row: JobRow) -> dict[str, Any]:
    """The row for a program to read: its keys are those of the measured job's, and its own."""
    training, rates = row.job.training, row.imgs_per_sec
    bound = row.bound
    return {
        "model": training.model if training else None,
        "schedule": (training.schedule or row.beside.schedule) if training else None,
        "program": row.job.program,
        "beside": str(row.beside),
        "job": row.job.name,
        "imgs_per_sec": rates.mean if rates else None,
        "unit": row.unit if rates else None,
        "repeats": rates.count if rates else None,
        "speedup_pct": None,
        "verdict": row.verdict.level,
        "reasons": list(row.verdict.reasons),
        "imgs_per_sec_interval": list(rates.interval) if rates and rates.interval else None,
        "bound_imgs_per_sec": bound.best if bound and training else None,
        "fair_imgs_per_sec": bound.fair if bound and training else None,
        "slowdown_pct": row.slowdown.mean if row.slowdown else None,
        "offered_bps": row.offered_bps,
        "delivered_bps": row.delivered_bps,
        "best_bps": bound.best if bound and not training else None,
        "fair_bps": bound.fair if bound and not training else None,
        "loss_pct": row.loss,
        "fullest_link": row.fullest_link,
        "fullest_link_full_time": row.full_time,
    }
