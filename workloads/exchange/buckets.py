"""Tensors that are fused: what is given for them goes as one object (pure).

Tensors are taken in the order in which a backward pass leaves their gradients, and fused until a
bucket has its size. A bucket goes when the gradients of all of its tensors are there, and after
those before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from threading import Lock
from typing import NamedTuple

from workloads.schedule.units import Layout, Unit


class Going(NamedTuple):
    """What goes now: the units of a bucket, and the number of its round."""

    units: tuple[Unit, ...]
    round: int


def fused(layout: Layout, bucket_bytes: int) -> tuple[tuple[Unit, ...], ...]:
    """The units of each bucket, in the order in which buckets go.

    Args:
        layout: how the model is cut.
        bucket_bytes: of a bucket, at least; the last one may have less.
    """
    buckets: list[tuple[Unit, ...]] = []
    units: list[Unit] = []
    for tensors in reversed(layout.layer_tensors):
        for tensor in tensors:
            units += layout.tensor_units[tensor]
            if sum(unit.length for unit in units) >= bucket_bytes:
                buckets.append(tuple(units))
                units = []
    return (*buckets, tuple(units)) if units else tuple(buckets)


class Buckets:
    """Which bucket may go; safe between the threads that give and that get units back.

    Args:
        layout: how the model is cut.
        bucket_bytes: of a bucket, at least.
        window_bytes: how much may be on its way, gone and not come back; one more bucket goes as
            long as that is not reached. None: no limit.
    """

    def __init__(self, layout: Layout, bucket_bytes: int, window_bytes: int | None = None) -> None:
        self._buckets = fused(layout, bucket_bytes)
        self._bytes = [sum(unit.length for unit in units) for units in self._buckets]
        self._of_unit = {
            unit.number: number for number, units in enumerate(self._buckets) for unit in units
        }
        self._window = window_bytes
        self._missing = [len(units) for units in self._buckets]  # not given
        self._away = [0] * len(self._buckets)  # units that have not come back
        self._bytes_away = 0
        self._complete = 0  # buckets of all rounds, in their order
        self._gone = 0
        self._lock = Lock()

    def given(self, unit: Unit) -> list[Going]:
        """Note that a unit's gradient is there; return what goes now."""
        bucket = self._of_unit[unit.number]
        with self._lock:
            self._missing[bucket] -= 1
            # Whoever computes gives them in this order; if not, one waits for those before it.
            while not self._missing[self._complete % len(self._buckets)]:
                complete = self._complete % len(self._buckets)
                self._missing[complete] = len(self._buckets[complete])
                self._complete += 1
            return list(self._going())

    def back(self, unit: Unit) -> list[Going]:
        """Note that a unit has its new parameters; return what goes now."""
        bucket = self._of_unit[unit.number]
        with self._lock:
            self._away[bucket] -= 1
            if not self._away[bucket]:
                self._bytes_away -= self._bytes[bucket]
            return list(self._going())

    def _going(self) -> Iterator[Going]:
        while self._gone < self._complete and not self._full():
            number, bucket = divmod(self._gone, len(self._buckets))
            self._gone += 1
            self._away[bucket] += len(self._buckets[bucket])
            self._bytes_away += self._bytes[bucket]
            yield Going(self._buckets[bucket], number)

    def _full(self) -> bool:
        return self._window is not None and self._bytes_away >= self._window
