"""The bound of any aggregation: against a linear programme over all ways that trees can take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from orchestrator.predict import aggregation_bound, allreduce_bound, goodput_bps
from orchestrator.spec import Host, Topology, load_topology, path
from tests.unit.predict.clusters import link

TOPOLOGIES = Path(__file__).parents[4] / "topologies"
MIX = st.integers(1, 20).map(lambda factor: factor * 10**8)
U = 8 / goodput_bps(10**9)


def star(workers: Sequence[tuple[int, int]], helpers: Sequence[tuple[int, int]]) -> Topology:
    """Hosts behind one switch, each with its rates to it and from it."""
    rates = {
        **{f"w{n}": pair for n, pair in enumerate(workers)},
        **{f"h{n}": pair for n, pair in enumerate(helpers)},
    }
    links = tuple(link(name, "switch", *pair) for name, pair in rates.items())
    return Topology("star", "", tuple(map(Host, rates)), ("switch",), links)


def tree(racks: Sequence[Sequence[str]], rates: Sequence[int]) -> Topology:
    """Racks of hosts under one core."""
    given_rates = iter(rates)
    links, hosts = [], []
    for number, rack in enumerate(racks):
        links.append(link("core", f"rack{number}", next(given_rates), next(given_rates)))
        for name in rack:
            hosts.append(Host(name))
            links.append(link(f"rack{number}", name, next(given_rates), next(given_rates)))
    switches = ("core", *(f"rack{number}" for number in range(len(racks))))
    return Topology("tree", "", tuple(hosts), switches, tuple(links))


def parents_of(nodes: Sequence[str], root: str) -> Iterator[Mapping[str, str]]:
    """All trees over these nodes with that root: each other node's parent."""
    others = [node for node in nodes if node != root]
    for parents in product(nodes, repeat=len(others)):
        parent_of = dict(zip(others, parents, strict=True))
        if all(_leads(parent_of, node, root) for node in others):
            yield parent_of


def _leads(parents: Mapping[str, str], node: str, root: str) -> bool:
    for _ in range(len(parents) + 1):
        if node == root:
            return True
        node = parents[node]
    return False


@cache
def ways(
    workers: tuple[str, ...], helpers: tuple[str, ...]
) -> tuple[tuple[tuple[str, str], ...], ...]:
    """All ways of an element: messages up a tree to a root, and down another one from it."""
    hosts = [
        (*workers, *some)
        for count in range(len(helpers) + 1)
        for some in combinations(helpers, count)
    ]
    partings: dict[tuple[tuple[str, str], ...], None] = {}
    for root in (*workers, *helpers):
        trees = [
            tuple(sorted(one.items()))
            for nodes in hosts
            if root in nodes
            for one in parents_of(nodes, root)
        ]
        for up, down in product(trees, repeat=2):
            partings[*up, *((parent, child) for child, parent in down)] = None
    return tuple(partings)


def fastest(topology: Topology, workers: Sequence[str], helpers: Sequence[str]) -> float:
    """Seconds of a byte in the best mix of these ways."""
    crossed = {
        (one, other): path(topology, one, other)
        for one, other in product((*workers, *helpers), repeat=2)
        if one != other
    }
    numbers = {port: n for n, port in enumerate(dict.fromkeys(sum(crossed.values(), ())))}
    used: dict[tuple[int, ...], None] = {}
    for way in ways(tuple(workers), tuple(helpers)):
        counts = [0] * len(numbers)
        for ends in way:
            for port in crossed[ends]:
                counts[numbers[port]] += 1
        used[tuple(counts)] = None
    costs = np.array([8 / goodput_bps(port.rate_bps) for port in numbers])
    busy = np.array(list(used)).T * costs[:, None] / U
    solution = linprog(
        [*[0.0] * len(used), 1.0],
        A_ub=np.hstack([busy, -np.ones((len(numbers), 1))]),
        b_ub=np.zeros(len(numbers)),
        A_eq=[[*[1.0] * len(used), 0.0]],
        b_eq=[1.0],
    )
    assert solution.x is not None
    return float(solution.x[-1]) * U


@given(
    st.lists(st.tuples(MIX, MIX), min_size=2, max_size=3), st.lists(st.tuples(MIX, MIX), max_size=1)
)
@settings(max_examples=25, deadline=None)
def test_nothing_on_a_star_is_faster(
    workers: list[tuple[int, int]], helpers: list[tuple[int, int]]
) -> None:
    topology = star(workers, helpers)
    names = [f"w{n}" for n in range(len(workers))], [f"h{n}" for n in range(len(helpers))]
    known = aggregation_bound(topology, *names, 1)
    best = fastest(topology, *names)
    assert known.seconds <= best * (1 + 1e-6)
    if known.kind == "exact":
        assert known.seconds == pytest.approx(best, rel=1e-5)


@given(st.lists(MIX, min_size=12, max_size=12))
@settings(max_examples=15, deadline=None)
@pytest.mark.parametrize("racks", [(("w0", "w1"), ("w2", "h0")), (("w0",), ("w1", "w2"), ("h0",))])
def test_nothing_on_a_tree_is_faster(racks: tuple[tuple[str, ...], ...], rates: list[int]) -> None:
    topology = tree(racks, rates + rates)
    workers = ["w0", "w1", "w2"]
    known = aggregation_bound(topology, workers, ["h0"], 1)
    best = fastest(topology, workers, ["h0"])
    assert known.seconds <= best * (1 + 1e-6)
    if known.kind == "exact":
        assert known.seconds == pytest.approx(best, rel=1e-5)


@pytest.mark.parametrize("workers", [2, 3, 4, 6])
@pytest.mark.parametrize("helpers", [1, 2, 3])
def test_behind_equal_links(workers: int, helpers: int) -> None:
    n, k = workers, helpers
    topology = star([(10**9, 10**9)] * n, [(10**9, 10**9)] * k)
    names = [f"w{i}" for i in range(n)], [f"h{i}" for i in range(k)]
    known = aggregation_bound(topology, *names, 10**6)
    expected = max(1.0, 2 * n * (n - 1) / (n * n + k * n - 2 * k))
    assert known.seconds == pytest.approx(expected * 10**6 * U)
    assert known.kind == "exact"


def test_the_published_topology_through_server_and_ring() -> None:
    topology = load_topology(TOPOLOGIES / "ps-10g-1g-3workers.yaml")
    workers = ["worker0", "worker1", "worker2"]
    known = aggregation_bound(topology, workers, ["ps"], 10**9)
    assert known.seconds == pytest.approx(1.2 * 10**9 * U)
    assert known.kind == "exact"
    assert "switch0->switch1" in known.ports
    alone = aggregation_bound(topology, workers, (), 10**9)
    assert alone.seconds == allreduce_bound(topology, workers, 10**9).seconds
    # One worker has nothing to add up.
    assert aggregation_bound(topology, ["worker0"], ["ps"], 10**9).seconds == 0
