"""What the jobs beside a trial's own left behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.analysis.reading.program_trial import Reading, readings_of
from orchestrator.records.directory import TrialDirectory
from orchestrator.records.files import Events, read_events, read_text
from orchestrator.records.program import ProgramRecord, load_lines
from orchestrator.records.trial import BesideRecord, TrialRecord
from workloads.process.process_records import WorkerIteration
from workloads.process.traffic_records import DeliveredRecord, OfferedRecord


@dataclass(frozen=True)
class BesideTrial:
    """A job that ran beside a trial's own.

    Attributes:
        record: what it was, and how it ended.
        offered: what its source of traffic was to send, by the window.
        delivered: what of that arrived.
        worker_iterations: of a training, per worker, those that it has ended.
        readings: of a program, per process, without the warm-up.
    """

    record: BesideRecord
    offered: tuple[OfferedRecord, ...] = ()
    delivered: tuple[DeliveredRecord, ...] = ()
    worker_iterations: tuple[tuple[WorkerIteration, ...], ...] = ()
    readings: tuple[tuple[Reading, ...], ...] = ()

    @property
    def lasted(self) -> tuple[int, int] | None:
        """From its first to its last record, monotonic ns; None: there are none."""
        ends: Sequence[tuple[int, int]]
        program = self.record.program
        if program is not None:
            return program.began_ns, program.ended_ns
        if self.record.job.traffic is not None:
            ends = [(one.begin_ns, one.end_ns) for one in self.offered]
        else:
            ends = [(one.started_ns, one.ended_ns) for own in self.worker_iterations for one in own]
        if not ends:
            return None
        return min(begin for begin, _ in ends), max(end for _, end in ends)


def read_beside(place: TrialDirectory, trial: TrialRecord) -> tuple[BesideTrial, ...]:
    """Read what the jobs beside a trial's own recorded, as far as they came.

    Raises:
        RunError: a file is broken.
    """
    return tuple(_read(place, record) for record in trial.beside)


def _read(place: TrialDirectory, record: BesideRecord) -> BesideTrial:
    def events(host: str) -> Events | None:
        name = record.on_host(host)
        return None if name is None else read_events(place.process(name))

    job = record.job
    if job.traffic is not None:
        source, sink = events(job.traffic.source), events(job.traffic.destination)
        return BesideTrial(
            record,
            offered=tuple(source.all(OfferedRecord)) if source else (),
            delivered=tuple(sink.all(DeliveredRecord)) if sink else (),
        )
    if record.program is not None:
        return BesideTrial(record, readings=_readings(place, record.program))
    if job.training is None:
        return BesideTrial(record)
    worker_events = [events(worker) for worker in job.training.placement.workers]
    return BesideTrial(
        record,
        worker_iterations=tuple(
            tuple(one.all(WorkerIteration)) if one else () for one in worker_events
        ),
    )


def _readings(place: TrialDirectory, program: ProgramRecord) -> tuple[tuple[Reading, ...], ...]:
    readings = []
    for name in program.processes:
        path = place.process(name)
        lines = load_lines(str(path), read_text(path))
        readings.append(tuple(readings_of(program.throughput, lines)[program.warm_up :]))
    return tuple(readings)
