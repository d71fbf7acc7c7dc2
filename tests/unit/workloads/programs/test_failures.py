"""Everything that can go wrong between processes: one clear line, status 1, no traceback."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.unit.workloads.trainings import PATIENCE, Bench, Process
from workloads.errors import WorkloadError
from workloads.exchange import join
from workloads.models.profiles import load_model
from workloads.process.job import parse_job
from workloads.process.records import Records
from workloads.process.training import WorkerJob
from workloads.schedule.units import Layout
from workloads.transport.connection import Connection, PeerError
from workloads.transport.sockets import Buffers, Endpoint
from workloads.transport.wire import HEADER_BYTES, Frame, FrameType, greeting

LAYOUT = Layout(load_model("alexnet"), 1, 0.005)
FIRST = LAYOUT.chunks[0]


def hello(worker: int = 0, digest: bytes = LAYOUT.digest) -> bytes:
    return greeting(FrameType.HELLO, worker, 0, digest)


def listen(worker: int = 0) -> bytes:
    return greeting(FrameType.LISTEN, worker, 0, LAYOUT.digest)


def pull(**fields: int) -> bytes:
    return Frame(FrameType.PULL, **fields).pack()


def gradient(**fields: int) -> bytes:
    return Frame(FrameType.GRADIENT, **{"length": FIRST.length, **fields}).pack()


@contextmanager
def visitor(port: int) -> Iterator[socket.socket]:
    """Something that connects to the parameter server."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as sock:
        yield sock


@contextmanager
def worker(port: int) -> Iterator[socket.socket]:
    """Worker 0, released: the socket on which it sends."""
    with visitor(port) as down, visitor(port) as up:
        down.sendall(listen())
        up.sendall(hello())
        assert Connection(down).receive() == Frame(FrameType.RELEASE)
        yield up


@pytest.mark.parametrize(
    ("first", "message"),
    [
        (
            # No more than a header: what is not read when the server closes takes its answer away.
            b"GET / HTTP/1.1\r\nHost: somebody\r\n\r\n"[:HEADER_BYTES],
            "not a dmlbed frame: it starts with b'GET ', expected b'DMLB'",
        ),
        (pull(), "PULL frame, expected HELLO or LISTEN"),
        (b"", "disconnected"),
        (hello(worker=3), "worker number 3, but there are 3 workers"),
        (
            hello(1, bytes(32)),
            "worker1 has another model layout (digest 000000000000, expected "
            f"{LAYOUT.digest.hex()[:12]})",
        ),
        (Frame(FrameType.HELLO).pack(), "a greeting without a payload"),
        (
            greeting(FrameType.LISTEN, 2, 1, LAYOUT.digest),
            "worker2 has a flow 1, but the number of flows is 1",
        ),
    ],
)
def test_a_visitor_is_refused(bench: Bench, first: bytes, message: str) -> None:
    ps = bench.start("ps")
    with visitor(ps.event("listening")["port"]) as sock:
        sock.sendall(first)
        sock.shutdown(socket.SHUT_WR)
        host, port = sock.getsockname()
        with pytest.raises(PeerError) as told:
            Connection(sock).receive()
    assert ps.ended() == (1, f"ps: connection from {host}:{port}: {message}\n")
    assert str(told.value) == f"connection refused: {message}"


def test_a_visitor_that_says_nothing(bench: Bench) -> None:
    ps = bench.start("ps", silence_seconds=0.2)
    with visitor(ps.event("listening")["port"]) as sock:
        host, port = sock.getsockname()
        message = f"ps: connection from {host}:{port}: sent no complete frame in time\n"
        assert ps.ended() == (1, message)


def test_a_second_worker_of_the_same_number(bench: Bench) -> None:
    ps = bench.start("ps")
    port = ps.event("listening")["port"]
    with visitor(port) as first, visitor(port) as second:
        first.sendall(hello())
        first_at = "{}:{}".format(*first.getsockname())
        second.sendall(hello())
        second_at = "{}:{}".format(*second.getsockname())
        message = f"connection from {second_at}: worker0 is already connected from {first_at}"
        assert ps.ended() == (1, f"ps: {message}\n")
        with pytest.raises(PeerError) as told:
            Connection(first).receive()
    assert str(told.value) == message


def test_workers_that_do_not_come(bench: Bench) -> None:
    ps = bench.start("ps", silence_seconds=0.5)
    port = ps.event("listening")["port"]
    with visitor(port) as down, visitor(port) as up, visitor(port) as half:
        down.sendall(listen(1))
        up.sendall(hello(1))
        half.sendall(hello(2))
        message = "ps: not connected within 0.5 s: worker0, worker2\n"
        assert ps.ended() == (1, message)


