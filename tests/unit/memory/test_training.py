"""The order that holds the least in training, against all orders."""

from __future__ import annotations

from itertools import permutations

import pytest

from orchestrator.memory import Operations, least_memory
from orchestrator.memory.training import least_training
from tests.unit.memory.graphs import any_graph, is_order

EFFORT = 10**6


def orders(operations: Operations) -> list[tuple[int, ...]]:
    every = permutations(range(len(operations)))
    return [order for order in every if is_order(operations, order)]


@pytest.mark.parametrize("seed", range(40))
def test_it_holds_least_of_those_within_the_limit(seed: int) -> None:
    operations = any_graph(seed, 6)
    every = orders(operations)
    least = min(map(operations.peak, every))
    for limit in (least, least + 1, sum(operations.sizes)):
        found = least_training(operations, limit, EFFORT)
        assert found is not None
        assert is_order(operations, found)
        within = [order for order in every if operations.peak(order) <= limit]
        assert operations.training_peak(found) == min(map(operations.training_peak, within))
    assert least_training(operations, least - 1, EFFORT) is None


def test_it_gives_up() -> None:
    operations = any_graph(1, 20, least=20)
    assert least_training(operations, sum(operations.sizes), 1) is None


def test_of_orders_with_the_least_peak_a_training_decides() -> None:
    operations = any_graph(7, 6, least=6)
    least = least_memory(operations)
    equal = [one for one in orders(operations) if operations.peak(one) == least.peak]
    assert operations.training_peak(least.order) == min(map(operations.training_peak, equal))
