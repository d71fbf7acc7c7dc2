"""The frames of units: what goes out of an arena, chunk by chunk."""

from __future__ import annotations

from workloads.schedule.units import Layout, Unit
from workloads.transport.connection import Parcel
from workloads.transport.memory import Arena
from workloads.transport.wire import FrameType, pack_begin, pack_place


class UnitFrames:
    """Makes the parcels of units.

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
            Parcel(begin + place, payload, to, iteration, number, ends)
            for place, payload, number, ends in self._parts[unit.number]
        ]
