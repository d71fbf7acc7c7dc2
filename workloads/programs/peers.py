"""The parameter server's side of the workers' connections: who is let in."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from workloads.errors import FrameError, WorkloadError
from workloads.process.events import announce
from workloads.process.training import ServerJob
from workloads.schedule.units import Layout
from workloads.transport.connection import Connection
from workloads.transport.memory import Arena
from workloads.transport.send_queue import SendQueue
from workloads.transport.sockets import limit_not_sent, listen, mark, prepare, set_send_buffer
from workloads.transport.wire import Frame, FrameType, split_greeting

_GREETINGS = (FrameType.HELLO, FrameType.LISTEN)


@dataclass
class Peer:
    """A connected worker.

    Attributes:
        number: position among the workers.
        name: of its host.
        address: where it connected from to send, `address:port`.
        connections: to it; per flow, one for each direction.
        gradient: what it pushes.
        queues: per flow, what is to be sent to it; to all workers, if the order is one over all of
            them.
        answered: per unit, of how many iterations its parameters have been queued.
        delivered: per chunk, of how many iterations its gradient has begun to arrive.
        missing: per unit, how many chunks of the gradient that is arriving have not arrived.
    """

    number: int
    name: str
    address: str
    connections: tuple[Connection, ...]
    gradient: Arena
    queues: tuple[SendQueue, ...]
    answered: list[int]
    delivered: list[int]
    missing: list[int]


class _Which(NamedTuple):
    """Which connection one is: whose, in which direction, for which flow."""

    worker: int
    kind: FrameType
    flow: int


@dataclass(frozen=True)
class _Link:
    """One of the connections of a worker."""

    socket: socket.socket
    address: str


def accept_workers(job: ServerJob, layout: Layout, gradients: Sequence[Arena]) -> tuple[Peer, ...]:
    """Wait until all workers have connected; return them in worker order.

    Afterwards none listens: the kernel refuses a process too many.

    Raises:
        WorkloadError: the address is in use, a worker does not connect, or a stranger does.
    """
    links: dict[_Which, _Link] = {}
    flows = range(len(job.flow_dscp))
    expected = len(_GREETINGS) * len(job.workers) * len(flows)
    listener = listen(job.server, job.buffers, expected)
    with listener:
        announce("listening", address=job.server.address, port=listener.getsockname()[1])
        try:
            while len(links) < expected:
                _accept(listener, job, layout, links)
        except WorkloadError as error:
            for link in links.values():
                Connection(link.socket).send_error(str(error))
            raise
    queues: tuple[SendQueue, ...] = ()
    peers: list[Peer] = []
    for number, (name, gradient) in enumerate(zip(job.workers, gradients, strict=True)):
        connections = []
        for flow in flows:
            up = links[_Which(number, FrameType.HELLO, flow)]
            down = links[_Which(number, FrameType.LISTEN, flow)]
            set_send_buffer(down.socket, job.send_buffers[number])
            limit_not_sent(down.socket, job.not_sent_limit_bytes)
            mark(down.socket, job.flow_dscp[flow])
            connections.append(Connection(receiving=up.socket, sending=down.socket))
        if not (queues and job.one_queue):
            queues = tuple(SendQueue(send_limit=job.send_limit_bytes) for _ in flows)
        address = links[_Which(number, FrameType.HELLO, 0)].address
        peers.append(
            Peer(
                number,
                name,
                address,
                tuple(connections),
                gradient,
                queues,
                answered=[0] * len(layout.units),
                delivered=[0] * len(layout.chunks),
                missing=[len(unit.chunks) for unit in layout.units],
            )
        )
    return tuple(peers)


def _accept(
    listener: socket.socket,
    job: ServerJob,
    layout: Layout,
    links: dict[_Which, _Link],
) -> None:
    listener.settimeout(job.silence_seconds)
    try:
        sock, (host, port) = listener.accept()
    except TimeoutError:
        absent = ", ".join(
            name
            for number, name in enumerate(job.workers)
            if any(
                _Which(number, kind, flow) not in links
                for kind in _GREETINGS
                for flow in range(len(job.flow_dscp))
            )
        )
        raise WorkloadError(f"not connected within {job.silence_seconds:g} s: {absent}") from None
    prepare(sock)
    sock.settimeout(job.silence_seconds)
    connection = Connection(sock)
    address = f"{host}:{port}"
    try:
        which = _greet(connection, job, layout)
        if which in links:
            raise FrameError(
                f"{job.workers[which.worker]} is already connected from {links[which].address}"
            )
    except WorkloadError as error:
        connection.send_error(f"connection refused: {error}")
        raise WorkloadError(f"connection from {address}: {error}") from None
    sock.settimeout(None)
    links[which] = _Link(sock, address)


def _greet(connection: Connection, job: ServerJob, layout: Layout) -> _Which:
    """Read the first frame and return which connection it is."""
    frame: Frame = connection.receive()
    if frame.type not in _GREETINGS:
        raise FrameError(f"{frame.type.name} frame, expected HELLO or LISTEN")
    # Read in any case: what is not read when this side closes takes its last word away.
    flow, digest = split_greeting(connection.receive_bytes(frame.length))
    if frame.worker >= len(job.workers):
        raise FrameError(f"worker number {frame.worker}, but there are {len(job.workers)} workers")
    if digest != layout.digest:
        raise FrameError(
            f"{job.workers[frame.worker]} has another model layout "
            f"(digest {digest.hex()[:12]}, expected {layout.digest.hex()[:12]})"
        )
    if flow >= len(job.flow_dscp):
        raise FrameError(
            f"{job.workers[frame.worker]} has a flow {flow}, "
            f"but the number of flows is {len(job.flow_dscp)}"
        )
    return _Which(frame.worker, frame.type, flow)