def test_a_worker_too_many_finds_nobody_listening(bench: Bench) -> None:
    ps = bench.start("ps", workers=["worker0"])
    port = ps.event("listening")["port"]
    with worker(port):
        late = bench.start("worker0", workers=["worker0"], port=port, silence_seconds=0.3)
        assert late.ended() == (
            1,
            f"worker0: cannot reach the parameter server at 127.0.0.1:{port} "
            "within 0.3 s: Connection refused\n",
        )


Talk = Callable[[socket.socket], None]


def with_worker(bench: Bench, talk: Talk, silence_seconds: float = 30) -> tuple[int, str]:
    """Let `talk` be worker0, the only one, once it is released; return how the server ends."""
    ps = bench.start("ps", workers=["worker0"], silence_seconds=silence_seconds)
    with worker(ps.event("listening")["port"]) as sock:
        talk(sock)
        return ps.ended()


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (b"nonsense" * 4, "not a dmlbed frame: it starts with b'nons', expected b'DMLB'"),
        (struct.pack("!4sB", b"DMLB", 9) + bytes(23), "protocol version 9, expected 4"),
        (hello(), "unexpected HELLO frame"),
        (pull(iteration=1), "PULL frame of iteration 1"),
        (pull(worker=2), "PULL frame of worker 2"),
        (pull(tensor=16), "unknown tensor 16 (the model has 16)"),
        (pull(length=4), "PULL frame with a payload of 4 bytes"),
        (pull() + pull(), "tensor 0 pulled twice"),
        (gradient(), "tensor 0 pushed before it was pulled"),
        (pull() + 2 * (gradient() + bytes(FIRST.length)), "tensor 0 at offset 0 pushed twice"),
        (
            gradient(length=FIRST.length - 4),
            f"{FIRST.length - 4} bytes at offset 0 are no chunk of tensor 0 ({FIRST.length} bytes)",
        ),
        (
            gradient(offset=4),
            f"{FIRST.length} bytes at offset 4 are no chunk of tensor 0 ({FIRST.length} bytes)",
        ),
        (
            gradient(offset=2**64 - 1),
            f"{FIRST.length} bytes at offset 18446744073709551615 are no chunk of tensor 0 "
            f"({FIRST.length} bytes)",
        ),
    ],
)
def test_a_worker_that_talks_nonsense(bench: Bench, sent: bytes, message: str) -> None:
    end = with_worker(bench, lambda sock: sock.sendall(sent))
    assert end == (1, f"ps: iteration 0: worker0: {message}\n")


def test_a_worker_that_disconnects(bench: Bench) -> None:
    end = with_worker(bench, lambda sock: sock.shutdown(socket.SHUT_RDWR))
    assert end == (1, "ps: iteration 0: worker0: disconnected\n")


def test_a_worker_that_gives_up(bench: Bench) -> None:
    end = with_worker(bench, lambda sock: Connection(sock).send_error("iteration 0: too hot"))
    assert end == (1, "ps: iteration 0: worker0: gave up: iteration 0: too hot\n")


def test_a_worker_that_is_silent(bench: Bench) -> None:
    end = with_worker(bench, lambda _: None, silence_seconds=0.3)
    assert end == (
        1,
        "ps: iteration 0: nothing moved for 0.3 s; waiting for worker0 "
        f"(pulled 0, pushed 0 of {len(LAYOUT.units)} units)\n",
    )


def test_the_others_are_told_who_failed(bench: Bench) -> None:
    two = {"workers": ["worker0", "worker1"]}
    ps = bench.start("ps", **two)
    port = ps.event("listening")["port"]
    other = bench.start("worker1", **two, port=port)
    with worker(port):
        pass
    assert ps.ended() == (1, "ps: iteration 0: worker0: disconnected\n")
    status, errors = other.ended()
    assert status == 1
    # It may have pushed its whole gradient by then, and wait for the next iteration.
    assert errors.replace("worker1: iteration 1:", "worker1: iteration 0:") == (
        "worker1: iteration 0: the parameter server gave up: iteration 0: worker0: disconnected\n"
    )


