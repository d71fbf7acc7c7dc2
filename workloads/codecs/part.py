"""What a codec is told of the values that it codes (pure)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from workloads.models.profiles import Model
from workloads.schedule.units import Layout, Unit


@dataclass(frozen=True)
class Part:
    """A unit as a codec sees it: a tensor, or a slice of one.

    A tensor of shape [rows, ...] is a matrix whose rows are its filters (or output neurons). Scaled
    by D/R, it has fewer rows, of the same length; the last one may be cut short.

    Attributes:
        number: of the unit, which tells it from others.
        elements: values that it has.
        row: values of a row of its tensor.
        offset: values of the tensor before it.
        whole: whether it is the whole tensor.
        vector: whether the tensor has one dimension: biases, normalisations.
    """

    number: int
    elements: int
    row: int
    offset: int = 0
    whole: bool = True
    vector: bool = False

    @cached_property
    def rows(self) -> int:
        """Rows that it has a part of."""
        first = self.offset // self.row
        return (self.offset + self.elements - 1) // self.row - first + 1

    @cached_property
    def row_starts(self) -> tuple[int, ...]:
        """Where each of them begins in it."""
        first = self.row - self.offset % self.row
        return (0, *range(first, self.elements, self.row))


def parts_of(model: Model, layout: Layout) -> tuple[Part, ...]:
    """All units of a layout, as codecs see them."""
    return tuple(_part(model, layout, unit) for unit in layout.units)


def _part(model: Model, layout: Layout, unit: Unit) -> Part:
    size = layout.element_bytes
    shape = model.tensors[unit.tensor].shape
    last = layout.tensor_chunks[unit.tensor][-1]
    tensor = (last.offset + last.length) // size
    return Part(
        number=unit.number,
        elements=unit.length // size,
        row=min(tensor, math.prod(shape[1:])),
        offset=unit.chunks[0].offset // size,
        whole=unit.length // size == tensor,
        vector=len(shape) < 2,
    )
