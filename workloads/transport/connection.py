"""Frames over TCP: receive into place, send from place.

Sockets block, and the interpreter lock is free while they do. Payloads are received straight into
the arena and sent straight from it. What is to be sent waits in a queue that a thread per
connection empties, a bounded number of bytes at a time.
"""

from __future__ import annotations

import select
import socket
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from heapq import heappop, heappush
from threading import Lock
from typing import NamedTuple

from workloads.errors import FrameError, WorkloadError
from workloads.schedule.units import Chunk
from workloads.transport.memory import Arena
from workloads.transport.spans import Transfers
from workloads.transport.wire import HEADER_BYTES, Frame, FrameType, unpack

# Taken from the queue per system call: few calls, and yet an answer that is not older than this.
_SEND_LIMIT_BYTES = 256 * 1024
_SEND_LIMIT_PARCELS = 256  # two buffers each; the kernel takes 1024 (IOV_MAX)

_LONGEST_ERROR = 1000  # bytes of text in an ERROR frame
ERROR_PATIENCE = 0.2
"""Seconds that a last word waits for a busy sender."""


class Disconnected(WorkloadError):
    """The peer closed the connection, or the network broke it."""


class PeerError(WorkloadError):
    """The peer said in an ERROR frame why it gives up."""


class Parcel(NamedTuple):
    """What is sent in one go: a header (or several without payload), and a payload."""

    head: bytes
    body: memoryview | None = None
    to: int = 0  # of the connections that share a queue, the one that it goes to
    iteration: int = 0  # the payload's
    chunk: int = 0  # the number of the chunk that is the payload
    ends: int = 0  # 1 if a unit ends with it


class Sent(NamedTuple):
    """What the kernel took in one send. In a training, all of it is of one iteration."""

    to: int  # of the connections that share a queue, the one that it went to
    iteration: int
    payload: int  # bytes
    units: int  # that ended with it


class SendQueue:
    """Units of parcels, most urgent first; equally urgent ones first in, first out.

    A unit that has been begun is sent to its end. What is next is decided as late as possible: when
    the connection takes more bytes. Nothing is copied, and no lock is held while anything is sent.
    Any thread may put; one takes.

    Args:
        window: how many bytes of units may be on their way, sent and not `acknowledged`; one more
            is begun as long as that is not reached. None: no limit. A unit that is more urgent than
            all that are on their way goes ahead in any case: else two senders whose windows are
            full of different units, for each of which the other's is needed, wait for ever.
        allowed: how many units may be begun before the next `allow`; None: all.
        send_limit: bytes per system call, if units are smaller: few calls, and yet no decision is
            older than this.
    """

    def __init__(
        self,
        window: int | None = None,
        send_limit: int = _SEND_LIMIT_BYTES,
        allowed: int | None = None,
    ) -> None:
        self._window = window
        self._allowed = allowed
        self._send_limit = send_limit
        self._units: list[tuple[int, int, int, tuple[Parcel, ...]]] = []  # a heap
        self._number = 0
        self._begun: deque[Parcel] = deque()
        self._away: Counter[int] = Counter()  # per rank, bytes on their way
        self._bytes_away = 0
        self._lock = Lock()
        # Not a Condition: that is Python code too, and there is a wait per chunk and end.
        self._waiting = False  # the thread that takes, for this lock to be released:
        self._more = Lock()
        self._more.acquire()
        self._closed = False

    def put(self, parcels: Iterable[Parcel], rank: int = 0, size: int = 0) -> None:
        """Add a unit: parcels that are sent in this order with nothing between them.

        Args:
            parcels: what it is.
            rank: the least goes first.
            size: of the unit, in the window's bytes; 0: a word that needs neither.
        """
        unit = tuple(parcels)  # made before the lock is taken
        if not unit:
            return
        with self._lock:
            heappush(self._units, (rank, self._number, size, unit))
            self._number += 1
            self._wake()

    def acknowledged(self, rank: int, size: int) -> None:
        """Note that a unit of that rank and size (bytes) has been answered."""
        if self._window is None:
            return
        with self._lock:
            self._away[rank] -= size
            if not self._away[rank]:
                del self._away[rank]
            self._bytes_away -= size
            self._wake()

    def allow(self, units: int) -> None:
        """Let `units` more units be begun."""
        with self._lock:
            if self._allowed is not None:
                self._allowed += units
            self._wake()

    def lift_window(self) -> None:
        """Send all units without a window: from now on none is answered."""
        with self._lock:
            self._window = None
            self._wake()

    def close(self) -> None:
        """Let `take` return an empty list once everything has been taken."""
        with self._lock:
            self._closed = True
            self._window = self._allowed = None
            self._wake()

    def drop(self) -> None:
        """Close, and forget what has not been taken."""
        with self._lock:
            self._units.clear()
            self._begun.clear()
            self._closed = True
            self._wake()

    def take(self) -> list[Parcel]:
        """Wait for parcels and return some: at least one, then as many as fit into one send.

        Returns:
            An empty list after `close`. All of them go to the same connection.
        """
        while True:
            with self._lock:
                taken = self._some()
                if taken or self._closed:
                    return taken
                self._waiting = True
            self._more.acquire()

    def _wake(self) -> None:
        """Let the thread that takes look again, if it waits. The lock must be held."""
        if self._waiting:
            self._waiting = False
            self._more.release()

    def _some(self) -> list[Parcel]:
        """What may be sent now and fits into one send, at least one parcel; or nothing."""
        begun = self._begun
        taken: list[Parcel] = []
        size = 0
        while begun or self._may_begin():
            # Looked at first: what does not fit is decided with the next send.
            parcel = begun[0] if begun else self._units[0][3][0]
            if parcel.body is not None:
                size += len(parcel.body)
            if taken and (size > self._send_limit or parcel.to != taken[0].to):
                break
            if not begun:
                self._begin()
            taken.append(begun.popleft())
            if size >= self._send_limit or len(taken) == _SEND_LIMIT_PARCELS:
                break
        return taken

    def _may_begin(self) -> bool:
        if not self._units:
            return False
        rank, _, size, _ = self._units[0]
        if not size:
            return True
        full = self._window is not None and self._bytes_away >= self._window
        if full and rank >= min(self._away):
            return False
        return self._allowed is None or self._allowed > 0

    def _begin(self) -> None:
        rank, _, size, parcels = heappop(self._units)
        self._begun.extend(parcels)
        if self._allowed is not None and size:
            self._allowed -= 1
        if self._window is not None and size:
            self._away[rank] += size
            self._bytes_away += size


