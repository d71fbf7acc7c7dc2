"""From the records of a calibration's processes to an attempt."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import RunError
from orchestrator.predict import goodput_bps
from orchestrator.records.network import UseRecord
from orchestrator.session.inner.calibrate import (
    MEMORY_BYTES,
    Samples,
    calibrated,
    calibration_probe,
    judge,
)
from orchestrator.session.plan.jobs import plans_of
from orchestrator.spec import Experiment, Overrides, load_experiment, ports
from tests.unit.session.jobs_read import job_of, read
from workloads.process.training import WorkerJob

ROOT = Path(__file__).parents[4]
RELEASED = 7_000_000_000
MS = 1_000_000
WORKERS = ("worker0", "worker1", "worker2")
# At R = 8, D = 0.5 a packet has three segments, and every one is acknowledged.
LEFT = 1 - 66 / (3 * 1514)


def experiment(scale: str = "8,0.5") -> Experiment:
    return load_experiment(ROOT / "experiments/published.yaml", Overrides(scale=scale))


def lines(*events: dict[str, Any]) -> bytes:
    return "".join(json.dumps(event) + "\n" for event in events).encode()


Rates = Sequence[float]


def windows(
    bps: Rates, worse: Rates | None = None, pieces: int = 0, busy: float = 1.0
) -> list[dict[str, Any]]:
    """A window per 0.1 s; idle at the beginning and the end, so that a look there is wrong.

    In the first of the exchange's five pieces rates are `worse`.
    """
    events = []
    for number in range(42):
        begin = RELEASED + number * 100 * MS
        rates = worse if worse and number < 6 + 7 * pieces else bps
        some = 6 <= number < 41
        received = [round(rate / 80) if some else 0 for rate in rates]
        events.append(
            {
                "event": "window",
                "begin_ns": begin,
                "end_ns": begin + 100 * MS,
                "received": received,
                "busy_us": [round(100_000 * busy)] * len(bps),
            }
        )
    return events


def records(push: Rates, pull: Rates, **how: Any) -> dict[str, bytes]:
    server = lines({"event": "released", "released_ns": RELEASED}, *windows(push, **how))
    return {"ps": server, **{n: lines(*windows([r])) for n, r in zip(WORKERS, pull, strict=True)}}


def samples(idle: float, others: float = 0.0) -> Samples:
    times = range(RELEASED - 1000 * MS, RELEASED + 6000 * MS, 100 * MS)
    inside = (RELEASED + 600 * MS, RELEASED + 4100 * MS)
    shares = [(t, idle if inside[0] <= t <= inside[1] else 0.0) for t in times]
    use = UseRecord(cores=2, samples=tuple((t, 0.5, others, 0.0) for t in times[::10]))
    return Samples(shares, use)


def test_shares_of_the_trunk_and_idle_time_of_the_middle() -> None:
    full = LEFT * goodput_bps(125e6)
    attempt_made = judge(
        experiment(), records((full / 2, full / 4, full / 4), (0.5 * full, 0.3 * full, 0)),
        samples(0.4), "now",
    )  # fmt: skip
    assert (attempt_made.rates, attempt_made.measured) == (8, "now")
    assert attempt_made.push.share == pytest.approx(1, abs=1e-4)
    assert attempt_made.pull.share == pytest.approx(0.8, abs=1e-4)
    assert attempt_made.push.first == pytest.approx(0.5, abs=1e-4)
    assert attempt_made.pull.first == attempt_made.priority == pytest.approx(0.5, abs=1e-4)
    assert attempt_made.push.rate_bps == attempt_made.pull.rate_bps == 125_000_000
    assert attempt_made.idle == pytest.approx(0.4)


def test_what_the_machine_carries_does_not_hang_on_delays(tmp_path: Path) -> None:
    text = (ROOT / "topologies/ps-10g-1g-3workers.yaml").read_text()
    (tmp_path / "far.yaml").write_text(text.replace("delay: 0us", "delay: 10 ms"))
    file = tmp_path / "far-away.yaml"
    file.write_text(
        "{name: x, topology: far.yaml, models: [alexnet], schedules: [none],"
        " scale: {rates: 8, time: 0.5}}"
    )
    asked = load_experiment(file)
    near = calibrated(asked)
    assert {port.delay_us for port in ports(near.topology)} == {0}
    sizes = [
        job_of(
            plans_of(one, calibration_probe(one).work, dict.fromkeys(("ps", *WORKERS), "10.0.0.1"))[
                "worker0"
            ]
        )["endpoints"]["send_buffer_bytes"][0]
        for one in (asked, near)
    ]
    # Payload of a third of the least queue, 128 KiB, in packets of three segments: a send buffer
    # counts 1280 bytes more of each, and the kernel keeps twice what is asked.
    third = 128 * 1024 / 3 * 1448 / 1514
    kept = 2 * 3 * 1448 / (3 * 1448 + 1280)
    assert sizes == [int(third / kept), 16 * 1024]


def test_records_that_tell_nothing() -> None:
    whole = records((1e6, 0, 0), (1e6, 0, 0))
    with pytest.raises(RunError, match="did not begin"):
        judge(experiment(), {**whole, "ps": lines(*windows([1, 2, 3]))}, samples(0.5), "now")
    with pytest.raises(RunError, match="has noted nothing"):
        judge(experiment(), {**whole, "worker1": b""}, samples(0.5), "now")
    nothing = Samples([], UseRecord(cores=2, samples=()))
    with pytest.raises(RunError, match="idle time"):
        judge(experiment(), whole, nothing, "now")


def test_the_median_of_the_pieces_counts() -> None:
    full = LEFT * goodput_bps(125e6)
    whole, poor = (full, 0, 0), (full / 4, full / 4, 0)

    def first(pieces: int) -> float | None:
        kept = records(whole, whole, worse=poor, pieces=pieces)
        return judge(experiment(), kept, samples(0.4), "now").push.first

    assert first(2) == pytest.approx(1, abs=1e-4)
    assert first(3) == pytest.approx(0.25, abs=1e-4)


def test_priority_is_of_the_time_in_which_there_was_anything_to_send() -> None:
    full = LEFT * goodput_bps(125e6)
    shares = (0.72 * full, 0.28 * full, 0)

    def priority(busy: float) -> float | None:
        # The server's sockets carry the pulls.
        return judge(
            experiment(), records(shares, shares, busy=busy), samples(0.4), "now"
        ).pull.priority

    assert priority(0.74) == pytest.approx(0.72 / 0.74, abs=1e-3)
    assert priority(1.0) == pytest.approx(0.72, abs=1e-3)
    # What is hardly ever there shows nothing.
    assert priority(0.1) == pytest.approx(0.72 / 0.5, abs=1e-3)


def test_an_older_kernel_does_not_tell_how_busy_a_connection_was() -> None:
    full = LEFT * goodput_bps(125e6)
    attempt_made = judge(
        experiment(), records((full, 0, 0), (full, 0, 0), busy=0.0), samples(0.4), "now"
    )  # fmt: skip
    assert attempt_made.pull.busy == 1


def test_who_disturbed_an_exchange_is_kept() -> None:
    whole = records((1e6, 0, 0), (1e6, 0, 0))
    quiet = judge(experiment(), whole, samples(0.4), "now")
    assert (quiet.disturbed, quiet.taken) == ("", 0.0)
    attempt_made = judge(experiment(), whole, samples(0.1, others=1.0), "now")
    assert attempt_made.disturbed.startswith("other programs used 1.0 of 2 cores for 3.")
    assert attempt_made.taken == pytest.approx(0.5)


@pytest.mark.parametrize("scale", ["1,1", "8,0.5", "1,1000"])
def test_its_jobs_are_valid_and_fit_into_memory(scale: str) -> None:
    hosts = ("ps", *WORKERS)
    addresses = {name: f"10.0.0.{n}" for n, name in enumerate(hosts, start=1)}
    made = experiment(scale)
    plans = plans_of(made, calibration_probe(made).work, addresses)
    assert tuple(plans) == hosts
    parsed = {name: read(plan) for name, plan in plans.items()}
    assert isinstance(parsed["worker2"], WorkerJob)
    for job in parsed.values():
        assert (job.program.partition("-")[0], job.schedule.name, job.congestion_control) == (
            "traffic",
            "switch-priority",
            "cubic",
        )
    arena = parsed["ps"].layout.bytes
    assert 7 * arena < 1.01 * MEMORY_BYTES
