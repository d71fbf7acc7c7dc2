"""How a model's parameters lie in memory and are cut for the wire.

Parameter server and workers build the same layout from the same job, and compare digests when they
connect. All tensors of a model are flattened float32 arrays, one behind the other in one arena; a
tensor is cut into slices of SLICE_BYTES (the last one shorter), the same everywhere, so that the
server can add up a slice as soon as all workers have delivered it.
"""

from __future__ import annotations

import hashlib
import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workloads.errors import FrameError
from workloads.models import BYTES_PER_ELEMENT, Model

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


class Layout:
    """The tensors of a model, scaled, in one arena.

    Attributes:
        bytes: size of the arena.
        slices: of all tensors, in arena order.
        tensor_slices: per tensor, its slices.
        layer_tensors: per layer, the numbers of its tensors.
        tensor_layers: per tensor, the number of its layer.
        digest: 32 bytes that differ when the model, its scale or the cut differs.
    """

    def __init__(self, model: Model, rates: float, time: float) -> None:
        tensor_slices: list[tuple[Slice, ...]] = []
        layer_tensors: list[tuple[int, ...]] = []
        tensor_layers: list[int] = []
        hasher = hashlib.sha256(f"{model.name} {SLICE_BYTES}".encode())
        start = number = 0
        for layer_number, layer in enumerate(model.layers):
            first = len(tensor_slices)
            for tensor in layer.tensors:
                length = BYTES_PER_ELEMENT * scaled_elements(tensor.elements, rates, time)
                hasher.update(f"\n{tensor.name} {length}".encode())
                cut = tuple(
                    Slice(
                        number + index,
                        len(tensor_slices),
                        offset,
                        min(SLICE_BYTES, length - offset),
                        start + offset,
                    )
                    for index, offset in enumerate(range(0, length, SLICE_BYTES))
                )
                tensor_slices.append(cut)
                tensor_layers.append(layer_number)
                number += len(cut)
                start += length
            layer_tensors.append(tuple(range(first, len(tensor_slices))))
        self.bytes = start
        self.tensor_slices = tuple(tensor_slices)
        self.layer_tensors = tuple(layer_tensors)
        self.tensor_layers = tuple(tensor_layers)
        self.slices = tuple(piece for cut in tensor_slices for piece in cut)
        self.digest = hasher.digest()

    def find(self, tensor: int, offset: int, length: int) -> Slice:
        """Return the slice that a frame names.

        Raises:
            FrameError: there is no such tensor, or the bytes are not one of its slices.
        """
        slices = self.slices_of(tensor)
        index, rest = divmod(offset, SLICE_BYTES)
        if rest or index >= len(slices) or slices[index].length != length:
            size = sum(piece.length for piece in slices)
            raise FrameError(
                f"{length} bytes at offset {offset} are no slice of tensor {tensor} ({size} bytes)"
            )
        return slices[index]

    def slices_of(self, tensor: int) -> tuple[Slice, ...]:
        """Return the slices of a tensor that a frame names.

        Raises:
            FrameError: there is no such tensor.
        """
        if tensor >= len(self.tensor_slices):
            raise FrameError(f"unknown tensor {tensor} (the model has {len(self.tensor_slices)})")
        return self.tensor_slices[tensor]


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

    def tensor(self, number: int) -> Floats:
        """Return a view of one tensor: float32 [elements]."""
        slices = self._layout.tensor_slices[number]
        stop = slices[-1].start + slices[-1].length
        return self.values[slices[0].start // BYTES_PER_ELEMENT : stop // BYTES_PER_ELEMENT]

    def slice_values(self, piece: Slice) -> Floats:
        """Return a view of one slice: float32 [elements]."""
        first = piece.start // BYTES_PER_ELEMENT
        return self.values[first : first + piece.length // BYTES_PER_ELEMENT]

    def slice_bytes(self, piece: Slice) -> memoryview:
        """Return a view of one slice's bytes."""
        return self.bytes[piece.start : piece.start + piece.length]