class Connection:
    """Frames to and from a peer; one thread may receive while another one sends.

    Attributes:
        receiving: the connected socket that is received from, for `network.tcp_state` and its like.
        sending: the one that is sent to; until both are known, one socket may be both.
        received: payload bytes of tensors received so far.
        sent: payload bytes of tensors sent so far.
        transfers: where the spans of chunks are noted, if anywhere.
    """

    def __init__(self, receiving: socket.socket, sending: socket.socket | None = None) -> None:
        self.receiving = receiving
        self.sending = sending or receiving
        self.received = 0
        self.sent = 0
        self.transfers: Transfers | None = None
        self._announced_at = 0
        self._header = bytearray(HEADER_BYTES)
        self._header_view = memoryview(self._header)
        self._sending = Lock()

    @property
    def sockets(self) -> tuple[socket.socket, socket.socket]:
        """Received from, and sent to."""
        return self.receiving, self.sending

    @property
    def moved(self) -> int:
        """Payload bytes received and sent so far: a sign of life."""
        return self.received + self.sent

    def receive(self) -> Frame:
        """Wait for a frame's header; the payload, if any, must be received next.

        Raises:
            Disconnected: the connection ended.
            FrameError: the header is broken.
            PeerError: it was an ERROR frame.
        """
        self._fill(self._header_view)
        frame = unpack(self._header)
        if frame.type is FrameType.ERROR:
            if frame.length > _LONGEST_ERROR:
                raise FrameError(f"error text of {frame.length} bytes")
            text = self.receive_bytes(frame.length).decode("utf-8", "replace")
            raise PeerError(text)
        self._announced_at = time.monotonic_ns()
        return frame

    def receive_chunk(self, chunk: Chunk, destination: Arena, iteration: int = 0) -> None:
        """Fill a chunk of `destination` with a frame's payload, which is of an iteration.

        Raises:
            Disconnected: the connection ended.
        """
        self._fill(destination.bytes_of(chunk))
        self.received += chunk.length
        if self.transfers:
            end = time.monotonic_ns()
            self.transfers.received.note(iteration, chunk.number, self._announced_at, end)

    def receive_payload(self, chunk: Chunk, length: int, iteration: int = 0) -> memoryview:
        """Return a frame's payload that encodes the chunk's bytes.

        Raises:
            Disconnected: the connection ended.
        """
        payload = memoryview(bytearray(length))
        self._fill(payload)
        self.received += length
        if self.transfers:
            end = time.monotonic_ns()
            self.transfers.received.note(iteration, chunk.number, self._announced_at, end)
        return payload

    def receive_bytes(self, length: int) -> bytes:
        """Return a short payload.

        Raises:
            Disconnected: the connection ended.
        """
        payload = bytearray(length)
        self._fill(memoryview(payload))
        return bytes(payload)

    def _fill(self, view: memoryview) -> None:
        missing = len(view)
        try:
            while missing:
                count = self.receiving.recv_into(view, missing, socket.MSG_WAITALL)
                if count == 0:
                    raise Disconnected("disconnected")
                missing -= count
                if missing:
                    view = view[count:]
        except TimeoutError:
            raise WorkloadError("sent no complete frame in time") from None
        except OSError as error:
            raise Disconnected(f"disconnected: {error.strerror}") from None

    def send(self, parcels: Sequence[Parcel]) -> Sent:
        """Send parcels, and return what they were.

        Raises:
            Disconnected: the connection ended.
        """
        buffers: list[bytes | memoryview] = []
        heads = payload = units = 0
        chunks: list[tuple[int, int]] = []
        for head, body, _, iteration, chunk, ends in parcels:
            buffers.append(head)
            heads += len(head)
            if body is not None:
                buffers.append(body)
                chunks.append((iteration, chunk))
                payload += len(body)
                units += ends
        try:
            with self._sending:
                begin = time.monotonic_ns()
                left = heads + payload
                while left := left - (sent := self.sending.sendmsg(buffers)):
                    buffers = _after(buffers, sent)
        except OSError as error:
            raise Disconnected(f"disconnected: {error.strerror}") from None
        self.sent += payload
        if self.transfers:
            self.transfers.note_sent(chunks, begin)
        return Sent(parcels[0].to, chunks[0][0] if chunks else 0, payload, units)

    def send_error(self, text: str, patience: float = 0.0) -> None:
        """Tell the peer why this side gives up, if that is possible.

        Args:
            text: why.
            patience: seconds to wait for room to send it.
        """
        payload = text.encode()[:_LONGEST_ERROR]
        header = Frame(FrameType.ERROR, length=len(payload)).pack()
        if self._sending.acquire(timeout=ERROR_PATIENCE):
            try:
                if patience:
                    room = select.poll()
                    room.register(self.sending, select.POLLOUT)
                    room.poll(1000 * patience)
                self.sending.sendmsg([header, payload], [], socket.MSG_DONTWAIT)
            except OSError:
                return  # the last word is lost; the peer will see the connection end
            finally:
                self._sending.release()

    def stop_sending(self) -> None:
        """End the sending direction: a send that waits is given up, the peer gets what is sent."""
        with suppress(OSError):
            self.sending.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close both sockets."""
        self.receiving.close()
        self.sending.close()


def _after(buffers: list[bytes | memoryview], sent: int) -> list[bytes | memoryview]:
    """Return what is left of `buffers` when their first `sent` bytes are gone."""
    for index, buffer in enumerate(buffers):
        if sent < len(buffer):
            return [memoryview(buffer)[sent:], *buffers[index + 1 :]]
        sent -= len(buffer)
    return []


def send_errors(connections: Iterable[Connection], text: str) -> None:
    """Tell a peer on every flow, so that none of its receivers sees only the end of its flow."""
    for connection in connections:
        connection.send_error(text)


def send_from(
    queue: SendQueue, connections: Sequence[Connection], on_sent: Callable[[Sent], None]
) -> None:
    """Send what is in the queue until it is closed; the body of a sender thread.

    Args:
        queue: where parcels are taken from.
        connections: where they go.
        on_sent: called with the payload that the kernel has just taken.
    """
    while parcels := queue.take():
        try:
            sent = connections[parcels[0].to].send(parcels)
        except Disconnected:
            # The receiver will see it too, and may first find the peer's last word, which says why.
            return
        if sent.payload or sent.units:
            on_sent(sent)
