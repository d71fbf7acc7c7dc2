"""Connections between workers: who sends to whom, over the data network."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence

from workloads.errors import FrameError, WorkloadError
from workloads.exchange.exchange import End
from workloads.process.process_records import ConnectionEnd, ConnectionRecord
from workloads.process.training import WorkerJob
from workloads.transport.connection import Connection, Disconnected
from workloads.transport.send_queue import Parcel
from workloads.transport.sockets import (
    connect,
    kept_settings,
    limit_not_sent,
    listen,
    mark,
    prepare,
    set_send_buffer,
    tcp_state,
)
from workloads.transport.wire import FrameType, greeting, split_greeting


class Links:
    """A worker's connections to others, one for each direction.

    Args:
        job: whose they are.
        sending: by the name of who receives.
        receiving: by the name of who sends.
    """

    def __init__(
        self,
        job: WorkerJob,
        sending: Mapping[str, socket.socket],
        receiving: Mapping[str, socket.socket],
    ) -> None:
        self._job = job
        self._sending = sending
        self._receiving = receiving

    def send(self, to: str, data: memoryview) -> None:
        """Send all bytes to a worker; blocks until the kernel has taken them.

        Raises:
            WorkloadError: it is gone, or takes nothing for too long.
        """
        sock, view = self._sending[to], data.cast("B")
        sent = 0
        while sent < len(view):
            try:
                sent += sock.send(view[sent:])
            except OSError as error:
                raise self._broken(to, error) from None

    def receive(self, of: str, into: memoryview) -> None:
        """Fill a buffer with what a worker sends.

        Raises:
            WorkloadError: it is gone, or sends nothing for too long.
        """
        sock, view = self._receiving[of], into.cast("B")
        got = 0
        while got < len(view):
            try:
                count = sock.recv_into(view[got:])
            except OSError as error:
                raise self._broken(of, error) from None
            if not count:
                raise Disconnected(f"{of} closed its connection")
            got += count

    def connection(self, *, to: str, of: str) -> Connection:
        """What carries frames to a worker, and of the same or another one.

        It waits as long as it takes: whoever uses it sees to it that something moves.
        """
        receiving, sending = self._receiving[of], self._sending[to]
        for sock in (receiving, sending):
            sock.settimeout(None)
        return Connection(receiving, sending)

    def close(self) -> list[ConnectionEnd]:
        """Close all, and return their counters: what an exchange says in `Ended.connections`."""
        ends = []
        for name, (receiving, sending) in _pairs(self._sending, self._receiving).items():
            number = self._job.workers.index(name)
            ends.append(ConnectionEnd(**tcp_state(receiving, sending), worker=number))
        for sock in (*self._sending.values(), *self._receiving.values()):
            sock.close()
        return ends

    def _broken(self, other: str, error: OSError) -> WorkloadError:
        if isinstance(error, TimeoutError):
            return WorkloadError(f"nothing moved for {self._job.silence_seconds:g} s: {other}")
        return Disconnected(f"{other} is gone: {error.strerror}")


def meet(end: End, *, to: Sequence[str], of: Sequence[str]) -> Links:
    """Connect to some workers, and wait for the connections of some.

    All others do the same, with each other's names. Afterwards none listens.

    Args:
        end: what the worker's end of the exchange works with.
        to: names of the workers to send to.
        of: names of the workers to receive from.

    Raises:
        WorkloadError: a worker does not come or answer, or a stranger does.
    """
    job, digest = end.job, end.layout.digest
    own = job.peers[job.host]
    sending: dict[str, socket.socket] = {}
    receiving: dict[str, socket.socket] = {}
    with listen(own.endpoint, job.buffers, max(1, len(of))) as listener:
        for name in to:
            peer = job.peers[name]
            sock = connect(job.bind, peer.endpoint, job.buffers, job.silence_seconds, who=name)
            if peer.send_buffer_bytes is not None:
                set_send_buffer(sock, peer.send_buffer_bytes)
            limit_not_sent(sock, job.not_sent_limit_bytes)
            mark(sock, job.flow_dscp[0])
            sock.settimeout(job.silence_seconds)
            Connection(sock).send([Parcel(greeting(FrameType.HELLO, job.worker, 0, digest))])
            sending[name] = sock
        listener.settimeout(job.silence_seconds)
        while missing := [name for name in of if name not in receiving]:
            try:
                sock, (address, _) = listener.accept()
            except TimeoutError:
                wait = f"not connected within {job.silence_seconds:g} s"
                raise WorkloadError(f"{wait}: {', '.join(missing)}") from None
            prepare(sock)
            sock.settimeout(job.silence_seconds)
            name = _greeted(sock, job, digest)
            if name not in missing:
                raise WorkloadError(f"connection from {address}: {name} was not expected")
            receiving[name] = sock
    for name, pair in _pairs(sending, receiving).items():
        end.records.write(ConnectionRecord(job.workers.index(name), 0, **kept_settings(*pair)))
    return Links(job, sending, receiving)


def _greeted(sock: socket.socket, job: WorkerJob, digest: bytes) -> str:
    """Read the first frame, and return whose connection it is."""
    connection = Connection(sock)
    frame = connection.receive()
    _, theirs = split_greeting(connection.receive_bytes(frame.length))
    if frame.type is not FrameType.HELLO or frame.worker >= len(job.workers):
        raise FrameError(f"{frame.type.name} frame of worker {frame.worker}, expected a HELLO")
    name = job.workers[frame.worker]
    if theirs != digest:
        raise FrameError(f"{name} has another model layout")
    return name


def _pairs(
    sending: Mapping[str, socket.socket], receiving: Mapping[str, socket.socket]
) -> dict[str, tuple[socket.socket, socket.socket]]:
    """By worker, what it is received from by and sent to; one may do for both."""
    return {
        name: (
            receiving[name] if name in receiving else sending[name],
            sending[name] if name in sending else receiving[name],
        )
        for name in dict.fromkeys((*sending, *receiving))
    }
