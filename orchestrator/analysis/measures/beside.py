"""What the jobs beside a trial's own had while it was measured.

Rates are the real system's. They are those of the measured time of the trial's own job, or of as
much of it as the job beside lasted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from statistics import fmean

from orchestrator.analysis.measures.links import LinkUse, link_uses
from orchestrator.analysis.reading.beside import BesideTrial
from orchestrator.analysis.reading.course import iterations_within
from orchestrator.records.network import NetworkRecord
from orchestrator.records.program import ProgramRecord
from orchestrator.records.trial import ScaleRecord
from orchestrator.spec import IMGS_PER_SEC, Neighbour
from workloads.process.traffic_records import DeliveredRecord, OfferedRecord


@dataclass(frozen=True)
class BesideMeasure:
    """One job beside a trial's own.

    Attributes:
        job: what it was.
        error: in a line, why it did not last as long as the trial; None: it did.
        imgs_per_sec: of a training, all workers together, or of a program; None: too little is
            recorded.
        unit: of that.
        offered_bps: of traffic: what it was to send, payload in bit/s.
        delivered_bps: what of that arrived.
        fullest: of a program: the fullest link between its hosts, whoever filled it; None: nobody
            has sampled it.
    """

    job: Neighbour
    error: str | None
    imgs_per_sec: float | None = None
    offered_bps: float | None = None
    delivered_bps: float | None = None
    unit: str = IMGS_PER_SEC
    fullest: LinkUse | None = None

    @property
    def loss_share(self) -> float | None:
        """Of what was offered, what did not arrive; below 0 where more did than was offered then.

        Over TCP that is what still waits.
        """
        if not self.offered_bps or self.delivered_bps is None:
            return None
        return 1 - self.delivered_bps / self.offered_bps


def measure_beside(
    trials: Iterable[BesideTrial],
    scale: ScaleRecord,
    window: tuple[int, int] | None,
    network: NetworkRecord | None = None,
) -> tuple[BesideMeasure, ...]:
    """What each had.

    Args:
        trials: what each left behind.
        scale: of the trial that they ran beside.
        window: the time that counts, monotonic ns; None: each one's own.
        network: what was counted meanwhile; None: nothing was.
    """
    return tuple(_measure(trial, scale, window, network) for trial in trials)


def _measure(
    one: BesideTrial,
    scale: ScaleRecord,
    window: tuple[int, int] | None,
    network: NetworkRecord | None,
) -> BesideMeasure:
    record, lasted = one.record, one.lasted
    error = None if record.error is None else record.error.splitlines()[0]
    if lasted is None:
        return BesideMeasure(record.job, error or "it has recorded nothing")
    begin, end = window or lasted
    begin, end = max(begin, lasted[0]), min(end, lasted[1])
    if begin >= end:
        return BesideMeasure(record.job, error or "it was over before the measured time")
    if record.job.traffic is not None:
        rate = 8 * scale.rates / ((end - begin) / 1e9)
        return BesideMeasure(
            record.job,
            error,
            offered_bps=rate * _bytes(one.offered, begin, end),
            delivered_bps=rate * _bytes(one.delivered, begin, end),
        )
    if record.program is not None:
        made = _of_program(one, record.program, error, scale, (begin, end))
        uses = link_uses(network, begin, end) if network else ()
        own = (use for use in uses if use.port in record.ports and use.mean)
        return replace(made, fullest=next(own, None))
    assert record.job.training is not None
    ends = [[each.ended_ns for each in own] for own in one.worker_iterations]
    count = sum(iterations_within(own, begin, end) for own in ends)
    pace = count / ((end - begin) / 1e9)
    return BesideMeasure(
        record.job, error, imgs_per_sec=pace * record.job.training.batch * scale.time
    )


def _of_program(
    one: BesideTrial,
    program: ProgramRecord,
    error: str | None,
    scale: ScaleRecord,
    window: tuple[int, int],
) -> BesideMeasure:
    """The mean of its readings in a time; readings of a file have none, and all count."""
    begin, end = window
    inside = [
        [each.value for each in own if each.t_ns is None or begin <= each.t_ns <= end]
        for own in one.readings
    ]
    of_ranks = [fmean(own) for own in inside if own]
    if not of_ranks:
        return BesideMeasure(one.record.job, error or "no throughput in the measured time")
    value = sum(of_ranks) if program.throughput.per_rank == "sum" else of_ranks[0]
    unit = program.throughput.unit
    return BesideMeasure(one.record.job, error, imgs_per_sec=value * scale.time, unit=unit)


def _bytes(windows: Iterable[OfferedRecord | DeliveredRecord], begin: int, end: int) -> float:
    """What was counted in a time; of a window that lies across its ends, in proportion."""
    total = 0.0
    for one in windows:
        inside = min(end, one.end_ns) - max(begin, one.begin_ns)
        if inside > 0:
            total += one.bytes * inside / (one.end_ns - one.begin_ns)
    return total
