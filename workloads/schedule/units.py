"""How a model's parameters are cut: into units, and these into chunks.

Parameter server and workers cut alike, from the same job, and compare digests when they connect.
All tensors of a model are flattened arrays of float32 (or float64), one behind the other. The
schedule cuts a tensor into units, which are what is ordered, synchronised and counted. A unit is
cut into chunks of at most CHUNK_BYTES, one per frame, the same everywhere, so that the server can
add up a chunk as soon as all workers have delivered it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import NamedTuple

from workloads.errors import FrameError, JobError
from workloads.models.profiles import BYTES_PER_ELEMENT, Model

CHUNK_BYTES = 256 * 1024
LARGE_ELEMENTS = 1_000_000
"""Of a tensor, in the real system: one with more is cut where several hosts share the model. As in
MXNet, whose workers split what is larger over all servers (MXNET_KVSTORE_BIGARRAY_BOUND)."""


def scaled_elements(elements: int, rates: float, time: float) -> int:
    """Return ceil(elements x time / rates), at least 1.

    The factors are taken as the decimal numbers that people write (0.1 is one tenth), and the
    arithmetic is exact.
    """
    above, below = _factor(rates, time)
    return max(1, -(-elements * above // below))


@cache
def _factor(rates: float, time: float) -> tuple[int, int]:
    """Time / rates, as a fraction; models have hundreds of tensors, and one scale."""
    factor = Fraction(str(time)) / Fraction(str(rates))
    return factor.numerator, factor.denominator


class Chunk(NamedTuple):
    """A part of a unit: what one frame carries. All figures but the numbers are in bytes."""

    number: int  # among all chunks of the layout
    tensor: int
    offset: int  # in the tensor
    length: int
    start: int  # in the model
    unit: int  # of which it is a part


class Unit(NamedTuple):
    """What a schedule orders and synchronises: a tensor, or a slice of it."""

    number: int
    tensor: int
    length: int  # bytes
    chunks: tuple[Chunk, ...]


class Layout:
    """The tensors of a model, scaled, cut, and laid one behind the other.

    Args:
        model: what is trained.
        rates: R.
        time: D.
        unit_bytes: the schedule's slice in the real system's bytes; None: whole tensors. A tensor
            is cut into units of that size, scaled (the last one shorter), and a unit into chunks.
        element_bytes: 4: float32, 8: float64.
        parts: into how many equal units a large tensor is cut that would be whole.
        large: a tensor with more elements than that in the real system is.

    Attributes:
        element_bytes: as given.
        bytes: size of the model.
        units: of all tensors, in their order.
        chunks: of all tensors, in their order.
        tensor_units: per tensor, its units.
        tensor_chunks: per tensor, its chunks.
        layer_tensors: per layer, the numbers of its tensors.
        tensor_layers: per tensor, the number of its layer.
        digest: 32 bytes that differ when the model, its scale or the cut differs.
    """

    def __init__(
        self,
        model: Model,
        rates: float,
        time: float,
        unit_bytes: int | None = None,
        element_bytes: int = BYTES_PER_ELEMENT,
        *,
        parts: int = 1,
        large: int = LARGE_ELEMENTS,
    ) -> None:
        tensor_units: list[tuple[Unit, ...]] = []
        layer_tensors: list[tuple[int, ...]] = []
        tensor_layers: list[int] = []
        whole = None
        if unit_bytes is not None:
            whole = element_bytes * scaled_elements(-(-unit_bytes // element_bytes), rates, time)
        cut_alike = f"{model.name} {CHUNK_BYTES} {whole} {element_bytes} {parts} {large}"
        hasher = hashlib.sha256(cut_alike.encode())
        start = units = chunks = 0
        for layer_number, layer in enumerate(model.layers):
            first = len(tensor_units)
            for tensor in layer.tensors:
                length = element_bytes * scaled_elements(tensor.elements, rates, time)
                hasher.update(f"\n{tensor.name} {length}".encode())
                most = whole or length
                if whole is None and tensor.elements > large:
                    most = element_bytes * -(-length // (element_bytes * parts))
                cut = []
                for unit_offset, unit_length in _cut(length, most):
                    pieces = tuple(
                        Chunk(
                            chunks + index,
                            len(tensor_units),
                            unit_offset + offset,
                            part,
                            start + unit_offset + offset,
                            units,
                        )
                        for index, (offset, part) in enumerate(_cut(unit_length, CHUNK_BYTES))
                    )
                    cut.append(Unit(units, len(tensor_units), unit_length, pieces))
                    units += 1
                    chunks += len(pieces)
                tensor_units.append(tuple(cut))
                tensor_layers.append(layer_number)
                start += length
            layer_tensors.append(tuple(range(first, len(tensor_units))))
        self.element_bytes = element_bytes
        self.bytes = start
        self.tensor_units = tuple(tensor_units)
        self.tensor_chunks = tuple(
            tuple(chunk for unit in cut for chunk in unit.chunks) for cut in tensor_units
        )
        self.layer_tensors = tuple(layer_tensors)
        self.tensor_layers = tuple(tensor_layers)
        self.units = tuple(unit for cut in tensor_units for unit in cut)
        self.chunks = tuple(chunk for cut in self.tensor_chunks for chunk in cut)
        self.digest = hasher.digest()
        self._chunk_at = {(chunk.tensor, chunk.offset): chunk for chunk in self.chunks}

    def find(self, tensor: int, offset: int, length: int) -> Chunk:
        """Return the chunk that a frame names.

        Raises:
            FrameError: there is no such tensor, or the bytes are not one of its chunks.
        """
        chunk = self._chunk_at.get((tensor, offset))
        if chunk is None or chunk.length != length:
            size = sum(chunk.length for chunk in self.chunks_of(tensor))
            raise FrameError(
                f"{length} bytes at offset {offset} are no chunk of tensor {tensor} ({size} bytes)"
            )
        return chunk

    def at(self, tensor: int, offset: int) -> Chunk:
        """Return the chunk that begins there, whatever the length of its payload.

        Raises:
            FrameError: there is none.
        """
        chunk = self._chunk_at.get((tensor, offset))
        if chunk is None:
            self.chunks_of(tensor)
            raise FrameError(f"no chunk of tensor {tensor} begins at offset {offset}")
        return chunk

    def chunks_of(self, tensor: int) -> tuple[Chunk, ...]:
        """Return the chunks of a tensor that a frame names.

        Raises:
            FrameError: there is no such tensor.
        """
        if tensor >= len(self.tensor_chunks):
            raise FrameError(f"unknown tensor {tensor} (the model has {len(self.tensor_chunks)})")
        return self.tensor_chunks[tensor]

    def units_of(self, tensor: int) -> tuple[Unit, ...]:
        """Return the units of a tensor that a frame names.

        Raises:
            FrameError: there is no such tensor.
        """
        self.chunks_of(tensor)
        return self.tensor_units[tensor]


def _cut(length: int, most: int) -> list[tuple[int, int]]:
    """Offset and length of all parts of at most that many bytes."""
    return [(offset, min(most, length - offset)) for offset in range(0, length, most)]


def check_ranks(layout: Layout, key: str, *rows: Sequence[int]) -> None:
    """Check that a job has one rank per unit.

    Raises:
        JobError: it does not.
    """
    for row in rows:
        if len(row) != len(layout.units):
            raise JobError([f"{key}: {len(row)} ranks for {len(layout.units)} units"])
