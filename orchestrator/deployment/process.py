"""A process on a host: its output drained and read as events, its end observed, its stop.

Three threads per process, asleep unless the process speaks: one each for stdout and stderr, one
that waits for the exit status. paramiko's exit status may never come while output is not drained,
and output may never end while a stray child holds it, hence the separate thread and the deadline.
"""

from __future__ import annotations

import json
import queue
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from orchestrator.deployment.scripts import PID_MARK

KEPT_LINES = 100
"""Of its output, for a message: the last 20 may be by what started the program."""

LONGEST_LINE = 64 * 1024
"""A followed process' longer lines are taken in pieces, so that none fills the memory."""

DRAIN_SECONDS = 10.0
"""How long output may go on after the exit status: on a busy machine it comes late."""

_LINE_BYTES = 200
"""What a line takes in memory beside its text, while it waits to be heard."""

_STOPPED_SECONDS = 2.0  # the same of a process that was stopped: nobody waits for what it tells


@dataclass(frozen=True)
class Told:
    """A process printed a JSON object on a line of its stdout."""

    process: str
    event: dict[str, Any]


@dataclass(frozen=True)
class Printed:
    """A process that tells no events printed something.

    Attributes:
        process: its name.
        stream: on which stream.
        text: a line with its end, or a piece of a very long one.
        t_ns: when it came, on this machine's monotonic clock.
    """

    process: str
    stream: str
    text: str
    t_ns: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Ended:
    """A process ended.

    Attributes:
        process: its name.
        status: exit status; negative for the signal that killed it; None if the SSH session ended
            without telling (connection dropped, session killed).
        cut_short: whether its output was still going on when the time for it was over: what it
            told is then not all.
    """

    process: str
    status: int | None
    cut_short: bool = False


Message: TypeAlias = Told | Printed | Ended


class Channel(Protocol):
    """What is used of `paramiko.Channel`."""

    def recv(self, nbytes: int) -> bytes: ...
    def recv_stderr(self, nbytes: int) -> bytes: ...
    def recv_exit_status(self) -> int: ...
    def close(self) -> None: ...


