"""The bound of an all-reduce, against the best mix of trees that a linear program finds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from orchestrator.predict import allreduce_bound, goodput_bps
from orchestrator.spec import Direction, Host, Link, Topology, load_topology, path
from tests.unit.predict.clusters import RATES, link

TOPOLOGIES = Path(__file__).parents[4] / "topologies"
SIZE = 300_000_000
U = SIZE * 8 / goodput_bps(10**9)


def workers(count: int) -> list[str]:
    return [f"worker{number}" for number in range(count)]


def star(*rates: int) -> Topology:
    hosts = tuple(Host(name) for name in workers(len(rates)))
    links = [link(host.name, "hub", rate) for host, rate in zip(hosts, rates, strict=True)]
    return Topology("star", "", hosts, ("hub",), tuple(links))


@st.composite
def trees(draw: st.DrawFn) -> Topology:
    """Two to four hosts on switches in a tree; a rate for each direction, or one for all."""
    rates = draw(st.sampled_from([RATES, st.just(10**9), st.sampled_from([10**8, 10**9])]))
    switches = [f"s{number}" for number in range(draw(st.integers(1, 3)))]
    links = [
        link(draw(st.sampled_from(switches[:number])), switches[number], draw(rates), draw(rates))
        for number in range(1, len(switches))
    ]
    hosts = [Host(name) for name in workers(draw(st.integers(2, 4)))]
    for host in hosts:
        links.append(link(draw(st.sampled_from(switches)), host.name, draw(rates), draw(rates)))
    return Topology("tree", "", tuple(hosts), tuple(switches), tuple(links))


def gathering_trees(count: int, root: int) -> Iterator[list[tuple[int, int]]]:
    """All ways in which hosts can hand sums on to one, as (from, to)."""
    others = [number for number in range(count) if number != root]
    for parents in product(range(count), repeat=len(others)):
        parent = dict(zip(others, parents, strict=True))
        if all(_leads_to(root, parent, number) for number in others):
            yield list(parent.items())


def _leads_to(root: int, parent: dict[int, int], number: int) -> bool:
    for _ in range(len(parent) + 1):
        if number == root:
            return True
        number = parent[number]
    return False


def best_mix_of_trees(topology: Topology, size: int) -> float:
    """Seconds of the best all-reduce that sums each part of the elements up one tree and spreads
    it down another one: a linear program over the parts."""
    hosts = [host.name for host in topology.hosts]
    numbers: dict[str, int] = {}
    loads = []
    for root in range(len(hosts)):
        known = list(gathering_trees(len(hosts), root))
        for up, down in product(known, known):
            load: dict[int, float] = {}
            for one, other in (*up, *((b, a) for a, b in down)):
                for port in path(topology, hosts[one], hosts[other]):
                    number = numbers.setdefault(str(port), len(numbers))
                    load[number] = load.get(number, 0.0) + 8 / goodput_bps(port.rate_bps)
            loads.append(load)
    matrix = np.zeros((len(numbers), len(loads) + 1))
    for column, load in enumerate(loads):
        for row, busy in load.items():
            matrix[row, column] = busy
    matrix /= (most := matrix.max())
    matrix[:, -1] = -1  # no link is busy for longer than the time that is minimised
    solution = linprog(
        [*np.zeros(len(loads)), 1],
        A_ub=matrix,
        b_ub=np.zeros(len(numbers)),
        A_eq=[[*np.ones(len(loads)), 0]],
        b_eq=[1],
    )
    assert solution.success
    assert solution.fun is not None
    return float(solution.fun * most * size)


@pytest.mark.parametrize("count", [2, 3, 5, 32])
def test_a_star_of_equal_links(count: int) -> None:
    known = allreduce_bound(star(*[10**9] * count), workers(count), SIZE)
    assert known.seconds == pytest.approx(2 * (count - 1) / count * U)
    assert known.kind == "exact"
    assert known.ring.seconds == pytest.approx(known.seconds)


@pytest.mark.parametrize(
    ("name", "count", "u"), [("ps-10g-1g-3workers", 3, 4 / 3), ("two-rack-tree", 6, 5 / 3)]
)
def test_the_shipped_topologies(name: str, count: int, u: float) -> None:
    known = allreduce_bound(load_topology(TOPOLOGIES / f"{name}.yaml"), workers(count), SIZE)
    assert (known.kind, known.ring) == ("exact", known.best_ring)
    assert known.seconds == pytest.approx(u * U)
    assert known.ring.seconds == pytest.approx(u * U)
    assert "core->rack0" not in known.ports


def test_a_slow_trunk_is_a_cut_that_everything_crosses_once_each_way() -> None:
    links = [link("a", "b", 10**8), *(link("ab"[n // 3], f"worker{n}", 10**9) for n in range(6))]
    hosts = tuple(Host(name) for name in workers(6))
    topology = Topology("dumbbell", "", hosts, ("a", "b"), tuple(links))
    known = allreduce_bound(topology, workers(6), SIZE)
    assert (known.kind, set(known.ports)) == ("cut bound", {"a->b", "b->a"})
    assert known.seconds == pytest.approx(10 * U)
    assert known.ring.seconds == pytest.approx(10 * 2 * 5 / 6 * U)
    # From rack to rack and back at each step, three times each way.
    mixed = allreduce_bound(topology, [f"worker{n}" for n in (0, 3, 1, 4, 2, 5)], SIZE)
    assert mixed.ring.seconds == pytest.approx(3 * known.ring.seconds)
    assert mixed.best_ring.seconds == pytest.approx(known.ring.seconds)
    assert mixed.seconds == known.seconds


def test_racks_behind_trunks_are_counted_as_one_each() -> None:
    """Eight racks of two behind trunks as fast as a host: 2 * 7 / 8 by racks, 15 / 8 by hosts."""
    hosts = workers(16)
    racks = [f"rack{number}" for number in range(8)]
    links = [link("core", rack, 5 * 10**8) for rack in racks]
    links += [link(racks[number // 2], host, 10**9) for number, host in enumerate(hosts)]
    topology = Topology("racks", "", tuple(map(Host, hosts)), ("core", *racks), tuple(links))
    known = allreduce_bound(topology, hosts, SIZE)
    assert known.seconds == pytest.approx(2 * 2 * 7 / 8 * U)
    assert set(known.ports) == {
        port for rack in racks for port in (f"core->{rack}", f"{rack}->core")
    }
    assert known.kind == "cut bound"


def test_hosts_behind_faster_links_add_up_more() -> None:
    """Rings wait for the slow link; shares by rate do not, until it sends its own once."""
    known = allreduce_bound(star(2 * 10**9, 10**9, 10**9), workers(3), SIZE)
    assert known.kind == "exact"
    assert known.seconds == pytest.approx(U)
    assert known.ring.seconds == pytest.approx(4 / 3 * U)
    slow = allreduce_bound(star(10**8, 10**9, 10**9), workers(3), SIZE)
    assert slow.kind == "exact"
    assert slow.seconds == pytest.approx(10 * U)
    assert set(slow.ports) == {"worker0->hub", "hub->worker0"}


def test_links_on_a_loop_are_no_cuts() -> None:
    """Three switches in a ring, a host each: only the hosts' links part them."""
    names = ("a", "b", "c")
    links = [link(one, other, 10**6) for one, other in (("a", "b"), ("b", "c"), ("c", "a"))]
    links += [link(name, host, 10**9) for name, host in zip(names, workers(3), strict=True)]
    topology = Topology("loop", "", tuple(map(Host, workers(3))), names, tuple(links))
    known = allreduce_bound(topology, workers(3), SIZE)
    assert known.kind == "cut bound"
    assert known.seconds == pytest.approx(4 / 3 * U)
    assert known.ring.seconds == pytest.approx(4 / 3 * U * 1000)


