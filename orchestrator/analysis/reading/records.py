"""What a run left behind, read from its directory and checked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from orchestrator.analysis.reading.course import Course
from orchestrator.analysis.reading.directories import check_format, check_run_directory, is_sweep
from orchestrator.errors import InputError, Problem, RunError
from orchestrator.records.directory import RunDirectory, TrialDirectory
from orchestrator.records.files import Record, read_events, read_object
from orchestrator.records.goodput import GoodputRecord
from orchestrator.records.network import NetworkRecord
from orchestrator.records.trial import TrialRecord
from orchestrator.spec.baseline import BASELINE
from workloads.process.process_records import (
    ConnectionRecord,
    JobRecord,
    PsEnd,
    PsIteration,
    ScheduleRecord,
    TrainingCpuUse,
    WorkerEnd,
    WorkerIteration,
)

NO_SERVER = PsEnd(
    cpu_seconds=0.0,
    max_rss_bytes=0,
    training_cpu=TrainingCpuUse(0.0, 0.0),
    parameters_sha256="",
    staleness=None,
    payload_in=0,
    payload_out=0,
    connections=(),
    exact=False,
)
"""What a trial without a parameter server has of one."""


@dataclass(frozen=True)
class Trial:
    """The complete records of one finished trial.

    Attributes:
        trial: what was tried.
        network: counters of the network.
        job: the parameter server's job.
        congestion_controls: every value that the kernel reported, by any process.
        ps_iterations: all iterations, warm-up first and cool-down last.
        ps_end: the parameter server's last record.
        worker_ends: the workers' last records, in worker order.
        records_bytes: size of what all processes wrote down, which was fetched.
        bulk_synchronous: whether gradients of all workers were applied together.
        barrier: whether the workers waited for each other after every iteration.
        sends_model: whether every worker sent all of the model to the parameter server and back,
            uncoded, in each iteration: what bounds are of.
        ahead: how many iterations a worker might be ahead of the slowest; None: any number.
        worker_iterations: per worker, all its iterations.
    """

    trial: TrialRecord
    network: NetworkRecord
    job: JobRecord
    congestion_controls: frozenset[str]
    ps_iterations: tuple[PsIteration, ...]
    ps_end: PsEnd
    worker_ends: tuple[WorkerEnd, ...]
    records_bytes: int = 0
    bulk_synchronous: bool = True
    barrier: bool = True
    sends_model: bool = True
    ahead: int | None = None
    worker_iterations: tuple[tuple[WorkerIteration, ...], ...] = ()

    @property
    def course(self) -> Course:
        """When its iterations ended."""
        return Course(
            warm_up=self.trial.warm_up,
            iterations=self.trial.iterations,
            barrier=self.barrier,
            in_step=self.bulk_synchronous,
            workers=[
                [(one.started_ns, one.ended_ns) for one in iterations]
                for iterations in self.worker_iterations
            ],
        )


@dataclass(frozen=True)
class FailedTrial:
    """A trial without usable records, and why; `trial` is None if not even trial.json is there."""

    directory: str
    reason: str
    trial: TrialRecord | None

    @property
    def index(self) -> int | None:
        """Which trial it was; None if nothing says so."""
        if self.trial is not None:
            return self.trial.index
        number = self.directory.partition("-")[0]
        return int(number) if number.isdecimal() else None

    def __str__(self) -> str:
        return f"{self.directory}: {self.reason}"


@dataclass(frozen=True)
class Run:
    """A run directory, read.

    Attributes:
        experiment: the resolved experiment as run.json holds it.
        versions: program -> version.
        switch: the kind of switch that was used.
        trials: finished trials with complete records, all attempts, by index and attempt.
        failed: the others, by directory.
        missing: number of planned trials that have no directory.
        forced: why all its figures are marked; None if the machine carried the scale.
        goodput: what its links were seen to carry; None: it was not measured.
    """

    directory: Path
    experiment: dict[str, Any]
    versions: dict[str, str]
    switch: str
    trials: tuple[Trial, ...]
    failed: tuple[FailedTrial, ...]
    missing: int
    forced: ForcedScale | None = None
    goodput: GoodputRecord | None = None

    @property
    def lost(self) -> tuple[FailedTrial, ...]:
        """Those of the failed that no later attempt has made good."""
        finished = {trial.trial.index for trial in self.trials}
        return tuple(one for one in self.failed if one.index not in finished)

    @property
    def baseline(self) -> str:
        """The schedule that the others are compared with."""
        return str(self.experiment.get("baseline", BASELINE))


class ForcedScale(Record):
    """A scale that the machine did not carry when the run began, and what that makes of figures."""

    level: Literal["doubtful", "unusable"]
    reason: str


class _Calibration(Record):
    forced: ForcedScale | None = None


class _Switch(Record):
    kind: str


class _Run(Record):
    format: int | None = None
    experiment: dict[str, Any]
    versions: dict[str, Any]
    switch: _Switch
    calibration: _Calibration | None = None
    # Runs of older versions have not measured it.
    goodput: GoodputRecord | None = None


def read_run(directory: Path) -> Run:
    """Read a run directory; trials that failed or whose records are broken are set apart.

    Raises:
        InputError: the directory is not that of a run, or that of a sweep.
        RunError: run.json is broken, or no trial can be measured; the message says why.
    """
    if is_sweep(directory):
        hint = f"name one of its points, such as {_first_point(directory)}"
        raise InputError([Problem(str(directory), "a sweep, not a run", hint)])
    check_run_directory(directory)
    layout = RunDirectory(directory)
    run = read_object(layout.run, _Run)
    check_format(layout.run, run.format, run.versions.get("dmlbed"))
    trials: list[Trial] = []
    failed: list[FailedTrial] = []
    for place in layout.stored():
        record: TrialRecord | None = None
        try:
            record = read_object(place.trial, TrialRecord)
            if record.outcome == "failed":
                failed.append(FailedTrial(place.path.name, record.error or "failed", record))
            else:
                trials.append(_read_records(place, record))
        except RunError as error:
            failed.append(FailedTrial(place.path.name, str(error), record))
    if not trials:
        why = "; ".join(map(str, failed)) or "it has no trials"
        raise RunError(f"{directory}: nothing to report: {why}")
    return Run(
        directory=directory,
        experiment=run.experiment,
        versions={name: str(version) for name, version in run.versions.items()},
        switch=run.switch.kind,
        trials=tuple(sorted(trials, key=lambda trial: (trial.trial.index, trial.trial.attempt))),
        failed=tuple(failed),
        missing=max(0, _planned(run.experiment) - _begun(trials, failed)),
        forced=run.calibration.forced if run.calibration else None,
        goodput=run.goodput,
    )


def _begun(trials: Iterable[Trial], failed: Iterable[FailedTrial]) -> int:
    """How many trials were begun, however often each was tried."""
    known = {trial.trial.index for trial in trials}
    known |= {failure.trial.index for failure in failed if failure.trial}
    return len(known) + sum(failure.trial is None for failure in failed)


def _first_point(directory: Path) -> Path:
    below = sorted(path for path in directory.iterdir() if RunDirectory(path).run.is_file())
    return next(iter(below), directory / "...")


def read_trial(directory: Path) -> Trial:
    """Read the records of one finished trial.

    Raises:
        RunError: a file is missing or broken (named, with the line), or the trial failed.
    """
    place = TrialDirectory(directory)
    record = read_object(place.trial, TrialRecord)
    if record.outcome == "failed":
        raise RunError(f"{directory}: the trial failed: {record.error}")
    return _read_records(place, record)


def _read_records(place: TrialDirectory, trial: TrialRecord) -> Trial:
    network = read_object(place.network, NetworkRecord)
    # Where there is no parameter server, the first worker knows what all were told.
    path = place.process(trial.ps or trial.workers[0])
    ps = read_events(path)
    iterations: tuple[PsIteration, ...] = ()
    ps_end = NO_SERVER
    if trial.ps:
        iterations = tuple(ps.all(PsIteration))
        _check_iterations(path, trial, iterations)
        ps_end = ps.one(PsEnd)
    congestion_controls = {c.congestion_control for c in ps.all(ConnectionRecord)}
    schedule = ps.one(ScheduleRecord)
    barrier = schedule.barrier
    in_step = schedule.bulk_synchronous
    worker_iterations = []
    worker_ends = []
    for worker in trial.workers:
        events = read_events(place.process(worker))
        worker_ends.append(events.one(WorkerEnd))
        own = tuple(events.all(WorkerIteration))
        _check_own(place.process(worker), trial, own, goes_on=not in_step)
        worker_iterations.append(own)
        connections = events.all(ConnectionRecord)
        congestion_controls.update(c.congestion_control for c in connections)
    found = Trial(
        trial=trial,
        network=network,
        job=ps.one(JobRecord),
        congestion_controls=frozenset(congestion_controls),
        ps_iterations=iterations,
        ps_end=ps_end,
        worker_ends=tuple(worker_ends),
        records_bytes=sum(
            place.process(name).stat().st_size for name in (trial.ps, *trial.workers) if name
        ),
        bulk_synchronous=in_step,
        barrier=barrier,
        sends_model=schedule.sends_model,
        ahead=schedule.staleness,
        worker_iterations=tuple(worker_iterations),
    )
    if found.course.window() is None:
        raise RunError(f"{place.path}: no time in which all workers trained after their warm-up")
    return found


def _check_own(
    path: Path, trial: TrialRecord, found: tuple[WorkerIteration, ...], *, goes_on: bool
) -> None:
    """See that a worker has recorded what was asked, and no more unless it goes on."""
    asked = trial.all_iterations
    expected = max(asked, len(found)) if goes_on else asked
    if [record.iteration for record in found] != list(range(expected)):
        raise RunError(f"{path}: {len(found)} iterations recorded, {asked} expected, in order")
    for record in found:
        if record.ended_ns <= record.started_ns:
            raise RunError(f"{path}: iteration {record.iteration} ends before it begins")


def _check_iterations(path: Path, trial: TrialRecord, found: tuple[PsIteration, ...]) -> None:
    asked = trial.all_iterations
    if [record.iteration for record in found] != list(range(asked)):
        raise RunError(f"{path}: {len(found)} iterations recorded, {asked} expected, in order")
    for record in found:
        if record.next_release_ns <= record.released_ns:
            raise RunError(f"{path}: iteration {record.iteration} ends before it begins")
        for shares in (
            record.pull_bytes_at_first_done,
            record.push_bytes_at_first_done,
            record.pull_competing.bytes,
            record.push_competing.bytes,
        ):
            if len(shares) != len(trial.workers):
                raise RunError(
                    f"{path}: iteration {record.iteration} has byte counts of {len(shares)}"
                    f" workers, the trial has {len(trial.workers)}"
                )


def _planned(experiment: dict[str, Any]) -> int:
    """Number of trials that the experiment asks for; 0 if it does not say."""
    models, schedules = experiment.get("models"), experiment.get("schedules")
    repeats = experiment.get("repeats")
    if not (isinstance(models, list) and isinstance(schedules, list) and isinstance(repeats, int)):
        return 0
    return len(models) * len(schedules) * repeats
