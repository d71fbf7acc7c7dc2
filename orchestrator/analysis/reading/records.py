"""What a run left behind, read from its directory and checked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Literal, TypeAlias

from orchestrator.analysis.reading.beside import BesideTrial, read_beside
from orchestrator.analysis.reading.course import Course
from orchestrator.analysis.reading.directories import check_format, check_run_directory, is_sweep
from orchestrator.analysis.reading.program_trial import ProgramTrial, read_program
from orchestrator.errors import InputError, Problem, RunError
from orchestrator.records.directory import TRIAL, TRIALS, RunDirectory, TrialDirectory
from orchestrator.records.files import Record, read_events, read_object
from orchestrator.records.goodput import GoodputRecord
from orchestrator.records.network import NetworkRecord
from orchestrator.records.trial import TrialRecord
from orchestrator.spec.experiment.choices import BASELINE, EVERY_CHOICE
from workloads.process.process_records import (
    ConnectionRecord,
    EvaluationRecord,
    JobRecord,
    PsEnd,
    PsIteration,
    WorkerEnd,
    WorkerIteration,
)


@dataclass(frozen=True)
class ServerRecords:
    """The records of a parameter server.

    Attributes:
        iterations: all that exchange, warm-up first and cool-down last; numbers are of rounds.
        end: its last record.
    """

    iterations: tuple[PsIteration, ...]
    end: PsEnd


@dataclass(frozen=True)
class Trial:
    """The complete records of one finished trial.

    Attributes:
        trial: what was tried.
        network: counters of the network.
        job: what all processes were asked.
        congestion_controls: every value that the kernel reported, by any process.
        servers: what each parameter server recorded; none: there were none.
        worker_ends: the workers' last records, in worker order.
        worker_iterations: per worker, all its iterations.
        records_bytes: size of what all processes wrote down, which was fetched.
        evaluations: looks at held-out data, of real training; of the first worker.
        beside: what the jobs beside it left.
    """

    trial: TrialRecord
    network: NetworkRecord
    job: JobRecord
    congestion_controls: frozenset[str]
    servers: tuple[ServerRecords, ...]
    worker_ends: tuple[WorkerEnd, ...]
    worker_iterations: tuple[tuple[WorkerIteration, ...], ...]
    records_bytes: int
    evaluations: tuple[EvaluationRecord, ...] = ()
    beside: tuple[BesideTrial, ...] = ()

    @property
    def course(self) -> Course:
        """When its iterations ended."""
        return Course(
            warm_up=self.trial.warm_up,
            iterations=self.trial.iterations,
            barrier=self.trial.communication.barrier,
            in_step=self.trial.communication.bulk_synchronous,
            workers=[
                [(one.started_ns, one.ended_ns) for one in iterations]
                for iterations in self.worker_iterations
            ],
        )


AnyTrial: TypeAlias = Trial | ProgramTrial


@dataclass(frozen=True)
class FailedTrial:
    """A trial without usable records, and why; `trial` is None if not even trial.json is there.

    Attributes:
        beside: what the jobs beside it left.
    """

    directory: str
    reason: str
    trial: TrialRecord | None
    beside: tuple[BesideTrial, ...] = ()

    @property
    def index(self) -> int | None:
        """Which trial it was; None if nothing says so."""
        if self.trial is not None:
            return self.trial.index
        number = self.directory.partition("-")[0]
        return int(number) if number.isdecimal() else None

    def __str__(self) -> str:
        """In one line; `reason` may have more, which trial.json has."""
        first, *more = self.reason.splitlines() or [""]
        rest = f" (more in {TRIALS}/{self.directory}/{TRIAL})" if more else ""
        return f"{self.directory}: {first}{rest}"


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
    trials: tuple[AnyTrial, ...]
    failed: tuple[FailedTrial, ...]
    missing: int
    forced: ForcedScale | None = None
    goodput: GoodputRecord | None = None

    @property
    def trainings(self) -> tuple[Trial, ...]:
        """The finished trials of trainings."""
        return tuple(trial for trial in self.trials if isinstance(trial, Trial))

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
    trials: list[AnyTrial] = []
    failed: list[FailedTrial] = []
    for place in layout.stored():
        record: TrialRecord | None = None
        try:
            record = read_object(place.trial, TrialRecord)
            if record.outcome == "failed":
                beside = read_beside(place, record)
                failed.append(
                    FailedTrial(place.path.name, record.error or "failed", record, beside)
                )
            else:
                trials.append(_any_records(place, record))
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


def _begun(trials: Iterable[AnyTrial], failed: Iterable[FailedTrial]) -> int:
    """How many trials were begun, however often each was tried."""
    known = {trial.trial.index for trial in trials}
    known |= {failure.trial.index for failure in failed if failure.trial}
    return len(known) + sum(failure.trial is None for failure in failed)


def _first_point(directory: Path) -> Path:
    below = sorted(path for path in directory.iterdir() if RunDirectory(path).run.is_file())
    return next(iter(below), directory / "...")


def read_trial(directory: Path) -> Trial:
    """Read the records of one finished trial of a training.

    Raises:
        RunError: a file is missing or broken (named, with the line), the trial failed, or it was
            one of a program.
    """
    trial = read_any_trial(directory)
    if isinstance(trial, ProgramTrial):
        raise RunError(f"{directory}: the trial of a program, and no training")
    return trial


def read_any_trial(directory: Path) -> AnyTrial:
    """Read the records of one finished trial.

    Raises:
        RunError: a file is missing or broken (named, with the line), or the trial failed.
    """
    place = TrialDirectory(directory)
    record = read_object(place.trial, TrialRecord)
    if record.outcome == "failed":
        raise RunError(f"{directory}: the trial failed: {record.error}")
    return _any_records(place, record)


def _any_records(place: TrialDirectory, trial: TrialRecord) -> AnyTrial:
    if trial.program is not None:
        return read_program(place, trial, trial.program)
    return _read_records(place, trial)


def _read_records(place: TrialDirectory, record: TrialRecord) -> Trial:
    network = read_object(place.network, NetworkRecord)
    events = {name: read_events(place.process(name)) for name in record.processes}
    servers = []
    for name in record.servers:
        iterations = tuple(events[name].all(PsIteration))
        _check_server_iterations(place.process(name), record, iterations)
        servers.append(ServerRecords(iterations, events[name].one(PsEnd)))
    continues = not record.communication.bulk_synchronous
    worker_ends, worker_iterations = [], []
    for worker in record.workers:
        worker_ends.append(events[worker].one(WorkerEnd))
        iterations_of_worker = tuple(events[worker].all(WorkerIteration))
        _check_worker_iterations(
            place.process(worker), record, iterations_of_worker, continues=continues
        )
        worker_iterations.append(iterations_of_worker)
    connections = (
        connection for one in events.values() for connection in one.all(ConnectionRecord)
    )
    trial = Trial(
        trial=record,
        network=network,
        job=events[record.processes[0]].one(JobRecord),
        congestion_controls=frozenset(one.congestion_control for one in connections),
        servers=tuple(servers),
        worker_ends=tuple(worker_ends),
        worker_iterations=tuple(worker_iterations),
        evaluations=tuple(events[record.workers[0]].all(EvaluationRecord)),
        records_bytes=sum(place.process(name).stat().st_size for name in record.all_processes),
        beside=read_beside(place, record),
    )
    if trial.course.window() is None:
        raise RunError(f"{place.path}: no time in which all workers trained after their warm-up")
    return trial


def _check_worker_iterations(
    path: Path, trial: TrialRecord, iterations: tuple[WorkerIteration, ...], *, continues: bool
) -> None:
    """See that a worker has recorded all planned iterations, and more only if it continues."""
    planned = trial.all_iterations
    expected = max(planned, len(iterations)) if continues else planned
    _check_order(path, [record.iteration for record in iterations], expected, planned)
    for record in iterations:
        _check_times(path, record.iteration, record.started_ns, record.ended_ns)


def _check_order(path: Path, numbers: Sequence[int], expected: int, planned: int) -> None:
    if list(numbers) != list(range(expected)):
        raise RunError(f"{path}: {len(numbers)} iterations recorded, {planned} expected, in order")


def _check_times(path: Path, iteration: int, began_ns: int, ended_ns: int) -> None:
    if ended_ns <= began_ns:
        raise RunError(f"{path}: iteration {iteration} ends before it begins")


def _check_server_iterations(
    path: Path, trial: TrialRecord, iterations: tuple[PsIteration, ...]
) -> None:
    planned = trial.rounds.count
    _check_order(path, [record.iteration for record in iterations], planned, planned)
    for record in iterations:
        _check_times(path, record.iteration, record.released_ns, record.next_release_ns)
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
    known = {name: experiment[key] for name, key in EVERY_CHOICE.items() if key in experiment}
    programs = known.pop("program", {})
    jobs = known.pop("job", {})
    schedules = len(known.get("schedule", ()))
    alone = sum(
        1 if job["training"]["schedule"] else schedules
        for job in jobs.values()
        if job["alone"] and job["training"]
    )
    # A program that only runs beside others has no trials.
    beside = {job["program"] for job in jobs.values() if job["program"] and not job["alone"]}
    programs = [name for name in programs if name not in beside]
    listed = list(known.values())
    repeats = experiment.get("repeats")
    if not (all(isinstance(one, list) for one in listed) and isinstance(repeats, int)):
        return 0
    trained = prod(map(len, listed)) if listed else 0
    return (trained + len(programs) + alone) * repeats