def test_what_leads_to_no_host_that_takes_part_does_not_count() -> None:
    topology = load_topology(TOPOLOGIES / "two-rack-tree.yaml")
    known = allreduce_bound(topology, ["worker1", "worker0"], SIZE)
    assert known.seconds == pytest.approx(U)
    assert {end for port in known.ports for end in port.split("->")} == {
        "worker0", "worker1", "rack0",
    }  # fmt: skip


def test_a_measured_goodput_takes_the_place_of_the_rate() -> None:
    measured = {"worker1->hub": 10**8}
    known = allreduce_bound(star(10**9, 10**9, 10**9), workers(3), SIZE, measured)
    assert known.seconds == pytest.approx(SIZE * 8 / 10**8)
    assert known.ports == ("worker1->hub",)
    assert known.ring.seconds == pytest.approx(4 / 3 * SIZE * 8 / 10**8)


def test_one_host_sends_nothing() -> None:
    known = allreduce_bound(star(10**9, 10**9), ["worker1"], SIZE)
    assert (known.seconds, known.kind, known.ports) == (0.0, "exact", ())
    assert (known.ring.seconds, known.ring.ports) == (0.0, ())


@pytest.mark.parametrize("hosts", [[], ["worker0", "worker0"]])
def test_a_ring_has_each_host_once(hosts: list[str]) -> None:
    with pytest.raises(ValueError, match="each of them once"):
        allreduce_bound(star(10**9, 10**9), hosts, SIZE)


def test_hosts_without_a_way_between_them() -> None:
    apart = Topology(
        "apart",
        "",
        tuple(map(Host, workers(2))),
        ("a", "b"),
        (link("a", "worker0", 1), link("b", "worker1", 1)),
    )
    with pytest.raises(ValueError, match="no path from 'worker0' to 'worker1'"):
        allreduce_bound(apart, workers(2), SIZE)


@settings(deadline=None, max_examples=60)
@given(trees())
def test_nothing_is_below_the_bound_and_exact_is_reached(topology: Topology) -> None:
    hosts = [host.name for host in topology.hosts]
    known = allreduce_bound(topology, hosts, SIZE)
    best = best_mix_of_trees(topology, SIZE)
    assert known.seconds <= best * (1 + 1e-6)
    if known.kind == "exact":
        assert known.seconds == pytest.approx(best, rel=1e-6)
    assert best * (1 - 1e-6) <= known.best_ring.seconds <= known.ring.seconds * (1 + 1e-9)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(10**8, 10**10), min_size=2, max_size=4))
def test_on_one_switch_with_links_alike_both_ways_it_is_always_exact(rates: list[int]) -> None:
    topology = star(*rates)
    known = allreduce_bound(topology, workers(len(rates)), SIZE)
    assert known.kind == "exact"
    assert known.seconds == pytest.approx(best_mix_of_trees(topology, SIZE), rel=1e-6)


def test_hundreds_of_hosts_take_no_time() -> None:
    hosts = workers(400)
    racks = [f"rack{number}" for number in range(40)]
    way = Direction(10**9, 10, 10**6)
    links = [Link(("core", rack), replace(way, rate_bps=4 * 10**9), way) for rack in racks]
    links += [Link((racks[number // 10], host), way, way) for number, host in enumerate(hosts)]
    topology = Topology("large", "", tuple(map(Host, hosts)), ("core", *racks), tuple(links))
    known = allreduce_bound(topology, hosts, SIZE)
    assert known.seconds == pytest.approx(2 * 399 / 400 * U)
