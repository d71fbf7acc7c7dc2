"""How the order that holds the least is found."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

import pytest

from orchestrator.memory import Operations, least_memory
from orchestrator.memory.backward import backward_beam
from orchestrator.memory.beam import beam
from orchestrator.memory.blocks import Blocks
from orchestrator.memory.fusion import fuse
from orchestrator.memory.search import search
from scripts.orders import randomly_wired
from tests.unit.memory.graphs import any_graph, chain, is_order, least_peak, wired


def test_a_chain_has_nothing_to_choose() -> None:
    least = least_memory(chain(3, 7, 2))
    assert (least.order, least.peak, least.bound, least.way) == (
        (0, 1, 2),
        10,
        10,
        "its only order",
    )


def test_nothing_at_all() -> None:
    assert least_memory(Operations((), ())).peak == 0


@pytest.mark.parametrize("seed", range(30))
def test_it_is_an_optimum(seed: int) -> None:
    operations = any_graph(seed, 12)
    least = least_memory(operations)
    assert is_order(operations, least.order)
    assert operations.peak(least.order) == least.peak == least.bound == least_peak(operations)


BEAMS = (beam, backward_beam)


@pytest.mark.parametrize("search_beam", BEAMS)
@pytest.mark.parametrize("seed", range(10))
def test_a_beam_makes_an_order(seed: int, search_beam: Callable[..., tuple[int, ...]]) -> None:
    blocks = fuse(any_graph(seed, 40))
    order = blocks.operations_of(search_beam(blocks, 3))
    assert is_order(blocks.operations, order)


@pytest.mark.parametrize("search_beam", BEAMS)
@pytest.mark.parametrize("seed", range(10))
def test_a_beam_that_keeps_all_finds_the_optimum(
    seed: int, search_beam: Callable[..., tuple[int, ...]]
) -> None:
    operations = any_graph(seed, 10)
    blocks = fuse(operations)
    order = blocks.operations_of(search_beam(blocks, 1024))
    assert operations.peak(order) == least_peak(operations)


@pytest.mark.parametrize("search_beam", BEAMS)
def test_a_late_beam_gives_up(search_beam: Callable[..., object]) -> None:
    assert search_beam(Blocks.single(chain(1, 1)), 3, late=lambda: True) is None


def test_the_end_says_more_where_few_results_are_left() -> None:
    operations = randomly_wired(0, 200)
    blocks = fuse(operations)
    orders = [one(blocks, 4) or () for one in BEAMS]
    forward, backward = (operations.peak(blocks.operations_of(order)) for order in orders)
    assert backward < forward


@pytest.mark.parametrize("seed", range(10))
def test_a_search_that_is_cut_short_has_a_bound(seed: int) -> None:
    operations = any_graph(seed, 12, least=12)
    blocks = Blocks.single(operations)
    short = search(blocks, 10)
    assert short.bound <= least_peak(operations)


def test_no_order_is_below_the_optimum() -> None:
    operations = any_graph(4, 12)
    optimum = least_peak(operations)
    found = search(Blocks.single(operations), 10**7, below=optimum)
    assert (found.order, found.bound) == (None, optimum)


@pytest.mark.parametrize("seed", range(5))
def test_out_of_time_there_is_an_answer_with_its_gap(seed: int) -> None:
    operations = wired(random.Random(seed), 24)
    clock = itertools.count(0.0, 100.0)
    least = least_memory(operations, seconds=1, clock=lambda: next(clock))
    assert is_order(operations, least.order)
    assert least.bound <= least.peak == operations.peak(least.order)
    assert least.gap == pytest.approx(1 - least.bound / least.peak)
