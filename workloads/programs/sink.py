"""Who receives the traffic of one source, and counts what arrives."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

from workloads.errors import WorkloadError
from workloads.process.events import announce
from workloads.process.job import Job
from workloads.process.records import Records
from workloads.process.traffic import SinkJob
from workloads.process.traffic_records import DeliveredRecord
from workloads.process.windows import Windows
from workloads.programs.program import Program
from workloads.transport.sockets import listen, set_receive_buffer

_AT_ONCE_BYTES = 256 * 1024


class Sink(Program[SinkJob]):
    """The receiver."""

    opens = "listening"

    def read(self, job: Job) -> SinkJob:
        """Check the section of a receiver of traffic."""
        return SinkJob.of(job)

    def run(self, job: SinkJob, records: Records) -> None:
        """Count what arrives until the source says that this was all.

        Raises:
            WorkloadError: the address cannot be used, no source comes, or it is gone.
        """
        with _tcp(job) if job.transport == "tcp" else _udp(job) as sock:
            receive(job, records, sock.recv_into, sock.settimeout)


def receive(
    job: SinkJob,
    records: Records,
    take: Callable[[memoryview], int],
    set_timeout: Callable[[float], None],
    now: Callable[[], int] = time.monotonic_ns,
) -> None:
    """Count what arrives, window by window, until nothing more will.

    Args:
        job: of the receiver.
        records: where.
        take: fills a buffer, and says with how many bytes; 0: that was all.
        set_timeout: for how long it may wait, in seconds; it then raises a TimeoutError.
        now: monotonic ns.

    Raises:
        WorkloadError: the source is gone.
    """
    buffer = memoryview(bytearray(_AT_ONCE_BYTES))
    windows = Windows(now(), job.window_ns)
    # A timer for every call takes longer than the call.
    set_timeout(job.window_ns / 1e9)
    while True:
        try:
            count = take(buffer)
        except TimeoutError:
            count = None
        except OSError as error:
            raise WorkloadError(f"the source of the traffic is gone: {error.strerror}") from None
        moment = now()
        for one in windows.closed(moment):
            records.write(DeliveredRecord(one.begin_ns, one.end_ns, one.bytes))
        if count == 0:
            break
        windows.add(count or 0)
    for one in windows.last(moment):
        records.write(DeliveredRecord(one.begin_ns, one.end_ns, one.bytes))


def _tcp(job: SinkJob) -> socket.socket:
    with listen(job.server, job.buffers, 1) as listener:
        _say_listening(job, listener)
        listener.settimeout(job.silence_seconds)
        try:
            sock, _ = listener.accept()
        except OSError:
            raise WorkloadError(
                f"no source of traffic came within {job.silence_seconds:g} s"
            ) from None
    return sock


def _udp(job: SinkJob) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        set_receive_buffer(sock, job.buffers.receive)
        sock.bind(job.server)
    except OSError as error:
        sock.close()
        raise WorkloadError(f"cannot listen on {job.server}: {error.strerror}") from None
    _say_listening(job, sock)
    return sock


def _say_listening(job: SinkJob, sock: socket.socket) -> None:
    announce("listening", address=job.server.address, port=sock.getsockname()[1])
