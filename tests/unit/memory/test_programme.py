"""The integer programme, against the exact search; `scripts.orders` does it on 100 graphs of 20."""

from __future__ import annotations

import pytest

from orchestrator.memory.blocks import Blocks
from orchestrator.memory.bounds import certain_bounds, lower_bound
from orchestrator.memory.fusion import fuse
from orchestrator.memory.programme import Programme, solve
from orchestrator.memory.search import search
from scripts.orders import randomly_wired
from tests.unit.memory.graphs import any_graph

EFFORT = 10**7


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("fused", [False, True])
def test_it_agrees_with_the_search(seed: int, fused: bool) -> None:
    operations = any_graph(seed, 10, least=8)
    blocks = fuse(operations) if fused else Blocks.single(operations)
    optimum = search(blocks, EFFORT).bound
    known = operations.peak(range(len(operations)))
    solved = solve(Programme(blocks), seconds=60, least=0, most=known)
    assert solved.bound == optimum
    assert solved.order is not None
    assert operations.peak(blocks.operations_of(solved.order)) == optimum


def test_windows_leave_at_most_half_of_the_variables() -> None:
    pytest.importorskip("networkx", reason="its graphs are the ones that the figure is of")
    for seed in range(10):
        for blocks in (Blocks.single(randomly_wired(seed)), fuse(randomly_wired(seed))):
            programme = Programme(blocks)
            assert programme.variables <= programme.all_variables / 2


@pytest.mark.parametrize("seed", range(40))
def test_no_order_is_below_a_lower_bound(seed: int) -> None:
    operations = any_graph(seed, 12)
    blocks = fuse(operations)
    optimum = search(blocks, EFFORT).bound
    assert max(certain_bounds(blocks)) <= lower_bound(blocks) <= optimum


def test_a_cut_knows_more_than_what_is_certain() -> None:
    pytest.importorskip("networkx", reason="its graphs are wired in such a way")
    blocks = Blocks.single(randomly_wired(2))
    assert lower_bound(blocks) > max(certain_bounds(blocks))


def test_late_bounds_are_bounds() -> None:
    blocks = fuse(any_graph(3, 12))
    assert lower_bound(blocks, late=lambda: True) == max(certain_bounds(blocks))
