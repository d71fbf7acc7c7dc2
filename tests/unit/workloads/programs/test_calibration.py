"""Calibrations of real processes on loopback: how much arrives, and how they fail."""

from __future__ import annotations

import os
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path
from threading import Timer
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.unit.workloads.process.test_job import problems
from tests.unit.workloads.trainings import PATIENCE, Bench, Process
from workloads.models.profiles import load_model
from workloads.process.job import parse_job
from workloads.process.records import Records
from workloads.programs import calibration
from workloads.programs.calibration import TrafficServerJob, TrafficWorker
from workloads.schedule.units import Layout
from workloads.transport.connection import Connection, Disconnected, PeerError
from workloads.transport.send_queue import Parcel
from workloads.transport.wire import Frame, FrameType, greeting

TRAFFIC: dict[str, Any] = {"seconds": 0.6, "model": "googlenet"}
SERVER = {"program": "traffic-server", **TRAFFIC}
WORKER = {"program": "traffic-worker", **TRAFFIC}
LAYOUT = Layout(load_model("googlenet"), 1, 0.005)


def start(bench: Bench, **changes: Any) -> tuple[Process, list[Process]]:
    ps = bench.start("ps", **{**SERVER, **changes})
    port = ps.event("listening")["port"]
    told = {**WORKER, "port": port, **changes}
    workers = [bench.start(f"worker{n}", **told) for n in range(3)]
    return ps, workers


def windows(bench: Bench, name: str) -> list[dict[str, Any]]:
    return [record for record in bench.records(name) if record["event"] == "window"]


def receive_all(connection: Connection) -> None:
    while True:
        connection.receive_bytes(connection.receive().length)


def test_both_directions_deliver_all_the_time(bench: Bench) -> None:
    before_ns = time.monotonic_ns()
    ps, workers = start(bench)
    assert [process.ended() for process in (ps, *workers)] == [(0, "")] * 4
    asked_ns = round(TRAFFIC["seconds"] * 1e9)
    for name, connections in (("ps", 3), ("worker0", 1), ("worker1", 1), ("worker2", 1)):
        rows = windows(bench, name)
        assert all(len(row["received"]) == connections for row in rows)
        assert all(row["begin_ns"] < row["end_ns"] for row in rows)
        # One window after the other. On a busy machine the first begins late, and none ends early.
        ends = [row["end_ns"] for row in rows]
        assert [row["begin_ns"] for row in rows[1:]] == ends[:-1]
        assert ends[-1] >= before_ns + asked_ns
        for connection in range(connections):
            assert sum(row["received"][connection] for row in rows) > LAYOUT.bytes
    released = [r for r in bench.records("ps") if r["event"] == "released"]
    assert released[0]["released_ns"] <= windows(bench, "ps")[0]["begin_ns"]
    assert windows(bench, "ps")[-1]["end_ns"] >= released[0]["released_ns"] + asked_ns
    # What the kernel counted at the end is what the windows hold, but for the first and last.
    end = bench.records("ps")[-1]
    assert end["event"] == "end"
    for number, connection in enumerate(end["connections"]):
        counted = sum(row["received"][number] for row in windows(bench, "ps"))
        assert 0.5 * connection["bytes_received"] < counted <= connection["bytes_received"]
    # The server sums: one slice for every three that arrived.
    delivered = sum(connection["bytes_received"] for connection in end["connections"])
    assert 0.5 * delivered / 3 < end["applied_bytes"] <= delivered / 3


def test_on_a_slow_link_what_was_begun_is_not_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "FINISH_SECONDS", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = socket.create_connection(server.getsockname(), timeout=None)
        theirs, _ = server.accept()
    connection = Connection(ours)
    whole = bytes(8 << 20)  # more than a socket holds, to a peer that does not take any of it

    def send() -> None:
        with suppress(Disconnected):
            connection.send([Parcel(whole)])

    def receive() -> None:
        with suppress(Disconnected):
            connection.receive()

    job = SimpleNamespace(seconds=0.1, silence_seconds=PATIENCE)
    with Records(tmp_path / "ps.jsonl", "ps") as records:
        Timer(0.0, theirs.shutdown, [socket.SHUT_WR]).start()
        bodies = [("", send), ("", receive)]
        until = time.monotonic_ns() + 10_000_000
        calibration.exchange(bodies, [connection], records, until, cast("TrafficServerJob", job))
    theirs.settimeout(PATIENCE)
    taken = 0
    while got := theirs.recv(1 << 20):
        taken += len(got)
    assert 0 < taken < len(whole)


def test_a_killed_worker_ends_the_calibration(bench: Bench) -> None:
    ps, workers = start(bench, seconds=3)
    ps.event("calibrating")
    os.kill(workers[1].popen.pid, signal.SIGKILL)
    status, message = ps.ended()
    assert status == 1
    assert message.startswith("ps: worker1: disconnected")
    for worker in (workers[0], workers[2]):
        assert worker.ended()[0] == 1


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (Frame(FrameType.PULL, 0), "worker0: unexpected PULL frame of worker 0"),
        (Frame(FrameType.GRADIENT, 1), "worker0: unexpected GRADIENT frame of worker 1"),
        (Frame(FrameType.GRADIENT, 0, length=3), "worker0: 3 bytes at offset 0 are no chunk"),
    ],
)
def test_a_frame_that_does_not_belong_there(bench: Bench, frame: Frame, message: str) -> None:
    ps = bench.start("ps", **{**SERVER, "workers": ["worker0"], "seconds": 0.1})
    port = ps.event("listening")["port"]
    there = ("127.0.0.1", port)
    with (
        socket.create_connection(there, timeout=PATIENCE) as down,
        socket.create_connection(there, timeout=PATIENCE) as up,
    ):
        connection = Connection(down, up)
        listen, hello = (
            greeting(kind, 0, 0, LAYOUT.digest) for kind in (FrameType.LISTEN, FrameType.HELLO)
        )
        Connection(down).send([Parcel(listen)])
        connection.send([Parcel(hello), Parcel(frame.pack() + bytes(frame.length))])
        with pytest.raises(PeerError, match=message):
            receive_all(connection)
    status, errors = ps.ended()
    assert status == 1
    assert errors.startswith(f"ps: {message}")


def test_the_job_of_a_calibration(bench: Bench) -> None:
    job = TrafficWorker().read(parse_job(bench.job("worker1", WORKER)))
    assert (job.worker, job.seconds) == (1, 0.6)
    assert problems(bench.job("ps", {"program": "traffic-server"})) == ("section.seconds: missing",)
    assert problems(bench.job("ps", {"seconds": 2})) == ("section.seconds: unknown key",)
    assert problems(bench.job("ps", {**SERVER, "seconds": 0})) == (
        "section.seconds: must be more than 0",
    )
