"""Units that travel coded: encoded when they are given, decoded when all of them has come.

A coded unit has as many frames as it has chunks, each with a piece of the payload: who counts
frames need not know the codec.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from threading import Lock

from workloads.codecs.codec import Codec
from workloads.codecs.coding import Coding, check_size, cut_at
from workloads.codecs.named import make
from workloads.codecs.part import Part, parts_of
from workloads.errors import JobError
from workloads.library import CODECS, IDENTITY
from workloads.models.profiles import Model
from workloads.process.plugins import instance_of
from workloads.schedule.codec_names import is_library
from workloads.schedule.units import Chunk, Layout, Unit
from workloads.transport.connection import Connection
from workloads.transport.frames import Frames, Payloads
from workloads.transport.memory import Arena
from workloads.transport.send_queue import Parcel
from workloads.transport.wire import Frame, FrameType, pack_begin, pack_place


def codec_named(name: str, seed: int) -> Codec:
    """The codec that a job names: of the library, or `module:Class`.

    Raises:
        JobError: there is no such codec on this host.
    """
    if not is_library(name):
        codec: Codec = instance_of("codec", name, CODECS, Codec)
        return codec
    try:
        return make(name, seed)
    except ValueError as error:
        raise JobError([str(error)]) from None


def payloads_of(codec: str, model: Model, layout: Layout, arena: Arena, seed: int) -> Payloads:
    """How units travel in one direction under a codec.

    Args:
        codec: its name in the library, or `module:Class`.
        model: what is trained.
        layout: how the model is cut.
        arena: where the values are.
        seed: of what is random in the codec.

    Raises:
        JobError: there is no such codec on this host.
    """
    if codec == IDENTITY:
        return Payloads(layout, arena)
    return CodedPayloads(Coding(codec, codec_named(codec, seed)), model, layout, arena)


class CodedPayloads(Payloads):
    """Payloads that a codec makes and reads.

    Attributes:
        keeps: whether the last payload of each unit is kept, as it came.
        undecoded: whether a unit's is kept instead of being decoded.
        payloads: those.
        additive: whether they may be added.
    """

    def __init__(self, coding: Coding, model: Model, layout: Layout, arena: Arena) -> None:
        super().__init__(layout, arena)
        self._coding = coding
        self._parts = parts_of(model, layout)
        self._pieces: dict[int, list[memoryview]] = {}  # of units that have come in part
        self.exact = coding.exact
        self.may_be_sparse = coding.gives_sparse
        self.additive = coding.additive
        self.keeps = False
        self.undecoded: Callable[[Unit], bool] = _is_decoded
        self.payloads: dict[int, memoryview] = {}

    def frames(self, kind: FrameType, *, together: bool = False) -> Frames:
        """What makes frames of coded units."""
        return CodedFrames(self._coding, self._parts, self.arena, kind, together=together)

    def places(self) -> Mapping[bytes, Chunk]:
        """None: each payload must be decoded."""
        return {}

    def find(self, frame: Frame) -> Chunk:
        """Return the chunk that a frame announces.

        Raises:
            FrameError: there is no such chunk, or the codec makes payloads of another length.
        """
        chunk = self.layout.at(frame.tensor, frame.offset)
        chunks = self.layout.units[chunk.unit].chunks
        piece = chunk.number - chunks[0].number
        self._coding.check_piece(self._parts[chunk.unit], piece, len(chunks), frame.length)
        return chunk

    def receive(self, connection: Connection, chunk: Chunk, frame: Frame) -> tuple[Chunk, ...]:
        """Receive a piece; with the last one, decode the unit into its place."""
        pieces = self._pieces.setdefault(chunk.unit, [])
        pieces.append(connection.receive_payload(chunk, frame.length, frame.iteration))
        unit = self.layout.units[chunk.unit]
        if len(pieces) < len(unit.chunks):
            return ()
        del self._pieces[chunk.unit]
        self.decode(unit, pieces[0] if len(pieces) == 1 else memoryview(b"".join(pieces)))
        return unit.chunks

    def decode(self, unit: Unit, payload: memoryview) -> None:
        """Decode a unit into its place.

        Raises:
            FrameError: it is no payload of this unit.
        """
        begin = time.monotonic_ns()
        undecoded = self.undecoded(unit)
        if self.keeps or undecoded:
            self.payloads[unit.number] = payload
        if undecoded:
            return
        part = self._parts[unit.number]
        sparse = None if self.sparse is None else self._coding.sparse(part, payload)
        if sparse is None or self.sparse is None:
            self._coding.decode(part, payload, self.arena.values_of_unit(unit))
        else:
            self.sparse[unit.number] = sparse
        self.decoding_ns[unit.number] = time.monotonic_ns() - begin


def _is_decoded(_unit: Unit) -> bool:
    return False


class CodedFrames:
    """Makes parcels of coded units.

    Args:
        coding: the codec.
        parts: all units, as the codec sees them.
        arena: where their values are.
        kind: of the frames.
        together: whether all receivers get the same values of an iteration, so that each unit is
            encoded once for all of them.
    """

    def __init__(
        self,
        coding: Coding,
        parts: tuple[Part, ...],
        arena: Arena,
        kind: FrameType,
        *,
        together: bool = False,
    ) -> None:
        self._coding = coding
        self._parts = parts
        self._arena = arena
        self._kind = kind
        self._together = together
        self._encoding = Lock()
        self._ready: dict[int, tuple[int, memoryview]] = {}  # by unit: of which iteration, what

    def prepare(self, unit: Unit, iteration: int) -> None:
        """Encode a unit's values, which are those of an iteration."""
        self._ready[unit.number] = iteration, self.encoded(unit)

    def codes(self, unit: Unit) -> bool:
        """Whether a unit is coded; else it travels as it is."""
        return self._coding.codes(self._parts[unit.number])

    def encoded(self, unit: Unit) -> memoryview:
        """The payload of a unit's values.

        Raises:
            WorkloadError: the codec raised, or its payload is too long.
        """
        payload = self._coding.encode(self._parts[unit.number], self._arena.values_of_unit(unit))
        check_size(payload, len(unit.chunks), self._coding.name)
        return payload

    def of(self, unit: Unit, worker: int, iteration: int, to: int = 0) -> list[Parcel]:
        """Return a unit's parcels, and encode it if that is not done yet."""
        return self.parcels(unit, self._payload(unit, iteration), worker, iteration, to)

    def parcels(
        self, unit: Unit, payload: memoryview, worker: int, iteration: int, to: int = 0
    ) -> list[Parcel]:
        """Return a payload as a unit's parcels."""
        begin = pack_begin(self._kind, worker, iteration)
        count = len(unit.chunks)
        parcels = []
        for piece, chunk in enumerate(unit.chunks):
            first, end = cut_at(len(payload), piece, count)
            head = begin + pack_place(chunk.tensor, chunk.offset, end - first)
            ends = int(piece == count - 1)
            parcels.append(Parcel(head, payload[first:end], to, iteration, chunk.number, ends))
        return parcels

    def _payload(self, unit: Unit, iteration: int) -> memoryview:
        # Several threads answer; a codec is not called twice at once for the same part.
        with self._encoding:
            known = self._ready.get(unit.number)
            if known is None or known[0] != iteration:
                self.prepare(unit, iteration)
            _, payload = self._ready[unit.number]
            if not self._together:
                del self._ready[unit.number]
        return payload
