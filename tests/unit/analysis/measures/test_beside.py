"""What jobs beside a trial's own had while it was measured."""

from __future__ import annotations

import pytest

from orchestrator.analysis.measures.beside import measure_beside
from orchestrator.analysis.reading.beside import BesideTrial
from orchestrator.analysis.reading.program_trial import Reading
from orchestrator.records.network import LinkSamplesRecord
from orchestrator.records.program import ProgramRecord
from orchestrator.records.trial import BesideRecord, ScaleRecord
from orchestrator.spec import Neighbour, Placement, Throughput, Traffic, Training
from tests.unit.analysis.record_builder import network_record, port_record
from workloads.process.process_records import WorkerIteration
from workloads.process.traffic_records import DeliveredRecord, OfferedRecord
from workloads.schedule.arrivals import Pattern

S = 1_000_000_000
SCALE = ScaleRecord(rates=8, time=0.5)
NOISE = Neighbour("noise", 1, traffic=Traffic("ps", "worker0", Pattern("constant", 8e6)))
OTHER = Neighbour(
    "other", 2, training=Training("alexnet", "none", Placement(("ps",), ("a", "b")), batch=4)
)


def noise(error: str | None = None, *, until: int = 10) -> BesideTrial:
    """A megabyte in every second is offered, and arrives half a second later."""
    offered = [OfferedRecord(n * S, (n + 1) * S, 10**6, 10, 10**6) for n in range(until)]
    delivered = [DeliveredRecord(n * S + S // 2, (n + 1) * S + S // 2, 10**6) for n in range(until)]
    record = BesideRecord(job=NOISE, error=error, processes=("noise.ps", "noise.worker0"))
    return BesideTrial(record, tuple(offered), tuple(delivered))


def other(ends: list[int], error: str | None = None) -> BesideTrial:
    """Two workers whose iterations end at these seconds, the first one begins at 0."""
    begins = [0, *ends]
    own = tuple(
        WorkerIteration(number, begin * S, begin * S, begin * S, begin * S, end * S, end * S)
        for number, (begin, end) in enumerate(zip(begins, ends, strict=False))
    )
    record = BesideRecord(job=OTHER, error=error, processes=("other.a", "other.b"))
    return BesideTrial(record, worker_iterations=(own, own))


def test_traffic_is_counted_in_the_measured_time_as_the_real_systems() -> None:
    (traffic,) = measure_beside([noise()], SCALE, (2 * S + S // 4, 6 * S))
    assert traffic.offered_bps == traffic.delivered_bps == pytest.approx(8 * 10**6 * 8)
    assert traffic.loss_share == pytest.approx(0)
    # Before the first has arrived some of it is on its way.
    (early,) = measure_beside([noise()], SCALE, (0, 2 * S))
    assert early.loss_share == pytest.approx(0.25)


def test_a_training_has_the_iterations_that_lie_in_the_measured_time() -> None:
    (training,) = measure_beside([other([1, 3, 5, 7, 9])], SCALE, (4 * S, 8 * S))
    # Two iterations of two workers, 4 images each, in 4 s; real time goes twice as fast.
    assert training.imgs_per_sec == pytest.approx(2 * 2 * 4 / 4 * 0.5)
    assert training.error is None


def test_of_a_job_that_failed_what_it_had_until_then_counts() -> None:
    jobs = [noise("noise.ps: killed\nits last output", until=5), other([1, 3], "other.a: gone")]
    traffic, training = measure_beside(jobs, SCALE, (2 * S, 8 * S))
    assert traffic.error == "noise.ps: killed"
    assert traffic.offered_bps == pytest.approx(64e6)
    assert training.imgs_per_sec == pytest.approx(0.5 * 2 * 4 * 0.5)


@pytest.mark.parametrize(
    ("job", "window", "why"),
    [
        (other([]), (0, S), "it has recorded nothing"),
        (other([1, 3]), (4 * S, 8 * S), "it was over before the measured time"),
        (other([1, 3], "other.a: gone"), (4 * S, 8 * S), "other.a: gone"),
    ],
)
def test_nothing_is_made_of_nothing(job: BesideTrial, window: tuple[int, int], why: str) -> None:
    (measure,) = measure_beside([job], SCALE, window)
    assert (measure.imgs_per_sec, measure.error) == (None, why)


def test_a_program_has_its_fullest_link() -> None:
    """Of those that its hosts' packets cross, in the measured time, whoever filled it."""
    program = ProgramRecord(
        command=("x",),
        processes=("own.a", "own.b"),
        hosts=("a", "b"),
        shipped_bytes=0,
        throughput=Throughput(json="speed"),
        warm_up=0,
        began_ns=0,
        ready_ns=0,
        ended_ns=10 * S,
    )
    record = BesideRecord(
        job=Neighbour("own", 3, program="own", hosts=("a", "b")),
        error=None,
        processes=("own.a", "own.b"),
        program=program,
        ports=("a->switch0", "switch0->b"),
    )
    job = BesideTrial(record, readings=((Reading(3 * S, 5.0),),))
    # In bytes: a's link is full for half of the measured time, that of another host always.
    full = 125_000_000
    sent = [(n * S, min(n, 4) * full, 0, n * full) for n in range(8)]
    ports = ("a->switch0", "switch0->b", "ps->switch0")
    network = network_record(
        ports=tuple(map(port_record, ports)),
        links=LinkSamplesRecord(ports=ports, samples=tuple(sent)),
    )
    (measure,) = measure_beside([job], SCALE, (2 * S, 6 * S), network)
    assert measure.fullest is not None
    assert (measure.fullest.port, measure.fullest.full) == ("a->switch0", 0.5)
    (unknown,) = measure_beside([job], SCALE, (2 * S, 6 * S))
    assert (unknown.imgs_per_sec, unknown.fullest) == (2.5, None)
