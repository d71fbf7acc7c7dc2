"""Chunks that travel coded: encoded when they are queued, decoded when they have come."""

from __future__ import annotations

from typing import Any

from workloads.codecs.codec import Codec, Floats
from workloads.errors import FrameError, WorkloadError, raised_by
from workloads.library import CODECS, IDENTITY
from workloads.models.profiles import BYTES_PER_ELEMENT
from workloads.process.found import found
from workloads.schedule.units import Chunk, Layout, Unit
from workloads.transport.connection import Connection, Parcel
from workloads.transport.frames import Frames, Payloads
from workloads.transport.memory import Arena
from workloads.transport.wire import MAX_PAYLOAD, Frame, FrameType, pack_begin, pack_place


def payloads_of(codec: str, layout: Layout, *arenas: Arena) -> list[Payloads]:
    """How chunks travel under a codec.

    Args:
        codec: its name in the library, or `module:Class`.
        layout: how the model is cut.
        arenas: where the chunks are; of one end of a link, which has one codec for all of them.

    Raises:
        JobError: there is no such codec on this host.
    """
    if codec == IDENTITY:
        return [Payloads(layout, arena) for arena in arenas]
    coding = Coding(codec, found("codec", codec, CODECS, Codec))
    return [CodedPayloads(coding, layout, arena) for arena in arenas]


class CodedPayloads(Payloads):
    """Payloads that a codec makes and reads."""

    shared = False

    def __init__(self, coding: Coding, layout: Layout, arena: Arena) -> None:
        super().__init__(layout, arena)
        self._coding = coding
        self.exact = coding.exact

    def frames(self, kind: FrameType) -> Frames:
        """What encodes units when they are queued."""
        return _CodedFrames(self._coding, self.arena, kind)

    def find(self, frame: Frame) -> Chunk:
        """Return the chunk that a frame announces.

        Raises:
            FrameError: there is no such chunk, or the codec makes payloads of another length.
        """
        chunk = self.layout.at(frame.tensor, frame.offset)
        self._coding.check_length(chunk, frame.length)
        return chunk

    def receive(self, connection: Connection, chunk: Chunk, frame: Frame) -> None:
        """Receive a payload and decode it into its place."""
        payload = connection.receive_payload(chunk, frame.length, frame.iteration)
        self._coding.decode(chunk, payload, self.arena.values_of(chunk))


class Coding:
    """Calls a codec, and says what is wrong where it fails.

    Args:
        name: of the codec.
        codec: that is called.

    Attributes:
        exact: whether it is.
    """

    def __init__(self, name: str, codec: Codec) -> None:
        self._name = name
        self._codec = codec
        self.exact = bool(codec.exact)

    def encode(self, chunk: Chunk, values: Floats) -> memoryview:
        """Return the payload of a chunk.

        Raises:
            WorkloadError: the codec raised, or returned no payload.
        """
        shown = values.view()
        shown.flags.writeable = False
        try:
            payload = _bytes_of(self._codec.encode(chunk, shown))
        except Exception as error:
            why = raised_by(self._codec.encode, error)
            raise WorkloadError(f"codec {self._name!r}: encode() raised {why}") from error
        expected = self._codec.payload_bytes(len(values))
        if expected is not None and len(payload) != expected:
            raise WorkloadError(
                f"codec {self._name!r}: encode() returned {len(payload)} bytes for {len(values)} "
                f"values, and payload_bytes({len(values)}) says {expected}"
            )
        if len(payload) > MAX_PAYLOAD:
            raise WorkloadError(
                f"codec {self._name!r}: encode() returned {len(payload)} bytes, at most "
                f"{MAX_PAYLOAD} are allowed"
            )
        return payload

    def check_length(self, chunk: Chunk, length: int) -> None:
        """Check the length of a payload before it is received.

        Raises:
            FrameError: the codec makes payloads of another length.
        """
        elements = chunk.length // BYTES_PER_ELEMENT
        expected = self._codec.payload_bytes(elements)
        if expected not in (None, length):
            raise FrameError(
                f"payload of {length} bytes for {elements} values of tensor {chunk.tensor}, but "
                f"codec {self._name!r} makes {expected}"
            )

    def decode(self, chunk: Chunk, payload: memoryview, out: Floats) -> None:
        """Write a payload's values.

        Raises:
            FrameError: the codec raised: it is no payload of this chunk.
        """
        try:
            self._codec.decode(chunk, payload, out)
        except Exception as error:
            why = raised_by(self._codec.decode, error)
            raise FrameError(
                f"{len(payload)} bytes do not decode to {len(out)} values of tensor "
                f"{chunk.tensor}: codec {self._name!r}: decode() raised {why}"
            ) from error


def _bytes_of(payload: Any) -> memoryview:
    view = memoryview(payload)
    # Nothing cannot be cast.
    return view.cast("B") if view.nbytes else memoryview(b"")


class _CodedFrames:
    """Makes parcels whose payloads are encoded, and whose frames have the real length."""

    def __init__(self, coding: Coding, arena: Arena, kind: FrameType) -> None:
        self._coding = coding
        self._arena = arena
        self._kind = kind

    def of(self, unit: Unit, worker: int, iteration: int, to: int = 0) -> list[Parcel]:
        begin = pack_begin(self._kind, worker, iteration)
        parcels = []
        for chunk in unit.chunks:
            payload = self._coding.encode(chunk, self._arena.values_of(chunk))
            head = begin + pack_place(chunk.tensor, chunk.offset, len(payload))
            ends = int(chunk is unit.chunks[-1])
            parcels.append(Parcel(head, payload, to, iteration, chunk.number, ends))
        return parcels
