from __future__ import annotations

import queue
import signal
import threading

import pytest

from orchestrator.deployment.process import (
    LONGEST_LINE,
    Ended,
    Printed,
    RemoteProcess,
    Told,
    describe_end,
)
from orchestrator.errors import RunError


class FakeChannel:
    """A channel whose output is fed by a test; verified against sshd by the system tests."""

    def __init__(self, stdout: list[bytes], stderr: list[bytes] | None = None) -> None:
        self.stdout: queue.Queue[bytes] = queue.Queue()
        self.stderr: queue.Queue[bytes] = queue.Queue()
        for chunk in stdout:
            self.stdout.put(chunk)
        for chunk in stderr or []:
            self.stderr.put(chunk)
        self.status = -1
        self.exited = threading.Event()
        self.closed = False

    def recv(self, nbytes: int) -> bytes:  # noqa: ARG002
        return self.stdout.get()

    def recv_stderr(self, nbytes: int) -> bytes:  # noqa: ARG002
        return self.stderr.get()

    def recv_exit_status(self) -> int:
        self.exited.wait()
        return self.status

    def close(self) -> None:
        self.closed = True

    def exit(self, status: int) -> None:
        self.stdout.put(b"")
        self.stderr.put(b"")
        self.status = status
        self.exited.set()


class Host:
    """Ends the channel's process when it is asked to end the session."""

    def __init__(self, channel: FakeChannel) -> None:
        self.channel = channel
        self.asked: list[tuple[int, float]] = []

    def end_session(self, pid: int, grace: float) -> None:
        self.asked.append((pid, grace))
        self.channel.exit(128 + signal.SIGTERM)


def follow(channel: FakeChannel) -> RemoteProcess:
    return RemoteProcess("worker1", channel, end_session=Host(channel).end_session)


def ended(channel: FakeChannel, status: int) -> RemoteProcess:
    process = follow(channel)
    channel.exit(status)
    assert process.wait(10)
    return process


def test_json_lines_are_events_and_the_rest_is_output() -> None:
    channel = FakeChannel(
        [
            b"Welcome to this machine",
            b'\ndmlbed-pid 42\n{"event": "star',
            b'ted"}\n{"event": broken}\n[1]\n17\n{"ev',
            b'ent": "finished"}',
        ]
    )
    process = ended(channel, 0)
    assert process.pid == 42
    told = [process.events.get_nowait() for _ in range(process.events.qsize())]
    assert told == [
        Told("worker1", {"event": "started"}),
        Told("worker1", {"event": "finished"}),
        Ended("worker1", 0),
    ]
    assert process.tail()[0] == "Welcome to this machine"
    assert '{"event": broken}' in process.tail()
    assert channel.closed


def test_noise_without_a_line_end_before_the_pid() -> None:
    process = ended(FakeChannel([b"noise dmlbed-pid 7\ndmlbed-pid 8\n"]), 0)
    assert process.pid == 7
    assert process.tail() == ["noise ", "dmlbed-pid 8"]


def test_the_tail_is_short_and_cannot_drive_a_terminal() -> None:
    lines = b"".join(b"line %d\n" % number for number in range(150))
    process = ended(FakeChannel([b"dmlbed-pid 1\n" + lines, b"\x1b[2J\xff\t\n"]), 0)
    assert len(process.tail()) == 100
    assert process.tail()[-2:] == ["line 149", " [2J\ufffd "]


def test_a_line_without_end_is_taken_in_pieces() -> None:
    process = ended(FakeChannel([b"dmlbed-pid 1\n"] + [b"x" * LONGEST_LINE] * 3), 0)
    assert max(len(line) for line in process.tail()) <= 2 * LONGEST_LINE
    assert sum(len(line) for line in process.tail()) == 3 * LONGEST_LINE


def test_events_may_be_deep() -> None:
    process = ended(FakeChannel([b'dmlbed-pid 1\n{"a":' + b"[" * 60_000 + b"\n"]), 0)
    assert process.events.get_nowait() == Ended("worker1", 0)


@pytest.mark.parametrize(
    ("sent", "status", "words"),
    [
        (0, 0, "ended with exit status 0"),
        (3, 3, "ended with exit status 3"),
        (137, -9, "killed by signal SIGKILL"),
        (128 + 99, -99, "killed by signal 99"),
        (-1, None, "the SSH connection or session ended before the process did"),
    ],
)
def test_how_it_ended(sent: int, status: int | None, words: str) -> None:
    process = ended(FakeChannel([b"dmlbed-pid 1\n"]), sent)
    assert process.status == status
    assert process.events.get_nowait() == Ended("worker1", status)
    assert describe_end(status) == words


def test_a_process_that_never_ran() -> None:
    process = ended(FakeChannel([], [b"cannot cd to /x\n"]), 126)
    assert not process.wait_for_pid(10)
    assert process.tail() == ["cannot cd to /x"]
    process.stop()  # nothing to stop


def test_stop_ends_the_session_once() -> None:
    channel = FakeChannel([b"dmlbed-pid 5\n"])
    host = Host(channel)
    process = RemoteProcess("worker1", channel, end_session=host.end_session)
    assert process.wait_for_pid(10)
    assert process.status is None
    assert not process.ended
    process.stop(grace=0.25)
    process.stop(grace=0.25)
    assert host.asked == [(5, 0.25)]
    assert process.status == -signal.SIGTERM
    assert channel.closed


def test_a_stop_that_fails_may_be_tried_again() -> None:
    channel = FakeChannel([b"dmlbed-pid 5\n"])

    def refuse(pid: int, grace: float) -> None:
        raise RunError(f"{pid} is still there after {grace} s")

    process = RemoteProcess("worker1", channel, end_session=refuse)
    assert process.wait_for_pid(10)
    for _ in range(2):
        with pytest.raises(RunError, match="5 is still there"):
            process.stop()
    channel.exit(0)


@pytest.mark.parametrize("held", [False, True])
def test_output_that_does_not_end_is_told_with_the_end(held: bool) -> None:
    channel = FakeChannel([b"dmlbed-pid 42\n", b"half an ans"])
    process = RemoteProcess(
        "worker1", channel, end_session=Host(channel).end_session, drain_seconds=0.0 if held else 10
    )
    if held:
        channel.status = 0
        channel.exited.set()
    else:
        channel.exit(0)
    assert process.events.get(timeout=10) == Ended("worker1", 0, cut_short=held)


def test_a_program_that_prints_gigabytes_takes_no_memory() -> None:
    channel = FakeChannel([b"dmlbed-pid 7\n", *[b"x" * 1000 + b"\n"] * 100])
    process = RemoteProcess(
        "it", channel, end_session=Host(channel).end_session, tells=False, printed_bytes=5000
    )
    channel.exit(0)
    assert process.wait(10)
    messages = [process.events.get(timeout=10) for _ in range(process.events.qsize())]
    assert [type(message) for message in messages] == [*[Printed] * 4, Ended]
    assert process.printed_too_much


def test_every_line_of_a_program_that_tells_no_events_is_a_message() -> None:
    channel = FakeChannel([b"dmlbed-pid 42\n", b'{"a": 1}\n', b"the end"], [b"oh\n"])
    process = RemoteProcess("it", channel, end_session=Host(channel).end_session, tells=False)
    channel.exit(0)
    assert process.wait(10)
    messages = [process.events.get(timeout=10) for _ in range(4)]
    stdout = [m.text for m in messages if isinstance(m, Printed) and m.stream == "stdout"]
    assert stdout == ['{"a": 1}\n', "the end"]
    assert Printed("it", "stderr", "oh\n") in messages
    assert messages[-1] == Ended("it", 0)
