"""A source of traffic and its receiver: what is offered, sent, and counted."""

from __future__ import annotations

import json
import signal
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.workloads.process.test_job import problems
from tests.unit.workloads.trainings import Process
from workloads.process.job import parse_job
from workloads.process.records import Records
from workloads.process.traffic import DATAGRAM_BYTES, GeneratorJob, SinkJob
from workloads.process.windows import Window, Windows
from workloads.programs import generator
from workloads.programs.generator import send
from workloads.programs.sink import receive

MS = 1_000_000
PATTERN = {
    "kind": "constant",
    "rate_bps": 8_000_000.0,
    "sizes": {"kind": "constant", "values": [10_000.0], "shape": 1.5},
    "on_seconds": 1.0,
    "off_seconds": 1.0,
}


def job(
    directory: Path, program: str, transport: str = "tcp", port: int = 0, **section: Any
) -> dict[str, Any]:
    sends = {"pattern": PATTERN, "repeat": 0, "seconds": 1.0} if program == "generator" else {}
    return {
        "host": program,
        "program": program,
        "records": str(directory / f"{program}.jsonl"),
        "seed": 7,
        "congestion_control": "cubic",
        "endpoints": {
            "server": "sink",
            "peers": {"sink": {"address": "127.0.0.1", "port": port}},
            "bind": "127.0.0.1",
            "receive_buffer_bytes": 262144,
            "send_buffer_bytes": [65536],
            "flow_dscp": [0],
        },
        "limits": {"silence_seconds": 30},
        "section": {
            "transport": transport,
            "scale": {"rates": 1, "time": 1},
            **sends,
            **section,
        },
    }


def records(directory: Path, program: str, event: str) -> list[dict[str, Any]]:
    lines = (directory / f"{program}.jsonl").read_text().splitlines()
    return [one for line in lines if (one := json.loads(line))["event"] == event]


class Time:
    """A clock that advances while a caller waits."""

    def __init__(self) -> None:
        self.ns = 5 * MS

    def now(self) -> int:
        return self.ns

    def sleep_until(self, moment: int) -> None:
        self.ns = max(self.ns, moment)


class Narrow:
    """Takes `rate` bytes per millisecond."""

    def __init__(self, clock: Time, rate: int) -> None:
        self._clock = clock
        self._rate = rate
        self._until = clock.ns
        self.took = 0

    def send(self, sizes: deque[int]) -> int:
        if self._clock.ns < self._until:
            return 0
        size = sizes.popleft()
        self._until = self._clock.ns + size * MS // self._rate
        self.took += size
        return size

    def wait(self, seconds: float, *, for_room: bool) -> None:
        until = self._clock.ns + round(seconds * 1e9)
        if for_room:
            until = min(until, max(self._until, self._clock.ns + 1))
        self._clock.sleep_until(until)


def test_what_is_offered_is_what_the_schedule_asks_whatever_the_network_takes(
    tmp_path: Path,
) -> None:
    for name, rate in (("fast", 100_000), ("slow", 500)):
        directory = tmp_path / name
        directory.mkdir()
        generator_job = GeneratorJob.of(parse_job(job(directory, "generator")))
        clock = Time()
        outlet = Narrow(clock, rate)
        with Records(generator_job.records, "generator") as written:
            send(generator_job, written, outlet, clock)
        offered = records(directory, "generator", "offered")
        assert [one["end_ns"] - one["begin_ns"] for one in offered] == [100 * MS] * 10
        assert [one["bytes"] for one in offered] == [100_000] * 10
        assert [one["messages"] for one in offered] == [10] * 10
        assert sum(one["sent_bytes"] for one in offered) == outlet.took
    assert outlet.took == pytest.approx(500_000, rel=0.05)


def test_a_receiver_counts_window_by_window_also_when_nothing_comes(tmp_path: Path) -> None:
    sink_job = SinkJob.of(parse_job(job(tmp_path, "sink")))
    clock = Time()
    coming = iter([(30, 700), (40, 300), (450, None), (10, 50), (5, 0)])

    def take(_: memoryview) -> int:
        after, count = next(coming)
        clock.ns += after * MS
        if count is None:
            raise TimeoutError
        return count

    with Records(sink_job.records, "sink") as written:
        receive(sink_job, written, take, lambda _: None, clock.now)
    delivered = records(tmp_path, "sink", "delivered")
    assert [one["bytes"] for one in delivered] == [1000, 0, 0, 0, 0, 50]
    assert delivered[-1]["end_ns"] == clock.ns


