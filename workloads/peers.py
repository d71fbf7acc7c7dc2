"""The parameter server's side of the workers' connections: who is let in."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass

from workloads.errors import FrameError, WorkloadError
from workloads.events import announce
from workloads.job import Job, ServerJob
from workloads.layout import Arena, Layout
from workloads.network import bound_unsent, listen, prepare
from workloads.transport import Connection, SendQueue
from workloads.wire import Frame, FrameType

_GREETINGS = (FrameType.HELLO, FrameType.LISTEN)


@dataclass
class Peer:
    """A connected worker.

    Attributes:
        number: position among the workers.
        name: of its host.
        address: where it connected from to send, `address:port`.
        connection: to it, one for each direction.
        gradient: what it pushes.
        queue: what is to be sent to it; to all workers, if the order is one over all of them.
        answered: per unit, of how many iterations its parameters have been queued.
        delivered: per slice, of how many iterations its gradient has begun to arrive.
    """

    number: int
    name: str
    address: str
    connection: Connection
    gradient: Arena
    queue: SendQueue
    answered: list[int]
    delivered: list[int]


@dataclass(frozen=True)
class _Link:
    """One of the two connections of a worker."""

    socket: socket.socket
    address: str


def accept_workers(job: ServerJob, layout: Layout, gradients: Sequence[Arena]) -> tuple[Peer, ...]:
    """Wait until all workers have connected; return them in worker order.

    Afterwards nobody is listening: a process too many is refused by the kernel.

    Raises:
        WorkloadError: the address is in use, a worker does not come, or somebody else does.
    """
    listener = listen(job.server, job.buffers)
    links: dict[tuple[int, FrameType], _Link] = {}
    with listener:
        announce("listening", address=job.server.address, port=listener.getsockname()[1])
        try:
            while len(links) < len(_GREETINGS) * len(job.workers):
                _accept(listener, job, layout, links)
        except WorkloadError as error:
            for link in links.values():
                Connection(link.socket).send_error(str(error))
            raise
    queue = SendQueue(batch=job.batch_bytes)  # for all, or for the first
    peers: list[Peer] = []
    for number, (name, gradient) in enumerate(zip(job.workers, gradients, strict=True)):
        up, down = links[number, FrameType.HELLO], links[number, FrameType.LISTEN]
        bound_unsent(down.socket, job.unsent_bytes)
        connection = Connection(receiving=up.socket, sending=down.socket)
        if peers and not job.one_queue:
            queue = SendQueue(batch=job.batch_bytes)
        answered, delivered = [0] * len(layout.units), [0] * len(layout.slices)
        peers.append(
            Peer(number, name, up.address, connection, gradient, queue, answered, delivered)
        )
    return tuple(peers)


def _accept(
    listener: socket.socket,
    job: Job,
    layout: Layout,
    links: dict[tuple[int, FrameType], _Link],
) -> None:
    listener.settimeout(job.silence_seconds)
    try:
        sock, (host, port) = listener.accept()
    except TimeoutError:
        absent = ", ".join(
            name
            for number, name in enumerate(job.workers)
            if any((number, kind) not in links for kind in _GREETINGS)
        )
        raise WorkloadError(f"not connected within {job.silence_seconds:g} s: {absent}") from None
    prepare(sock)
    sock.settimeout(job.silence_seconds)
    connection = Connection(sock)
    address = f"{host}:{port}"
    try:
        number, kind = _greet(connection, job, layout)
        if (number, kind) in links:
            raise FrameError(
                f"{job.workers[number]} is already connected from {links[number, kind].address}"
            )
    except WorkloadError as error:
        connection.send_error(f"connection refused: {error}")
        raise WorkloadError(f"connection from {address}: {error}") from None
    sock.settimeout(None)
    links[number, kind] = _Link(sock, address)


def _greet(connection: Connection, job: Job, layout: Layout) -> tuple[int, FrameType]:
    """Read the first frame and return the worker's number, and which connection it is."""
    frame: Frame = connection.receive()
    if frame.type not in _GREETINGS:
        raise FrameError(f"{frame.type.name} frame, expected HELLO or LISTEN")
    # Read in any case: what is not read when this side closes takes its last word away.
    digest = connection.receive_bytes(frame.length)
    if frame.worker >= len(job.workers):
        raise FrameError(f"worker number {frame.worker}, but there are {len(job.workers)} workers")
    if digest != layout.digest:
        raise FrameError(
            f"{job.workers[frame.worker]} has another model layout "
            f"(digest {digest.hex()[:12]}, expected {layout.digest.hex()[:12]})"
        )
    return frame.worker, frame.type
