"""Chunks that travel coded: encoded when they are queued, decoded when they have come."""

from __future__ import annotations

from workloads.codecs.codec import Codec
from workloads.codecs.coding import Coding
from workloads.library import CODECS, IDENTITY
from workloads.process.plugins import instance_of
from workloads.schedule.units import Chunk, Layout, Unit
from workloads.transport.connection import Connection, Parcel
from workloads.transport.frames import Frames, Payloads
from workloads.transport.memory import Arena
from workloads.transport.wire import Frame, FrameType, pack_begin, pack_place


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
    coding = Coding(codec, instance_of("codec", codec, CODECS, Codec))
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
