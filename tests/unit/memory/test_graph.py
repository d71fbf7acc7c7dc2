"""What an order holds, by hand."""

from __future__ import annotations

import pytest

from orchestrator.memory import Operations, as_numbered, breadth_first, depth_first
from tests.unit.memory.graphs import any_graph, chain, is_order

# A source, a long branch 1-3-4, a short one 2, and a join.
FORK = Operations((4, 2, 8, 2, 1, 1), ((), (0,), (0,), (1,), (3,), (2, 4)))


def test_an_output_is_held_until_all_that_need_it_have_run() -> None:
    # 0: 4. 1: 4 + 2, and 4 stays for 2. 3: 4 + 2 + 2. 4: 4 + 2 + 1. 2: 4 + 1 + 8. 5: 1 + 8 + 1.
    assert FORK.held((0, 1, 3, 4, 2, 5)) == (4, 6, 8, 7, 13, 10)
    assert FORK.peak((0, 1, 2, 3, 4, 5)) == 14


def test_a_result_that_nothing_needs_stays() -> None:
    assert Operations((3, 5), ((), ())).held((0, 1)) == (3, 8)


def test_a_backward_pass_holds_outputs_and_their_gradients() -> None:
    # Backward of 2: all outputs, its gradient and that of 1; of 1: 5 + 2 and gradients as large.
    assert chain(5, 2, 1).training_peak((0, 1, 2)) == max(8 + 3, 7 + 7, 5 + 5)


def test_known_orders() -> None:
    assert as_numbered(FORK) == (0, 1, 2, 3, 4, 5)
    assert breadth_first(FORK) == (0, 1, 2, 3, 4, 5)
    assert depth_first(FORK) == (0, 2, 1, 3, 4, 5)


@pytest.mark.parametrize("seed", range(20))
def test_known_orders_are_orders(seed: int) -> None:
    operations = any_graph(seed, 30)
    for known in (as_numbered, breadth_first, depth_first):
        assert is_order(operations, known(operations))


def test_a_deep_graph() -> None:
    assert depth_first(chain(*[1] * 5000)) == tuple(range(5000))


@pytest.mark.parametrize("needs", [((1,), ()), ((0,),), ((), (0, 0))])
def test_what_is_no_graph(needs: tuple[tuple[int, ...], ...]) -> None:
    with pytest.raises(ValueError, match="needs"):
        Operations((1,) * len(needs), needs)


@pytest.mark.parametrize("order", [(1, 0), (0, 0), (0,)])
def test_what_is_no_order(order: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="operation"):
        chain(1, 1).held(order)
