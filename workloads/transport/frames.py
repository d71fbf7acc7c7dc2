"""The frames of units: what goes out of an arena, chunk by chunk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from workloads.schedule.units import Chunk, Layout, Unit
from workloads.transport.connection import Connection
from workloads.transport.memory import Arena, Sparse
from workloads.transport.send_queue import Parcel
from workloads.transport.wire import Frame, FrameType, pack_begin, pack_place

_new = tuple.__new__  # a named tuple's own is Python code, and there is a parcel per chunk


class Frames(Protocol):
    """Makes the parcels of units."""

    def prepare(self, unit: Unit, iteration: int) -> None:
        """Do what takes time, if anything does, before a unit's parcels are asked for."""

    def of(self, unit: Unit, worker: int, iteration: int, to: int = 0) -> list[Parcel]:
        """Return a unit's parcels; see `UnitFrames.of`."""


class UnitFrames:
    """Makes the parcels of units whose payloads are their own bytes.

    Args:
        layout: how the model is cut.
        arena: where the payloads lie.
        kind: of the frames.
    """

    def __init__(self, layout: Layout, arena: Arena, kind: FrameType) -> None:
        self._kind = kind
        # Made once: a unit is sent many times.
        self._parts = [
            [
                (
                    pack_place(chunk.tensor, chunk.offset, chunk.length),
                    arena.bytes_of(chunk),
                    chunk.number,
                    int(chunk is unit.chunks[-1]),
                )
                for chunk in unit.chunks
            ]
            for unit in layout.units
        ]

    def prepare(self, unit: Unit, iteration: int) -> None:
        """Nothing takes time."""

    def of(self, unit: Unit, worker: int, iteration: int, to: int = 0) -> list[Parcel]:
        """Return a unit's parcels.

        Args:
            unit: what they carry.
            worker: who sends them, or to whom they go.
            iteration: of the payload.
            to: of the connections that share a queue, the one that they go to.
        """
        begin = pack_begin(self._kind, worker, iteration)
        return [
            _new(Parcel, (begin + place, payload, to, iteration, number, ends))
            for place, payload, number, ends in self._parts[unit.number]
        ]


class Payloads:
    """How an arena's chunks travel on a connection: as they are, from place and into place.

    Args:
        layout: how the model is cut.
        arena: where the chunks are.

    Attributes:
        exact: whether what is received is what was sent, bit for bit.
        may_be_sparse: whether payloads may hold only the values that are not zero.
        decoding_ns: per unit, how long it took to decode it last.
        sparse: of units that came as their values that are not zero, these; their places in the
            arena are left as they are. None: all are written into the arena.
    """

    exact: bool = True
    may_be_sparse: bool = False

    def __init__(self, layout: Layout, arena: Arena) -> None:
        self.layout = layout
        self.arena = arena
        self.decoding_ns = [0] * len(layout.units)
        self.sparse: dict[int, Sparse] | None = None

    def frames(self, kind: FrameType, *, together: bool = False) -> Frames:
        """What makes frames of that kind.

        Args:
            kind: of the frames.
            together: whether all receivers get the same values of an iteration.
        """
        del together  # nothing is made anew for each
        return UnitFrames(self.layout, self.arena, kind)

    def places(self) -> Mapping[bytes, Chunk]:
        """Chunks by the part of a header that says where they belong; see `receive_known`.

        Of those alone whose payload `Connection.receive_chunk` receives.
        """
        return {
            pack_place(chunk.tensor, chunk.offset, chunk.length): chunk
            for chunk in self.layout.chunks
        }

    def find(self, frame: Frame) -> Chunk:
        """Return the chunk that a frame announces.

        Raises:
            FrameError: there is no such chunk, or its payload has another length.
        """
        return self.layout.find(frame.tensor, frame.offset, frame.length)

    def receive(self, connection: Connection, chunk: Chunk, frame: Frame) -> tuple[Chunk, ...]:
        """Receive the payload of a frame that `find` has accepted.

        Returns:
            The chunks that are in their places by it.

        Raises:
            WorkloadError: the connection ended, or the payload does not fit the chunk.
        """
        connection.receive_chunk(chunk, self.arena, frame.iteration)
        return (chunk,)
