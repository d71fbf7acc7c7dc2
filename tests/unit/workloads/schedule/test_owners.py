"""Who looks after which unit."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.workloads.in_process import model_of
from workloads.models.profiles import load_model
from workloads.schedule.library import get_schedule
from workloads.schedule.members import Members
from workloads.schedule.owners import owners, server_shares, units_of
from workloads.schedule.units import LARGE_ELEMENTS, Layout

LAYERS = st.lists(st.lists(st.integers(1, 9000), max_size=3), min_size=1, max_size=12).filter(any)


@given(LAYERS, st.integers(1, 6), st.none() | st.integers(100, 9000))
def test_all_have_equal_parts_up_to_a_unit(
    layers: list[list[int]], count: int, slice_bytes: int | None
) -> None:
    layout = Layout(model_of(layers), 1, 1, slice_bytes)
    owned = [0] * count
    for unit, owner in zip(layout.units, owners(layout, count), strict=True):
        # In forward order, so every part of the model is spread over all.
        assert owned[owner] == min(owned)
        owned[owner] += unit.length
    largest = max(unit.length for unit in layout.units)
    assert sum(owned) == layout.bytes
    assert max(owned) - min(owned) <= largest


@given(LAYERS, st.integers(1, 4))
def test_every_unit_is_on_one_server(layers: list[list[int]], count: int) -> None:
    servers = tuple(f"ps{number}" for number in range(count))
    schedule = replace(get_schedule("two-servers"), servers=count, slice_bytes=400)
    members = Members(servers, ("worker0",), schedule=schedule)
    layout = Layout(model_of(layers), 1, 1, 400)
    of_all = [unit for name in servers for unit in units_of(layout, members, name)]
    assert sorted(unit.number for unit in of_all) == list(range(len(layout.units)))


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_a_large_tensor_is_cut_for_its_owners_where_it_would_be_whole(parts: int) -> None:
    model = model_of([[LARGE_ELEMENTS, LARGE_ELEMENTS + 1], [10]])
    layout = Layout(model, 1, 1, parts=parts)
    assert [len(units) for units in layout.tensor_units] == [1, parts, 1]
    lengths = [unit.length for unit in layout.tensor_units[1]]
    assert max(lengths) - min(lengths) <= 4 * parts
    assert sum(lengths) == 4 * (LARGE_ELEMENTS + 1)
    # By the real system's elements, so that all scales are cut alike.
    assert [len(units) for units in Layout(model, 64, 1, parts=parts).tensor_units] == [1, parts, 1]
    # Fused to buckets, all are cut, as far as they have elements.
    fused = Layout(model, 1, 1, parts=parts, large=0)
    assert {len(units) for units in fused.tensor_units} == {parts}
    assert len({Layout(model, 1, 1, parts=number).digest for number in (1, 2, 3)}) == 3


def test_of_slices_none_is_cut_further() -> None:
    model = load_model("alexnet")
    sliced, parted = (Layout(model, 8, 1, 160_000, parts=parts) for parts in (1, 2))
    assert sliced.units == parted.units


@pytest.mark.parametrize(("name", "least"), [("two-servers", 0.49), ("none", 0.45)])
def test_shares_of_the_real_models_bytes(name: str, least: float) -> None:
    schedule = replace(get_schedule(name), servers=2)
    members = Members(("a", "b"), ("worker0",), schedule=schedule)
    for model in map(load_model, ("alexnet", "resnet50", "mobilenet_v1")):
        shares = server_shares(members, model)
        assert sum(shares.values()) == model.bytes
        assert min(shares.values()) > least * model.bytes


def test_servers_without_a_unit_are_refused() -> None:
    schedule = replace(get_schedule("none"), servers=3)
    members = Members(("a", "b", "c"), ("worker0",), schedule=schedule)
    with pytest.raises(ValueError, match="made-up has 2 units for 3 servers"):
        server_shares(members, model_of([[3, 4]]))
