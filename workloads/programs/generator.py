"""A source of traffic: sends to one receiver what its schedule asks, when it asks for it.

What could not be sent in time waits in the process and is sent as soon as the network takes it:
what is offered is what the schedule asked for, and not what was possible.
"""

from __future__ import annotations

import select
import socket
from collections import deque
from contextlib import suppress
from typing import Protocol

from workloads.errors import WorkloadError
from workloads.process.events import announce
from workloads.process.job import Job
from workloads.process.process_records import ConnectionRecord
from workloads.process.records import Records
from workloads.process.traffic import DATAGRAM_BYTES, GeneratorJob
from workloads.process.traffic_records import OfferedRecord
from workloads.process.windows import Window, Windows
from workloads.programs.program import Program
from workloads.schedule.arrivals import arrivals, scaled
from workloads.training.clock import Clock, SystemClock
from workloads.transport.sockets import connect, kept_settings, set_send_buffer

_AT_ONCE_BYTES = 256 * 1024
_END_DATAGRAMS = 5
"""Empty ones say that this was all; each may be lost."""


class Outlet(Protocol):
    """Where bytes leave."""

    def send(self, sizes: deque[int]) -> int:
        """Take what it can of messages; shortens the list, and returns how many bytes it took."""

    def wait(self, seconds: float, *, for_room: bool) -> None:
        """Return after that time, or before if there may be room again, if that is asked for."""


class Generator(Program[GeneratorJob]):
    """The source."""

    def read(self, job: Job) -> GeneratorJob:
        """Check the section of a source of traffic."""
        return GeneratorJob.of(job)

    def run(self, job: GeneratorJob, records: Records) -> None:
        """Send for as long as it is told.

        Raises:
            WorkloadError: the receiver cannot be reached, or is gone.
        """
        sock = _tcp(job, records) if job.transport == "tcp" else _udp(job)
        with sock:
            announce("sending")
            outlet: Outlet = _Tcp(sock) if job.transport == "tcp" else _Udp(sock)
            send(job, records, outlet, SystemClock())
            if job.transport == "udp":
                for _ in range(_END_DATAGRAMS):
                    with suppress(OSError):
                        sock.send(b"")


def send(job: GeneratorJob, records: Records, outlet: Outlet, clock: Clock) -> None:
    """Offer what the schedule asks for, window by window, and send as much of it as can be."""
    begin = clock.now()
    end = None if job.seconds is None else begin + round(job.seconds * 1e9)
    messages = scaled(arrivals(job.pattern, job.chance), job.rates, job.time)
    windows = Windows(begin, job.window_ns)
    due, size = next(messages)
    waiting: deque[int] = deque()
    sent = 0

    def write(one: Window) -> None:
        nonlocal sent
        records.write(OfferedRecord(*one, sent_bytes=sent))
        sent = 0

    while True:
        now = clock.now() if end is None else min(end, clock.now())
        while begin + due <= now and (end is None or begin + due < end):
            for one in windows.closed(begin + due):
                write(one)
            windows.add(size)
            waiting.append(size)
            due, size = next(messages)
        for one in windows.closed(now):
            write(one)
        if end is not None and now >= end:
            break
        if waiting:
            sent += outlet.send(waiting)
        until = min(begin + due, windows.end_ns, *(() if end is None else (end,)))
        outlet.wait(max(0.0, (until - clock.now()) / 1e9), for_room=bool(waiting))
    for one in windows.last(now):
        write(one)


class _Tcp:
    """A connection: messages are one stream."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._zeros = memoryview(bytes(_AT_ONCE_BYTES))

    def send(self, sizes: deque[int]) -> int:
        total = 0
        while sizes:
            size = 0
            while sizes and size < _AT_ONCE_BYTES:
                size += sizes.popleft()
            offered = min(size, _AT_ONCE_BYTES)
            took = _took(self._socket, self._zeros[:offered])
            total += took
            if size > took:
                sizes.appendleft(size - took)
            if took < offered:
                break
        return total

    def wait(self, seconds: float, *, for_room: bool) -> None:
        _wait(self._socket, seconds, for_room=for_room)


class _Udp:
    """Datagrams: a message is cut into those that fit a packet."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._zeros = memoryview(bytes(DATAGRAM_BYTES))

    def send(self, sizes: deque[int]) -> int:
        total = 0
        while sizes:
            size = min(sizes[0], DATAGRAM_BYTES)
            took = _took(self._socket, self._zeros[:size])
            if not took:
                break
            total += took
            sizes[0] -= took
            if not sizes[0]:
                sizes.popleft()
        return total

    def wait(self, seconds: float, *, for_room: bool) -> None:
        _wait(self._socket, seconds, for_room=for_room)


def _took(sock: socket.socket, data: memoryview) -> int:
    try:
        return sock.send(data)
    except BlockingIOError:
        return 0
    except OSError as error:
        raise WorkloadError(f"the receiver of the traffic is gone: {error.strerror}") from None


def _wait(sock: socket.socket, seconds: float, *, for_room: bool) -> None:
    select.select([], [sock] if for_room else [], [], seconds)


def _tcp(job: GeneratorJob, records: Records) -> socket.socket:
    who = "the receiver of the traffic"
    sock = connect(job.bind, job.server, job.buffers, job.silence_seconds, who=who)
    records.write(ConnectionRecord(0, 0, **kept_settings(sock, sock)))
    sock.setblocking(False)
    return sock


def _udp(job: GeneratorJob) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        set_send_buffer(sock, job.buffers.send)
        sock.bind((job.bind, 0))
        sock.connect(job.server)
    except OSError as error:
        sock.close()
        raise WorkloadError(f"cannot send from {job.bind}: {error.strerror}") from None
    sock.setblocking(False)
    return sock
