"""The ring and the groups of workers that a topology suggests."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.spec import Placement, Topology, load_topology, members_of, ring_order, ring_ways
from tests.unit.predict.allreduce.test_bound import trees
from workloads.schedule.library import get_schedule

TOPOLOGIES = Path(__file__).parents[4] / "topologies"


def seconds(topology: Topology, hosts: tuple[str, ...]) -> float:
    ways = ring_ways(topology, hosts)
    return max(len(ways.through(port)) / port.rate_bps for port in ways.crossed)


@settings(max_examples=60)
@given(trees(), st.randoms())
def test_no_order_makes_a_faster_ring(topology: Topology, chance: object) -> None:
    hosts = [host.name for host in topology.hosts]
    chance.shuffle(hosts)  # type: ignore[attr-defined]
    fastest = min(seconds(topology, order) for order in permutations(hosts))
    assert seconds(topology, ring_order(topology, hosts)) == pytest.approx(fastest)


def test_workers_keep_their_order_where_no_ring_is_faster() -> None:
    topology = load_topology(TOPOLOGIES / "two-rack-tree.yaml")
    workers = tuple(f"worker{number}" for number in range(6))
    assert ring_order(topology, workers) == workers
    mixed = [workers[number] for number in (0, 3, 1, 4, 2, 5)]
    assert ring_order(topology, mixed) == workers


def test_a_group_is_what_is_behind_one_switch() -> None:
    topology = load_topology(TOPOLOGIES / "two-rack-tree.yaml")
    workers = tuple(f"worker{number}" for number in (5, 0, 3, 1))
    members = members_of(topology, Placement(("ps",), workers), get_schedule("p3"))
    assert members.groups == (("worker5", "worker3"), ("worker0", "worker1"))
    assert (members.servers, members.workers, members.schedule.name) == (("ps",), workers, "p3")
    assert sorted(members.ring) == sorted(workers)


def test_a_split_has_the_shares_of_its_linear_programme() -> None:
    topology = load_topology(TOPOLOGIES / "ps-10g-1g-3workers.yaml")
    placement = Placement(("ps",), ("worker0", "worker1", "worker2"))
    members = members_of(topology, placement, get_schedule("split"))
    assert members.shares == pytest.approx({"server": 0.4, "ring": 0.6}, rel=1e-6)
    assert not members_of(topology, placement, get_schedule("ring")).shares


def test_without_a_server_all_of_a_split_goes_round_the_ring() -> None:
    topology = load_topology(TOPOLOGIES / "workers-1ms.yaml")
    placement = Placement((), ("worker0", "worker1", "worker2"))
    found = members_of(topology, placement, get_schedule("split"))
    assert (found.servers, found.shares) == ((), {"server": 0.0, "ring": 1.0})
    with pytest.raises(ValueError, match="p3 sends to a parameter server, and none is placed"):
        members_of(topology, placement, get_schedule("p3"))


def test_the_first_worker_stands_in_for_a_server_that_probes_need() -> None:
    assert Placement((), ("a", "b", "c")).probed == Placement(("a",), ("b", "c"))
    placed = Placement(("ps",), ("a", "b"))
    assert placed.probed is placed
