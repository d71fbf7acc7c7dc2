"""Loads, shares, windows and rules of demands made by hand, between any two hosts."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from orchestrator.emulation.network.port_classes import demand_classes, port_shapes
from orchestrator.emulation.ports.shaping import DscpMatch, Match, PairMatch
from orchestrator.predict import acks_share, fullest, goodput_bps, link_loads, shared_links
from orchestrator.predict.network.windows import capped
from orchestrator.session.testbed.controller import planned_rules
from orchestrator.spec import (
    ClassPlan,
    Demand,
    Demands,
    Direction,
    Scale,
    SocketBuffers,
    Topology,
    class_plan,
    load_topology,
    ports,
)
from workloads.schedule.library import get_schedule

TOPOLOGIES = Path(__file__).parents[3] / "topologies"
PUBLISHED = load_topology(TOPOLOGIES / "ps-10g-1g-3workers.yaml")
TREE = load_topology(TOPOLOGIES / "two-rack-tree.yaml")
MODEL = 300_000_000
U = MODEL * 8 / goodput_bps(10**9)


def ring(topology: Topology, workers: int) -> Demands:
    """All-reduce of a model round a ring: 2 (n - 1) / n of it from each worker to the next."""
    names = [f"worker{number}" for number in range(workers)]
    size = 2 * (workers - 1) * MODEL // workers
    return Demands(
        topology,
        tuple(
            Demand(one, other, size, one, f"{one} to {other}")
            for one, other in pairwise((*names, names[0]))
        ),
    )


def two_servers() -> Demands:
    """A third of the model on worker2, the rest on ps; worker0 and worker1 train."""
    shares = {"ps": 2 * MODEL // 3, "worker2": MODEL // 3}
    ends = [(server, worker) for server in shares for worker in ("worker0", "worker1")]
    return Demands(
        PUBLISHED,
        (
            *(Demand(s, w, shares[s], w, f"{s} to {w}") for s, w in ends),
            *(Demand(w, s, shares[s], w, f"{w} to {s}") for s, w in ends),
        ),
    )


def seconds(demands: Demands) -> dict[str, float]:
    return {str(load.port): load.seconds for load in link_loads(demands)}


def test_a_ring_of_three_never_crosses_the_trunk_and_takes_four_thirds() -> None:
    demands = ring(PUBLISHED, 3)
    first, *_ = demands
    assert [str(port) for port in demands.paths[first]] == ["worker0->switch1", "switch1->worker1"]
    taken = seconds(demands)
    assert not {"switch0->switch1", "switch1->switch0", "ps->switch0"} & set(taken)
    assert fullest(link_loads(demands))[0].seconds == pytest.approx(4 / 3 * U)
    assert list(taken.values()) == pytest.approx([4 / 3 * U] * 6)


def test_a_ring_over_two_racks_crosses_each_trunk_once_each_way() -> None:
    loads = link_loads(ring(TREE, 6))
    assert fullest(loads)[0].seconds == pytest.approx(2 * 5 / 6 * U)
    trunks = {str(load.port): len(load.demands) for load in loads if "core" in str(load.port)}
    assert trunks == {
        "rack0->core": 1, "core->rack1": 1, "rack1->core": 1, "core->rack0": 1,
    }  # fmt: skip


def test_two_servers_load_the_links_of_both() -> None:
    taken = seconds(two_servers())
    assert taken["switch0->switch1"] == taken["switch1->switch0"] == pytest.approx(4 / 3 * U)
    assert taken["worker2->switch1"] == taken["switch1->worker2"] == pytest.approx(2 / 3 * U)
    assert taken["switch1->worker0"] == pytest.approx(U)


def test_shares_are_fair_between_any_hosts() -> None:
    assert shared_links(ring(PUBLISHED, 3)) == ()
    shared = {link.port: link for link in shared_links(two_servers())}
    # Each takes half of the trunk, and the rest of its own link from the other server.
    assert shared["switch0->switch1"].fair_bps == pytest.approx([goodput_bps(5e8)] * 2)
    assert shared["switch1->worker0"].fair_bps == pytest.approx([goodput_bps(5e8)] * 2)


def test_acknowledgements_go_back_where_nothing_is_sent() -> None:
    demands = ring(PUBLISHED, 3)
    by_name = {str(port): port for port in ports(PUBLISHED)}
    assert 0 < acks_share(demands, Scale(), by_name["worker1->switch1"]) < 0.01
    assert acks_share(demands, Scale(), by_name["switch0->switch1"]) == 0.0


def test_a_window_limits_the_link_that_one_demand_has_for_itself() -> None:
    def late(way: Direction) -> Direction:
        return replace(way, delay_us=25_000)

    links = [replace(x, forward=late(x.forward), reverse=late(x.reverse)) for x in PUBLISHED.links]
    demands = ring(replace(PUBLISHED, links=tuple(links)), 3)
    limited = capped(demands, SocketBuffers(1 << 16, 1 << 20), Scale())
    # Two windows of 64 KiB at most, as the kernel keeps them, in each round trip of 100 ms.
    assert set(limited) == {f"switch1->worker{number}" for number in range(3)}
    assert all(bps < 8 * (1 << 17) / 0.1 for bps in limited.values())


def test_a_demand_has_rules_on_its_path_and_the_answers_have_theirs() -> None:
    demands = Demands(PUBLISHED, (Demand("worker0", "worker1", 1, "urgent", "ring"),))
    rules = planned_rules(demands, class_plan(demands, by_class=True))
    assert [(rule.flow, str(rule)) for rule in rules["switch1"]] == [
        (
            "ring",
            "priority=100,ip,nw_src=10.10.0.2,nw_dst=10.10.0.3 "
            "actions=set_field:1->ip_dscp,output:3",
        ),
        (
            "answers to ring",
            "priority=100,ip,nw_src=10.10.0.3,nw_dst=10.10.0.2 "
            "actions=set_field:0->ip_dscp,output:2",
        ),
        ("all else", "priority=0 actions=drop"),
    ]
    assert [str(rule) for rule in rules["switch0"]] == ["priority=0 actions=drop"]
    both = planned_rules(two_servers(), ClassPlan())
    assert not any(rule.flow.startswith("answers") for rule in both["switch1"])


def test_classes_of_demands_at_the_ports_where_they_compete() -> None:
    demands = two_servers()
    contended = {str(port): port for port in demands.contended()}
    assert set(contended) == {"switch0->switch1", "switch1->switch0", "switch1->worker2"}
    into = demand_classes(demands, contended["switch1->worker2"])
    assert [(one.name, one.matches) for one in into] == [
        ("worker0", (Match("src", "10.10.0.2"),)),
        ("worker1", (Match("src", "10.10.0.3"),)),
        ("data", ()),
    ]
    by_dscp = demand_classes(demands, contended["switch1->worker2"], by_dscp=True)
    assert [one.matches for one in by_dscp] == [(DscpMatch(1),), (DscpMatch(2),), ()]
    shapes = port_shapes(demands, Scale(), get_schedule("switch-priority"))
    assert {shape.port for shape in shapes if len(shape.classes) > 1} == set(contended)


def test_where_one_end_does_not_tell_demands_apart_both_do() -> None:
    ends = [("worker3", "worker0"), ("worker3", "worker1"), ("worker4", "worker0")]
    demands = Demands(TREE, tuple(Demand(a, b, 1, f"{a}{b}", f"{a} to {b}") for a, b in ends))
    (trunk,) = [port for port in ports(TREE) if str(port) == "core->rack0"]
    first, *_ = demand_classes(demands, trunk)
    assert first.matches == (PairMatch("10.10.0.5", "10.10.0.2"),)
    assert first.matches[0].tc_lines() == ("0a0a0005/ffffffff at 12", "0a0a0002/ffffffff at 16")


def test_two_demands_with_the_same_ends_are_refused() -> None:
    one, other = (Demand("worker0", "worker1", 1, "", name) for name in ("one", "other"))
    with pytest.raises(ValueError, match="one and other: both go from worker0 to worker1"):
        Demands(PUBLISHED, (one, other))
