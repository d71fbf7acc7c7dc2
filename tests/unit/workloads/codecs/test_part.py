"""Units as codecs see them: rows of tensors, whole, sliced and scaled."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workloads.codecs.part import Part, parts_of
from workloads.models.profiles import load_model
from workloads.schedule.units import Layout


def test_filters_are_rows() -> None:
    model = load_model("alexnet")
    parts = parts_of(model, Layout(model, 1, 1))
    for tensor, part in zip(model.tensors, parts, strict=True):
        assert part.elements == tensor.elements
        assert part.whole
        assert part.vector == (len(tensor.shape) == 1)
        assert part.rows == (tensor.shape[0] if len(tensor.shape) > 1 else tensor.elements)


def test_a_scaled_tensor_has_fewer_rows() -> None:
    model = load_model("alexnet")
    for tensor, part in zip(model.tensors, parts_of(model, Layout(model, 2, 1)), strict=True):
        if len(tensor.shape) > 1:
            assert part.rows == -(-tensor.shape[0] // 2)


def test_slices_know_where_they_begin() -> None:
    model = load_model("alexnet")
    layout = Layout(model, 1, 1, 160_000)
    offset = dict.fromkeys(range(len(model.tensors)), 0)
    for unit, part in zip(layout.units, parts_of(model, layout), strict=True):
        assert part.offset == offset[unit.tensor]
        offset[unit.tensor] += part.elements
        assert part.whole == (part.elements == model.tensors[unit.tensor].elements)


@given(row=st.integers(1, 20), offset=st.integers(0, 60), elements=st.integers(1, 100))
def test_rows_begin_where_the_row_s_number_changes(row: int, offset: int, elements: int) -> None:
    part = Part(0, elements, row, offset, whole=False)
    numbers = [(offset + place) // row for place in range(elements)]
    starts = [
        place for place in range(elements) if not place or numbers[place] != numbers[place - 1]
    ]
    assert list(part.row_starts) == starts
    assert part.rows == len(starts)