def test_windows_have_no_gaps() -> None:
    windows = Windows(100, 10)
    windows.add(5)
    windows.add(6)
    assert list(windows.closed(109)) == []
    assert list(windows.closed(125)) == [Window(100, 110, 11, 2), Window(110, 120, 0, 0)]
    windows.add(1)
    assert list(windows.last(127)) == [Window(120, 127, 1, 1)]
    assert list(windows.last(127)) == []


@pytest.fixture
def processes() -> Iterator[list[Process]]:
    started: list[Process] = []
    yield started
    for one in started:
        one.popen.close()


def start(
    started: list[Process], directory: Path, program: str, **changes: Any
) -> tuple[Process, dict[str, Any]]:
    told = job(directory, program, **changes)
    file = directory / f"{program}.json"
    file.write_text(json.dumps(told))
    started.append(Process(file))
    return started[-1], told


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_all_that_is_offered_on_loopback_arrives(
    tmp_path: Path, processes: list[Process], transport: str
) -> None:
    sink, _ = start(processes, tmp_path, "sink", transport=transport)
    port = sink.event("listening")["port"]
    source, _ = start(processes, tmp_path, "generator", transport=transport, port=port, seconds=0.3)
    assert source.ended() == (0, "")
    assert sink.ended() == (0, "")
    offered = sum(one["bytes"] for one in records(tmp_path, "generator", "offered"))
    delivered = sum(one["bytes"] for one in records(tmp_path, "sink", "delivered"))
    assert offered == 300_000
    # What the last message has may still wait when the time is over.
    assert offered - 10_000 <= delivered <= offered


def test_both_can_be_ended_at_any_time_and_keep_their_records(
    tmp_path: Path, processes: list[Process]
) -> None:
    sink, _ = start(processes, tmp_path, "sink")
    port = sink.event("listening")["port"]
    source, _ = start(processes, tmp_path, "generator", port=port, seconds=None)
    source.event("sending")
    source.popen.send_signal(signal.SIGTERM)
    assert source.ended()[0] == 128 + signal.SIGTERM
    assert sink.ended() == (0, "")
    assert records(tmp_path, "sink", "delivered")


def test_a_source_without_a_receiver_says_so(tmp_path: Path, processes: list[Process]) -> None:
    told = job(tmp_path, "generator", port=1)
    told["limits"]["silence_seconds"] = 0.1
    file = tmp_path / "job.json"
    file.write_text(json.dumps(told))
    processes.append(Process(file))
    status, message = processes[-1].ended()
    assert status == 1
    assert message.startswith("generator: cannot reach the receiver of the traffic at 127.0.0.1:1")


@pytest.mark.parametrize(
    ("program", "section", "message"),
    [
        ("sink", {"transport": "sctp"}, "section.transport: must be one of tcp, udp"),
        (
            "generator",
            {"pattern": {**PATTERN, "kind": "bursts"}},
            "section.pattern: kind: must be one of constant, on-off, poisson",
        ),
        (
            "generator",
            {"pattern": {**PATTERN, "sizes": {"kind": "pareto", "values": [5.0], "shape": 1.0}}},
            "section.pattern: sizes: a Pareto distribution has a mean only if its shape is above 1",
        ),
        ("generator", {"seconds": 0}, "section.seconds: must be more than 0"),
    ],
)
def test_wrong_sections(
    tmp_path: Path, program: str, section: dict[str, Any], message: str
) -> None:
    assert problems(job(tmp_path, program, **section)) == (message,)


def test_a_message_leaves_in_datagrams_of_one_packet_each() -> None:
    sent: list[int] = []

    class Socket:
        def send(self, data: memoryview) -> int:
            if len(sent) == 3:
                raise BlockingIOError
            sent.append(len(data))
            return len(data)

    waiting = deque([2000, 100, 700])
    took = generator._Udp(Socket()).send(waiting)  # type: ignore[arg-type]
    assert sent == [DATAGRAM_BYTES, 2000 - DATAGRAM_BYTES, 100]
    assert (took, list(waiting)) == (2100, [700])


def test_another_repeat_has_other_arrivals(tmp_path: Path) -> None:
    told = GeneratorJob.of(parse_job(job(tmp_path, "generator")))
    assert told.chance != replace(told, repeat=1).chance
