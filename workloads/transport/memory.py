"""The memory that parameters and gradients lie in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workloads.schedule.units import Chunk, Layout, Unit

Floats = NDArray[np.float32]
"""Or of float64, where a training asks for it."""
_ALIGNMENT = 64


class Sparse(NamedTuple):
    """The values of a part that are not zero.

    Attributes:
        places: uint32 [k], ascending, each below the part's elements.
        values: float32 [k].
    """

    places: NDArray[np.uint32]
    values: Floats


class Arena:
    """Memory for tensors of a layout; the views share it.

    Args:
        layout: how the model is cut.
        units: those that there is memory for, one behind the other; None: all.

    Attributes:
        values: float32 (or the layout's float64) [elements of all units].
        bytes: the same memory, byte by byte.
        chunk_bytes: of it, those of each chunk.
    """

    def __init__(self, layout: Layout, units: Iterable[Unit] | None = None) -> None:
        self._layout = layout
        size = layout.element_bytes
        held = layout.chunks if units is None else [one for unit in units for one in unit.chunks]
        length = sum(chunk.length for chunk in held)
        kind = np.dtype(f"f{size}")
        # At a multiple of 64 bytes, wherever the memory is: libraries that compute with it take
        # other ways for other places, which may round otherwise.
        memory = np.empty(length + _ALIGNMENT, np.uint8)
        begin = -memory.__array_interface__["data"][0] % _ALIGNMENT
        self.values: Floats = memory[begin : begin + length].view(kind)
        # Touching every page now shows a lack of memory here, and keeps page faults out of the
        # measurement.
        self.values.fill(0.0)
        self.bytes = self.values.data.cast("B")
        # Made once: between two chunks every step counts, for what it needs is out of the caches.
        self.chunk_bytes = [self.bytes[:0]] * len(layout.chunks)
        self._chunk_values = [self.values[:0]] * len(layout.chunks)
        self._starts: dict[int, int] = {}
        start = 0
        for chunk in held:
            self._starts[chunk.number] = start
            end = start + chunk.length
            self.chunk_bytes[chunk.number] = self.bytes[start:end]
            self._chunk_values[chunk.number] = self.values[start // size : end // size]
            start = end

    def tensor(self, number: int) -> Floats:
        """Return a view of one tensor, where all units are here: float32 [elements]."""
        chunks = self._layout.tensor_chunks[number]
        stop = chunks[-1].start + chunks[-1].length
        size = self._layout.element_bytes
        return self.values[chunks[0].start // size : stop // size]

    def values_of_unit(self, unit: Unit) -> Floats:
        """Return a view of one of the units that are here: float32 [elements]."""
        size = self._layout.element_bytes
        start = self._starts[unit.chunks[0].number]
        return self.values[start // size : (start + unit.length) // size]

    def values_of(self, chunk: Chunk) -> Floats:
        """Return a view of one chunk of the units that are here: float32 [elements]."""
        return self._chunk_values[chunk.number]

    def bytes_of(self, chunk: Chunk) -> memoryview:
        """Return a view of one chunk's bytes."""
        return self.chunk_bytes[chunk.number]
