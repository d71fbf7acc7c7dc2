"""Ports, paths and flows on the shipped topologies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.spec import (
    WAYS,
    ClassPlan,
    Demand,
    Direction,
    Host,
    Link,
    Port,
    Topology,
    flow_dscp,
    load_topology,
    path,
    ports,
    unfit,
)
from orchestrator.spec.traffic.class_plan import class_plan
from tests.unit.placed import exchange_of
from workloads.schedule.library import get_schedule

ROOT = Path(__file__).parents[4]


def topology(name: str) -> Topology:
    return load_topology(ROOT / "topologies" / f"{name}.yaml")


def names(ports: tuple[Port, ...]) -> list[str]:
    return [str(port) for port in ports]


def port(of: Topology, name: str) -> Port:
    return next(port for port in ports(of) if str(port) == name)


def test_ports_of_the_published_topology() -> None:
    published = topology("ps-10g-1g-3workers")
    assert names(ports(published)) == [
        "ps->switch0",
        "switch0->ps",
        "switch0->switch1",
        "switch1->switch0",
        "switch1->worker0",
        "worker0->switch1",
        "switch1->worker1",
        "worker1->switch1",
        "switch1->worker2",
        "worker2->switch1",
    ]
    assert port(published, "switch0->ps") == Port("switch0", "ps", 10**10, 0, 524288)
    assert port(published, "switch1->switch0") == Port("switch1", "switch0", 10**9, 0, 524288)


def test_paths() -> None:
    published = topology("ps-10g-1g-3workers")
    pull = path(published, "ps", "worker1")
    assert names(pull) == ["ps->switch0", "switch0->switch1", "switch1->worker1"]
    push = path(published, "worker1", "ps")
    assert names(push) == ["worker1->switch1", "switch1->switch0", "switch0->ps"]
    assert names(path(published, "worker0", "worker2")) == ["worker0->switch1", "switch1->worker2"]
    assert path(published, "ps", "ps") == ()
    for src, dst in (("ps", "nobody"), ("nobody", "ps"), ("nobody", "nobody")):
        with pytest.raises(ValueError, match="no path"):
            path(published, src, dst)


def test_flows_through_the_trunk_of_a_rack() -> None:
    tree = topology("two-rack-tree")
    rack = ("worker3", "worker4", "worker5")
    exchange = exchange_of(tree)
    pulls = tuple(exchange.demand("pull", worker) for worker in rack)
    pushes = tuple(exchange.demand("push", worker) for worker in rack)
    assert exchange.demands.through(port(tree, "core->rack1")) == pulls
    assert exchange.demands.through(port(tree, "rack1->core")) == pushes
    assert len(exchange.demands.through(port(tree, "ps->core"))) == 6
    assert exchange.demands.through(port(tree, "rack0->worker0")) == (
        exchange.demand("pull", "worker0"),
    )


@pytest.mark.parametrize(
    ("name", "contended"),
    [
        ("ps-10g-1g-3workers", ["switch0->switch1", "switch1->switch0"]),
        ("two-rack-tree", ["core->rack0", "rack0->core", "core->rack1", "rack1->core"]),
        ("star", []),
    ],
)
def test_contended_ports(name: str, contended: list[str]) -> None:
    assert names(exchange_of(topology(name)).demands.contended()) == contended


def test_flows_of_one_worker_contend_where_it_gets_more_than_it_can_take() -> None:
    ports = names(exchange_of(topology("star")).demands.contended(least_classes=1))
    assert ports == [f"switch0->worker{n}" for n in range(4)]
    assert names(
        exchange_of(topology("ps-10g-1g-3workers")).demands.contended(least_classes=1)
    ) == [
        "switch0->switch1",
        "switch1->switch0",
    ]


def test_pushes_contend_where_the_server_has_the_rate_of_one_worker(tmp_path: Path) -> None:
    text = (ROOT / "topologies/star.yaml").read_text(encoding="utf-8")
    (tmp_path / "narrow.yaml").write_text(text.replace("10 Gbps}", "1 Gbps}"), encoding="utf-8")
    narrow = load_topology(tmp_path / "narrow.yaml")
    # Pulls queue up in the server's own port: at a host, not at a switch.
    assert names(exchange_of(narrow).demands.contended()) == ["switch0->ps"]


def test_hosts_by_name() -> None:
    published = topology("ps-10g-1g-3workers")
    worker = published.host("worker2")
    assert (worker.cores, worker.memory_bytes) == (6, 4 * 2**30)
    assert worker.device == "published-worker-6-cores-2GHz"
    with pytest.raises(KeyError):
        published.host("switch0")


LOOP = ROOT / "tests" / "golden" / "good" / "loop.yaml"


def test_of_two_ways_round_a_loop_the_shorter_one_is_taken_in_both_directions() -> None:
    ring = load_topology(LOOP)
    assert names(path(ring, "ps", "worker1")) == [
        "ps->switch0",
        "switch0->switch2",
        "switch2->worker1",
    ]
    assert names(path(ring, "worker1", "ps")) == [
        "worker1->switch2",
        "switch2->switch0",
        "switch0->ps",
    ]


def test_equally_short_ways_are_the_same_there_and_back() -> None:
    square = load_topology(ROOT / "tests" / "golden" / "good" / "square.yaml")
    there, back = path(square, "ps", "worker0"), path(square, "worker0", "ps")
    assert names(there) == ["ps->a", "a->b", "b->d", "d->worker0"]
    assert names(back) == ["worker0->d", "d->b", "b->a", "a->ps"]


def test_which_kind_of_switch_can_carry_a_loop() -> None:
    ring = load_topology(LOOP)
    assert (
        unfit(exchange_of(ring).demands, "ovs-user")
        == unfit(exchange_of(ring).demands, "ovs-kernel")
        == unfit(exchange_of(ring).demands, "auto")
        == ""
    )
    assert unfit(exchange_of(ring).demands, "linux-bridge") == (
        "linux-bridge cannot carry a loop, and the link switch2 - switch0 closes one"
    )
    assert unfit(exchange_of(topology("two-rack-tree")).demands, "linux-bridge") == ""


def test_more_workers_than_classes() -> None:
    star = topology("star")
    many = replace(
        star,
        hosts=(star.host("ps"), *(Host(f"w{n}", "d") for n in range(64))),
        links=(*(Link((f"w{n}", "switch0"), *[Direction(1, 0, 1)] * 2) for n in range(64)),),
    )
    assert "knows 63 workers apart" in unfit(exchange_of(many).demands, "ovs-user")
    assert unfit(exchange_of(many).demands, "linux-bridge") == ""


def test_a_class_per_worker_in_their_order_for_both_directions() -> None:
    exchange = exchange_of(topology("ps-10g-1g-3workers"))
    plan = class_plan(exchange.demands, by_class=True)
    for number, worker in enumerate(("worker0", "worker1", "worker2"), start=1):
        assert {plan.of(exchange.demand(way, worker)) for way in WAYS} == {number}
    assert class_plan(exchange_of(topology("star")).demands, by_class=False) == ClassPlan()
    assert ClassPlan().of(exchange.demand("pull", "worker2")) == 0


def test_hosts_mark_flows_of_which_a_worker_has_several() -> None:
    assert flow_dscp(get_schedule("geryon")) == (1, 2, 3, 4)
    assert flow_dscp(get_schedule("switch-priority")) == flow_dscp(get_schedule("none")) == (0,)
    assert ClassPlan(by_hosts=True).of(Demand("ps", "worker2", 0, "worker2", "")) is None
