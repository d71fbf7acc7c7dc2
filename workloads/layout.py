"""How a model's parameters lie in memory and are cut for the wire.

Parameter server and workers build the same layout from the same job, and compare digests when they
connect. All tensors of a model are flattened float32 arrays, one behind the other in one arena. The
schedule cuts a tensor into units, and the wire cuts a unit into slices of at most SLICE_BYTES, the
same everywhere, so that the server can add up a slice as soon as all workers have delivered it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workloads.errors import FrameError, JobError
from workloads.models import BYTES_PER_ELEMENT, Model
from workloads.wire import pack_place

SLICE_BYTES = 256 * 1024

Floats = NDArray[np.float32]


def scaled_elements(elements: int, rates: float, time: float) -> int:
    """Return ceil(elements x time / rates), at least 1.

    The factors are taken as the decimal numbers that people write (0.1 is one tenth), and the
    arithmetic is exact.
    """
    return max(1, math.ceil(elements * Fraction(str(time)) / Fraction(str(rates))))


class Slice(NamedTuple):
    """A piece of a tensor: what one frame carries. All figures but the numbers are in bytes."""

    number: int  # among all slices of the layout
    tensor: int
    offset: int  # in the tensor
    length: int
    start: int  # in the arena
    unit: int  # of which it is a part
    place: bytes  # the part of a frame's header that says which slice it carries


class Unit(NamedTuple):
    """What a schedule orders and synchronises: a tensor, or a slice of the schedule's size."""

    number: int
    tensor: int
    length: int  # bytes
    slices: tuple[Slice, ...]


class Layout:
    """The tensors of a model, scaled, in one arena.

    Args:
        model: what is trained.
        rates: R.
        time: D.
        unit_bytes: the schedule's slice in the real system's bytes; None: whole tensors. A tensor
            is cut into units of that size, scaled (the last one shorter), and a unit into slices.

    Attributes:
        bytes: size of the arena.
        units: of all tensors, in arena order.
        slices: likewise.
        tensor_units: per tensor, its units.
        tensor_slices: per tensor, its slices.
        layer_tensors: per layer, the numbers of its tensors.
        tensor_layers: per tensor, the number of its layer.
        digest: 32 bytes that differ when the model, its scale or the cut differs.
    """

    def __init__(
        self, model: Model, rates: float, time: float, unit_bytes: int | None = None
    ) -> None:
        tensor_units: list[tuple[Unit, ...]] = []
        layer_tensors: list[tuple[int, ...]] = []
        tensor_layers: list[int] = []
        whole = None
        if unit_bytes is not None:
            whole = BYTES_PER_ELEMENT * scaled_elements(
                -(-unit_bytes // BYTES_PER_ELEMENT), rates, time
            )
        hasher = hashlib.sha256(f"{model.name} {SLICE_BYTES} {whole}".encode())
        start = units = slices = 0
        for layer_number, layer in enumerate(model.layers):
            first = len(tensor_units)
            for tensor in layer.tensors:
                length = BYTES_PER_ELEMENT * scaled_elements(tensor.elements, rates, time)
                hasher.update(f"\n{tensor.name} {length}".encode())
                cut = []
                for unit_offset, unit_length in _cut(length, whole or length):
                    parts = tuple(
                        Slice(
                            slices + index,
                            len(tensor_units),
                            unit_offset + offset,
                            part,
                            start + unit_offset + offset,
                            units,
                            pack_place(len(tensor_units), unit_offset + offset, part),
                        )
                        for index, (offset, part) in enumerate(_cut(unit_length, SLICE_BYTES))
                    )
                    cut.append(Unit(units, len(tensor_units), unit_length, parts))
                    units += 1
                    slices += len(parts)
                tensor_units.append(tuple(cut))
                tensor_layers.append(layer_number)
                start += length
            layer_tensors.append(tuple(range(first, len(tensor_units))))
        self.bytes = start
        self.tensor_units = tuple(tensor_units)
        self.tensor_slices = tuple(
            tuple(piece for unit in cut for piece in unit.slices) for cut in tensor_units
        )
        self.layer_tensors = tuple(layer_tensors)
        self.tensor_layers = tuple(tensor_layers)
        self.units = tuple(unit for cut in tensor_units for unit in cut)
        self.slices = tuple(piece for cut in self.tensor_slices for piece in cut)
        self.digest = hasher.digest()
        self._found = {(piece.tensor, piece.offset): piece for piece in self.slices}

    def find(self, tensor: int, offset: int, length: int) -> Slice:
        """Return the slice that a frame names.

        Raises:
            FrameError: there is no such tensor, or the bytes are not one of its slices.
        """
        piece = self._found.get((tensor, offset))
        if piece is None or piece.length != length:
            size = sum(piece.length for piece in self.slices_of(tensor))
            raise FrameError(
                f"{length} bytes at offset {offset} are no slice of tensor {tensor} ({size} bytes)"
            )
        return piece

    def slices_of(self, tensor: int) -> tuple[Slice, ...]:
        """Return the slices of a tensor that a frame names.

        Raises:
            FrameError: there is no such tensor.
        """
        if tensor >= len(self.tensor_slices):
            raise FrameError(f"unknown tensor {tensor} (the model has {len(self.tensor_slices)})")
        return self.tensor_slices[tensor]

    def units_of(self, tensor: int) -> tuple[Unit, ...]:
        """Return the units of a tensor that a frame names.

        Raises:
            FrameError: there is no such tensor.
        """
        self.slices_of(tensor)
        return self.tensor_units[tensor]


def _cut(length: int, piece: int) -> list[tuple[int, int]]:
    """Offset and length of all pieces."""
    return [(offset, min(piece, length - offset)) for offset in range(0, length, piece)]


def check_ranks(layout: Layout, key: str, *rows: Sequence[int]) -> None:
    """Check that a job has one rank per unit.

    Raises:
        JobError: it does not.
    """
    for row in rows:
        if len(row) != len(layout.units):
            raise JobError([f"{key}: {len(row)} ranks for {len(layout.units)} units"])


class Arena:
    """Memory for all tensors of a layout; the views share it.

    Attributes:
        values: float32 [elements of all tensors].
        bytes: the same memory, byte by byte.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self.values: Floats = np.empty(layout.bytes // BYTES_PER_ELEMENT, np.float32)
        # Touching every page now shows a lack of memory here, and keeps page faults out of the
        # measurement.
        self.values.fill(0.0)
        self.bytes = self.values.data.cast("B")
        # Made once: between two slices every step counts, for what it needs is out of the caches.
        self._slice_bytes = [
            self.bytes[piece.start : piece.start + piece.length] for piece in layout.slices
        ]
        self._slice_values = [
            self.values[
                piece.start // BYTES_PER_ELEMENT : (piece.start + piece.length) // BYTES_PER_ELEMENT
            ]
            for piece in layout.slices
        ]

    def tensor(self, number: int) -> Floats:
        """Return a view of one tensor: float32 [elements]."""
        slices = self._layout.tensor_slices[number]
        stop = slices[-1].start + slices[-1].length
        return self.values[slices[0].start // BYTES_PER_ELEMENT : stop // BYTES_PER_ELEMENT]

    def slice_values(self, piece: Slice) -> Floats:
        """Return a view of one slice: float32 [elements]."""
        return self._slice_values[piece.number]

    def slice_bytes(self, piece: Slice) -> memoryview:
        """Return a view of one slice's bytes."""
        return self._slice_bytes[piece.number]