class RemoteProcess:
    """A process on a host, leader of its own session.

    Attributes:
        name: of the process, by default its host's.
        pid: process id on the host, also the id of its session and process group.
        events: the queue of what it tells, as `Told` or `Printed`, and once of its end, as `Ended`.
        printed_too_much: whether it tells no events and has printed more than it may; what follows
            is not told.
    """

    def __init__(
        self,
        name: str,
        channel: Channel,
        *,
        end_session: Callable[[int, float], None],
        events: queue.Queue[Message] | None = None,
        listener: Callable[[str, str], None] | None = None,
        tells: bool = True,
        printed_bytes: int | None = None,
        drain_seconds: float = DRAIN_SECONDS,
    ) -> None:
        """Follow the process behind a channel on which a start command was executed.

        Args:
            name: of the process, for messages.
            channel: the channel; it is closed when the process has ended.
            end_session: ends all processes of a session (pid, grace in seconds), raises RunError.
            events: queue to use; one of its own by default.
            listener: called with ("stdout" | "stderr", line) instead of keeping lines.
            tells: whether its output has events; if not, every line becomes a message.
            printed_bytes: how much it may print then, each line counted with what it takes in
                memory; None: as much as it likes.
            drain_seconds: how long its output may go on after its end.
        """
        self.name = name
        self.pid = 0
        self._drain_seconds = drain_seconds
        self.events: queue.Queue[Message] = queue.Queue() if events is None else events
        self._channel = channel
        self._end_session = end_session
        self._listener = listener
        self._tells = tells
        self.printed_too_much = False
        self._may_print = printed_bytes
        self._printed_bytes = 0
        self._printing = threading.Lock()
        self._longest_line = LONGEST_LINE if listener is None else sys.maxsize
        self._tail: deque[str] = deque(maxlen=KEPT_LINES)
        self._status: int | None = None
        self._stopped = False
        self._ended = threading.Event()
        self._known = threading.Event()  # the pid is known, or never will be
        self._readers = (
            threading.Thread(target=self._read, args=("stdout", channel.recv), daemon=True),
            threading.Thread(target=self._read, args=("stderr", channel.recv_stderr), daemon=True),
        )
        for reader in self._readers:
            reader.start()
        threading.Thread(target=self._watch, daemon=True).start()

    @property
    def status(self) -> int | None:
        """As in `Ended`; None also while the process runs."""
        return self._status if self._ended.is_set() else None

    @property
    def ended(self) -> bool:
        """Whether its end was seen."""
        return self._ended.is_set()

    def tail(self) -> list[str]:
        """The last 100 lines of its output, stdout and stderr in the order of arrival."""
        return list(self._tail)

    def wait_for_pid(self, timeout: float) -> bool:
        """Wait until the process runs; False if it ended before or the time is over."""
        self._known.wait(timeout)
        return self.pid != 0

    def wait(self, timeout: float) -> bool:
        """Wait for its end; False if the time is over."""
        return self._ended.wait(timeout)

    def stop(self, grace: float = 1.0) -> None:
        """End it and all processes of its session: TERM, `grace` seconds, KILL.

        Safe to repeat, and after its end.

        Raises:
            RunError: a process is still there, or the host does not answer.
        """
        if self.pid and not self._stopped:
            # also after its end: a child with a process group of its own may be left
            self._end_session(self.pid, grace)
            self._stopped = True
        self._ended.wait(_STOPPED_SECONDS)
        self._channel.close()

    def _read(self, stream: str, receive: Callable[[int], bytes]) -> None:
        held = b""
        while True:
            try:
                chunk = receive(32 * 1024)
            except OSError:
                chunk = b""
            if self.printed_too_much:
                # It is drained, and nobody looks at it.
                held = b""
                if not chunk:
                    return
                continue
            *lines, held = (held + chunk).split(b"\n")
            for line in lines:
                self._line(stream, line, "\n")
            if held and (not chunk or len(held) > self._longest_line):
                self._line(stream, held, "")
                held = b""
            if not chunk:
                return

    def _line(self, stream: str, content: bytes, end: str) -> None:
        line = content.decode("utf-8", errors="replace")
        mark, _, number = line.rpartition(PID_MARK)
        if stream == "stdout" and not self.pid and number.isdigit() and number != line:
            # text before the mark is what a login shell printed without ending its line
            self.pid = int(number)
            self._known.set()
            if mark:
                self._keep(mark)
        elif self._listener is not None:
            self._listener(stream, line)
        else:
            self._keep(line)
            self._tell(stream, line, end)

    def _keep(self, line: str) -> None:
        self._tail.append("".join(c if c.isprintable() else " " for c in line))

    def _tell(self, stream: str, line: str, end: str) -> None:
        if not self._tells:
            self._print(stream, line + end)
        elif stream == "stdout" and line.startswith("{"):
            try:
                event = json.loads(line)
            except (ValueError, RecursionError):
                return
            if isinstance(event, dict):
                self.events.put(Told(self.name, event))

    def _print(self, stream: str, text: str) -> None:
        """Tell what it prints, as long as that is not too much: its output is drained anyway."""
        now = time.monotonic_ns()
        if self._may_print is not None:
            with self._printing:
                self._printed_bytes += len(text) + _LINE_BYTES
                if self._printed_bytes > self._may_print:
                    self.printed_too_much = True
                    return
        self.events.put(Printed(self.name, stream, text, now))

    def _watch(self) -> None:
        # -1: the channel was closed without a status. 128 + n: killed by signal n.
        status = self._channel.recv_exit_status()
        deadline = time.monotonic() + self._drain_seconds
        for reader in self._readers:
            reader.join(max(0.0, deadline - time.monotonic()))
        cut_short = any(reader.is_alive() for reader in self._readers)
        self._channel.close()
        if status > 128:
            self._status = 128 - status
        elif status >= 0:
            self._status = status
        self._ended.set()
        self._known.set()
        self.events.put(Ended(self.name, self._status, cut_short))


def describe_end(status: int | None) -> str:
    """What a status (see `Ended`) means, in words."""
    if status is None:
        return "the SSH connection or session ended before the process did"
    if status >= 0:
        return f"ended with exit status {status}"
    try:
        return f"killed by signal {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"
