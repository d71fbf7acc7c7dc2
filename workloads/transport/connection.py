"""Frames over TCP: receive into place, send from place.

Sockets block, and the interpreter lock is free while they do. Payloads are received straight into
the arena and sent straight from it. What is to be sent waits in a queue that a thread per
connection empties, a bounded number of bytes at a time.

What is done for every chunk is done in few steps and calls: whoever wakes up finds nothing of the
interpreter's in the caches, so that a step costs several times what it costs in a loop.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from threading import Lock
from typing import NamedTuple

from workloads.errors import FrameError, WorkloadError
from workloads.schedule.units import Chunk
from workloads.transport.memory import Arena
from workloads.transport.send_queue import Parcel, SendQueue
from workloads.transport.spans import Transfers
from workloads.transport.wire import BEGIN_BYTES, HEADER_BYTES, Frame, FrameType, unpack

_WHOLE = int(socket.MSG_WAITALL)
_new = tuple.__new__  # a named tuple's own is Python code, and there is one per send
_LONGEST_ERROR = 1000  # bytes of text in an ERROR frame
ERROR_PATIENCE = 0.2
"""Seconds that a last word waits for a busy sender."""


class Disconnected(WorkloadError):
    """The peer closed the connection, or the network broke it."""


class PeerError(WorkloadError):
    """The peer said in an ERROR frame why it gives up."""


class Sent(NamedTuple):
    """What the kernel took in one send. In a training, all of it is of one iteration."""

    to: int  # of the connections that share a queue, the one that it went to
    iteration: int
    payload: int  # bytes
    units: int  # that ended with it


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
        return self._announced(self._receive(HEADER_BYTES))

    def receive_known(self, begin: bytes, places: Mapping[bytes, Chunk]) -> Chunk | Frame:
        """Wait for a frame's header, as `receive` does, and recognise that of a chunk.

        Args:
            begin: of the headers of the chunks that are expected, see `pack_begin`.
            places: the chunks, by the rest of their headers, see `pack_place`.

        Returns:
            One of the chunks, if it is a frame of one, whose header has exactly these bytes; or the
            frame that it is.

        Raises:
            Disconnected, FrameError, PeerError: see `receive`.
        """
        try:
            header = self.receiving.recv(HEADER_BYTES, _WHOLE)
        except OSError as error:
            raise _broken(error) from None
        if header[:BEGIN_BYTES] == begin:
            chunk = places.get(header[BEGIN_BYTES:])
            if chunk is not None:
                self._announced_at = time.monotonic_ns()
                return chunk
        return self._announced(header + self._receive(HEADER_BYTES - len(header)))

    def _announced(self, header: bytes) -> Frame:
        frame = unpack(header)
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
        number, _, _, length, _, _ = chunk
        view = destination.chunk_bytes[number]
        try:
            count = self.receiving.recv_into(view, length, _WHOLE)
        except OSError as error:
            raise _broken(error) from None
        if count != length:
            self._fill(view[count:], length - count)
        self.received += length
        if self.transfers:
            end = time.monotonic_ns()
            self.transfers.received.note(iteration, number, self._announced_at, end)

    def receive_payload(self, chunk: Chunk, length: int, iteration: int = 0) -> memoryview:
        """Return a frame's payload that encodes the chunk's bytes.

        Raises:
            Disconnected: the connection ended.
        """
        payload = memoryview(bytearray(length))
        self._fill(payload, length)
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
        return self._receive(length)

    def _receive(self, length: int) -> bytes:
        payload = bytearray(length)
        self._fill(memoryview(payload), length)
        return bytes(payload)

    def _fill(self, view: memoryview, missing: int) -> None:
        """Fill a view with as many bytes as it holds."""
        try:
            while missing:
                count = self.receiving.recv_into(view, missing, _WHOLE)
                if count == missing:
                    return
                if not count:
                    raise Disconnected("disconnected")
                missing -= count
                view = view[count:]
        except OSError as error:
            raise _broken(error) from None

    def send(self, parcels: Sequence[Parcel]) -> Sent:
        """Send parcels, and return what they were.

        Raises:
            Disconnected: the connection ended.
        """
        buffers: list[bytes | memoryview] = []
        heads = payload = units = iteration = 0
        for head, body, _, of, _, ends in parcels:
            buffers.append(head)
            heads += len(head)
            if body is not None:
                buffers.append(body)
                payload += len(body)
                units += ends
                iteration = of
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
            end = time.monotonic_ns()
            note = self.transfers.sent.note
            for _, body, _, of, chunk, _ in parcels:
                if body is not None:
                    note(of, chunk, begin, end)
        _, _, to, _, _, _ = parcels[0]
        return _new(Sent, (to, iteration, payload, units))

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


def _broken(error: OSError) -> WorkloadError:
    """What it means that nothing could be received."""
    if isinstance(error, TimeoutError):
        return WorkloadError("sent no complete frame in time")
    return Disconnected(f"disconnected: {error.strerror}")


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
        _, _, to, _, _, _ = parcels[0]
        try:
            sent = connections[to].send(parcels)
        except Disconnected:
            # The receiver will see it too, and may first find the peer's last word, which says why.
            return
        _, _, payload, units = sent
        if payload or units:
            on_sent(sent)
