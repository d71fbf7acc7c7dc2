"""The planned order of pushes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.orders.order import Unit
from orchestrator.orders.planned import push_ranks

UNIT = 40.0  # bytes


def order(layers: list[list[int]], backward: list[float], per_byte: float) -> list[int]:
    """The units in planned order; layers are given by the tens of elements of their tensors."""
    units: list[Unit] = []
    tensors = 0
    for layer, sizes in enumerate(layers):
        for size in sizes:
            units += [Unit(len(units) + i, tensors, layer, UNIT) for i in range(-(-size // 10))]
            tensors += 1
    ranks = push_ranks(units, backward, per_byte)
    return sorted(range(len(ranks)), key=ranks.__getitem__)


def test_a_layer_overtakes_what_waits_when_it_is_ready() -> None:
    # Units 0 (first layer), 1 (second), 2 3 4 (third). The third layer is ready after 1 s, the
    # second after 2 s and the first after 5 s; a unit takes 1.5 s.
    layers = [[10], [10], [30]]
    # 1.0: unit 2; 2.5: the second layer; 4.0: unit 3; 5.5: the first layer; 7.0: the last one.
    assert order(layers, [3.0, 1.0, 1.0], 1.5 / UNIT) == [2, 1, 3, 0, 4]


def test_with_a_slow_link_the_most_urgent_goes_first_once_it_is_there() -> None:
    assert order([[10], [10], [10]], [1.0, 1.0, 1.0], 100.0) == [2, 0, 1]


def test_with_a_fast_link_it_is_the_order_of_the_backward_pass() -> None:
    assert order([[20], [10], [20]], [1.0, 1.0, 1.0], 0.0) == [3, 4, 2, 0, 1]


@given(
    st.lists(
        st.tuples(st.lists(st.integers(1, 50), max_size=3), st.floats(0, 10)),
        min_size=1,
        max_size=8,
    ),
    st.floats(0, 1),
)
def test_every_unit_has_its_place(layers: list[tuple[list[int], float]], per_byte: float) -> None:
    tensors, seconds = zip(*layers, strict=True)
    tensors_in_order = order(list(tensors), list(seconds), per_byte)
    assert sorted(tensors_in_order) == list(range(len(tensors_in_order)))