def test_an_address_in_use(bench: Bench, listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    assert bench.start("ps", port=port).ended() == (
        1,
        f"ps: cannot listen on 127.0.0.1:{port}: Address already in use\n",
    )


def test_an_address_of_another_host(bench: Bench) -> None:
    elsewhere = "192.0.2.1"  # for documentation; nobody has it
    assert bench.start("ps", address=elsewhere).ended() == (
        1,
        "ps: cannot listen on 192.0.2.1:0: Cannot assign requested address\n",
    )
    assert bench.start("worker0", bind=elsewhere, port=1).ended() == (
        1,
        "worker0: cannot use the address 192.0.2.1: Cannot assign requested address\n",
    )


def test_records_that_cannot_be_written(bench: Bench) -> None:
    assert bench.start("ps", records="/nowhere/ps.jsonl").ended() == (
        1,
        "ps: cannot write the records /nowhere/ps.jsonl: No such file or directory\n",
    )


def with_server(
    bench: Bench, listener: socket.socket, talk: Talk, silence_seconds: float = 30
) -> tuple[int, str]:
    """Let `talk` be the parameter server, once a worker has said hello; return how that ends."""
    port = listener.getsockname()[1]
    worker: Process = bench.start("worker1", port=port, silence_seconds=silence_seconds)
    sock, (address, _) = listener.accept()
    other, _ = listener.accept()
    with sock, other:
        assert address == "127.0.0.3"  # what the job says, not what the route would choose
        for one, kind in ((sock, FrameType.LISTEN), (other, FrameType.HELLO)):
            connection = Connection(one)
            assert connection.receive() == Frame(kind, 1, length=33)
            assert connection.receive_bytes(33) == b"\0" + LAYOUT.digest
        talk(sock)
        return worker.ended()


RELEASE = Frame(FrameType.RELEASE).pack()


def parameters(**fields: int) -> bytes:
    return Frame(FrameType.PARAMETERS, **{"length": FIRST.length, **fields}).pack()


def done(iteration: int) -> bytes:
    return Frame(FrameType.DONE, iteration=iteration).pack()


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (b"\0" * 28, r"not a dmlbed frame: it starts with b'\x00\x00\x00\x00', expected b'DMLB'"),
        (Frame(FrameType.RELEASE, iteration=1).pack(), "unexpected RELEASE frame of iteration 1"),
        (RELEASE + RELEASE, "unexpected RELEASE frame of iteration 0"),
        (
            RELEASE + Frame(FrameType.DONE, iteration=1).pack(),
            "unexpected DONE frame of iteration 1",
        ),
        (RELEASE + pull(), "unexpected PULL frame of iteration 0"),
        (RELEASE + parameters(iteration=4), "PARAMETERS frame of iteration 4"),
        (RELEASE + parameters(tensor=99), "unknown tensor 99 (the model has 16)"),
        (
            RELEASE + 2 * (parameters() + bytes(FIRST.length)),
            "tensor 0 at offset 0 sent twice",
        ),
    ],
)
def test_a_server_that_talks_nonsense(
    bench: Bench, listener: socket.socket, sent: bytes, message: str
) -> None:
    end = with_server(bench, listener, lambda sock: sock.sendall(sent))
    assert end == (1, f"worker1: iteration 0: the parameter server: {message}\n")


def test_a_server_that_disconnects(bench: Bench, listener: socket.socket) -> None:
    end = with_server(bench, listener, lambda sock: sock.shutdown(socket.SHUT_RDWR))
    assert end == (1, "worker1: iteration 0: the parameter server disconnected\n")


def test_a_server_that_never_releases(bench: Bench, listener: socket.socket) -> None:
    end = with_server(bench, listener, lambda _: None, silence_seconds=0.3)
    assert end == (
        1,
        "worker1: iteration 0: nothing moved for 0.3 s while waiting for the step barrier\n",
    )


def test_a_server_that_does_not_answer(bench: Bench, listener: socket.socket) -> None:
    end = with_server(bench, listener, lambda sock: sock.sendall(RELEASE), silence_seconds=0.3)
    assert end == (
        1,
        "worker1: iteration 0: nothing moved for 0.3 s while waiting for the parameters of "
        "layer 0\n",
    )


def test_a_server_that_is_not_there(bench: Bench, listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    listener.close()
    worker = bench.start("worker0", port=port, silence_seconds=0.3)
    assert worker.ended() == (
        1,
        f"worker0: cannot reach the parameter server at 127.0.0.1:{port} "
        "within 0.3 s: Connection refused\n",
    )


def test_a_server_behind_a_long_way_is_waited_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as the job says, which knows the way."""
    job = WorkerJob.of(parse_job(bench.job("worker0", {"silence_seconds": 300})))

    def connect(
        bind: str, server: Endpoint, buffers: Buffers, patience: float, *, who: str
    ) -> socket.socket:
        raise WorkloadError(f"{bind}, {server}, {who}, {buffers.send}: {patience:g} s")

    monkeypatch.setattr(join, "connect", connect)
    with Records(job.records, job.host) as records, pytest.raises(WorkloadError, match=": 300 s"):
        join.join(job, job.layout, records, "ps")


def test_nobody_follows_the_events(bench: Bench) -> None:
    ps = bench.start("ps")
    ps.event("started")
    ps.popen.stdout.close()
    assert ps.ended() == (1, "ps: the reader of the events is gone: Broken pipe\n")
