"""Fused blocks have an order as good as the best of all."""

from __future__ import annotations

import pytest

from orchestrator.memory import Operations
from orchestrator.memory.blocks import Blocks
from orchestrator.memory.fusion import fuse
from orchestrator.memory.search import search
from scripts.orders import randomly_wired
from tests.unit.memory.graphs import any_graph, chain, is_order, least_peak

EFFORT = 10**7


def best(blocks: Blocks) -> int:
    found = search(blocks, EFFORT)
    assert found.order is not None
    order = blocks.operations_of(found.order)
    assert is_order(blocks.operations, order)
    assert blocks.operations.peak(order) == found.bound
    return found.bound


def test_300_random_graphs_keep_their_optimum() -> None:
    fewer = 0
    for seed in range(300):
        operations = any_graph(seed, 14)
        blocks = fuse(operations)
        fewer += len(blocks) < len(operations)
        assert best(blocks) == least_peak(operations), f"seed {seed}"
    assert fewer > 200


@pytest.mark.parametrize("seed", range(40))
def test_the_search_agrees_with_all_orders(seed: int) -> None:
    operations = any_graph(seed, 11)
    assert best(Blocks.single(operations)) == least_peak(operations)


def test_a_chain_of_equal_outputs_is_one_block() -> None:
    assert fuse(chain(1, 1, 1, 1, 1)).members == ((0, 1, 2, 3, 4),)


def test_what_writes_little_and_frees_much_runs_at_once() -> None:
    # 3 frees the large output of 1, and 6 still needs what 0 and 2 wrote.
    operations = Operations((1, 9, 5, 1, 1, 7, 1), ((), (0,), (0,), (1,), (2, 3), (0,), (2, 4, 5)))
    (block,) = (members for members in fuse(operations).members if 1 in members)
    assert block[block.index(1) + 1] == 3


def test_branches_that_join_are_one_block() -> None:
    # A cell of three branches, in it nothing is smaller than what goes in and comes out.
    operations = Operations((2, 2, 3, 2, 3, 3, 2), ((), (0,), (1,), (0,), (3,), (0,), (2, 4, 5)))
    assert len(fuse(operations)) == 1


def test_what_is_needed_elsewhere_stays_apart() -> None:
    # The branches leave 1 behind in between, and 6 needs it much later.
    operations = Operations((4, 1, 4, 4, 1, 9, 1), ((), (0,), (1,), (1,), (2, 3), (0,), (1, 4, 5)))
    assert best(fuse(operations)) == least_peak(operations)


def test_50_randomly_wired_graphs() -> None:
    """Known: 11.2 % below depth first, 12.6 % below breadth first."""
    pytest.importorskip("networkx", reason="its graphs are the ones that the figures are of")
    from orchestrator.memory import breadth_first, depth_first, least_memory

    below = {breadth_first: 0.0, depth_first: 0.0}
    for seed in range(50):
        operations = randomly_wired(seed)
        least = least_memory(operations)
        assert least.gap == 0
        assert least.peak == best(Blocks.single(operations))
        assert operations.peak(least.order) == least.peak
        for known in below:
            below[known] += 1 - least.peak / operations.peak(known(operations))
    assert round(100 * below[depth_first] / 50, 1) == 11.2
    assert round(100 * below[breadth_first] / 50, 1) == 12.6
