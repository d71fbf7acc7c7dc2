"""From schedules to the shapes of ports."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.emulation.network.port_classes import demand_classes, port_shapes
from orchestrator.emulation.ports.readback import asked_defaults
from orchestrator.emulation.ports.shaping import DscpMatch, Match, PortShape
from orchestrator.spec import (
    Demand,
    Demands,
    Program,
    Scale,
    Throughput,
    Topology,
    load_topology,
    ports,
    program_demands,
)
from tests.unit.placed import exchange_of
from workloads.exchange.demand import server_demands
from workloads.schedule.library import get_schedule

TOPOLOGIES = Path(__file__).parents[4] / "topologies"
REAL = Scale()


def topology(name: str = "ps-10g-1g-3workers") -> Topology:
    return load_topology(TOPOLOGIES / f"{name}.yaml")


def changed(tmp_path: Path, old: str, new: str) -> Topology:
    """The published topology with something else in its file."""
    text = (TOPOLOGIES / "ps-10g-1g-3workers.yaml").read_text()
    assert old in text
    (tmp_path / "changed.yaml").write_text(text.replace(old, new))
    return load_topology(tmp_path / "changed.yaml")


def shapes(where: Topology, schedule: str, scale: Scale = REAL) -> dict[str, PortShape]:
    return {
        shape.port: shape
        for shape in port_shapes(exchange_of(where).demands, scale, get_schedule(schedule))
    }


def class_names(shape: PortShape) -> list[str]:
    return [placed.traffic.name for placed in shape.placed()]


@pytest.mark.parametrize(
    ("name", "contended"),
    [
        ("ps-10g-1g-3workers", {"switch0->switch1", "switch1->switch0"}),
        ("star", set()),
        ("two-rack-tree", {"core->rack0", "rack0->core", "core->rack1", "rack1->core"}),
    ],
)
def test_schedules_differ_at_contended_switch_ports_only(name: str, contended: set[str]) -> None:
    none, priority = (shapes(topology(name), s) for s in ("none", "switch-priority"))
    assert list(none) == list(priority) == [str(port) for port in ports(topology(name))]
    assert {port for port in none if none[port] != priority[port]} == contended


def test_none_has_one_class_for_all_data() -> None:
    assert {tuple(class_names(shape)) for shape in shapes(topology(), "none").values()} == {
        ("ack", "data")
    }


def test_the_first_worker_comes_first_at_both_ends_of_the_trunk() -> None:
    by_port = shapes(topology(), "switch-priority")
    order = ["ack", "worker0", "worker1", "worker2", "data"]
    assert class_names(by_port["switch0->switch1"]) == order
    assert class_names(by_port["switch1->switch0"]) == order


def test_the_order_is_that_of_the_hosts_and_not_of_their_names_or_links(tmp_path: Path) -> None:
    where = changed(
        tmp_path,
        "  worker0: {role: worker}\n  worker1: {role: worker}\n  worker2: {role: worker}\n",
        "  worker2: {role: worker}\n  worker0: {role: worker}\n  worker1: {role: worker}\n",
    )
    by_port = shapes(where, "switch-priority")
    order = ["ack", "worker2", "worker0", "worker1", "data"]
    assert class_names(by_port["switch0->switch1"]) == order
    assert class_names(by_port["switch1->switch0"]) == order


@pytest.mark.parametrize(("node", "field"), [("switch0", "dst"), ("switch1", "src")])
def test_pulls_are_told_by_destination_and_pushes_by_source(node: str, field: str) -> None:
    (trunk,) = [p for p in ports(topology()) if p.node == node and p.peer.startswith("switch")]
    classes = demand_classes(exchange_of(topology()).demands, trunk)
    assert [entry.matches for entry in classes] == [
        (Match(field, "10.10.0.2"),),
        (Match(field, "10.10.0.3"),),
        (Match(field, "10.10.0.4"),),
        (),
    ]


def test_a_rack_knows_its_own_workers_only() -> None:
    by_port = shapes(topology("two-rack-tree"), "switch-priority")
    assert class_names(by_port["core->rack1"]) == ["ack", "worker3", "worker4", "worker5", "data"]


@pytest.mark.parametrize("by_dscp", [False, True])
def test_flows_have_the_classes_that_hosts_mark_whatever_the_switch(by_dscp: bool) -> None:
    by_port = {
        shape.port: shape
        for shape in port_shapes(
            exchange_of(topology()).demands, REAL, get_schedule("geryon"), by_dscp=by_dscp
        )
    }
    for name in ("switch0->switch1", "switch1->switch0"):
        classes = [(c.name, c.matches) for c in by_port.pop(name).classes]
        assert classes == [
            ("flow0", (DscpMatch(1),)),
            ("flow1", (DscpMatch(2),)),
            ("flow2", (DscpMatch(3),)),
            ("flow3", (DscpMatch(4),)),
            ("data", ()),
        ]
    assert {tuple(class_names(shape)) for shape in by_port.values()} == {("ack", "data")}


def test_eight_flows_and_all_else_are_more_classes_than_one_htb_has() -> None:
    eight = replace(get_schedule("geryon"), flows=8)
    (trunk,) = [
        s
        for s in port_shapes(exchange_of(topology()).demands, REAL, eight)
        if s.port == "switch0->switch1"
    ]
    assert class_names(trunk) == ["ack", *(f"flow{n}" for n in range(8)), "data"]
    assert [len(tier) for tier in trunk.tiers()] == [7, 3]


def test_rates_queues_and_delays_are_scaled(tmp_path: Path) -> None:
    where = changed(tmp_path, "delay: 0us", "delay: 50us")
    trunk = shapes(where, "switch-priority", Scale(8, 2))["switch0->switch1"]
    assert trunk.rate_bps == 125_000_000
    assert trunk.queue_bytes == 512 * 1024 // 4
    assert trunk.delay_us == 100


def test_a_queue_at_a_small_scale_holds_the_least_windows_of_all_that_cross_it() -> None:
    """Six workers' 32 KiB each; with fewer, or where the real one is no larger, nothing changes."""
    where = topology("two-servers")
    workers = tuple(f"worker{number}" for number in range(6))
    demands = Demands(where, server_demands({"ps0": 1, "ps1": 1}, workers))
    found = {
        shape.port: shape.queue_bytes
        for shape in port_shapes(demands, Scale(16, 1), get_schedule("none"))
    }
    assert found["core->ps0"] == found["ps1->core"] == 6 * 2 * 16 * 1024
    assert found["core->worker3"] == found["worker3->core"] == 128 * 1024
    whole = port_shapes(demands, Scale(), get_schedule("none"))
    assert {shape.queue_bytes for shape in whole} == {1024 * 1024}


def test_full_scale_is_the_file() -> None:
    by_port = shapes(topology(), "none")
    assert (by_port["ps->switch0"].rate_bps, by_port["ps->switch0"].queue_bytes) == (10**10, 524288)
    assert by_port["ps->switch0"].delay_us == 0


def test_each_direction_has_its_own_rate_and_device(tmp_path: Path) -> None:
    where = changed(
        tmp_path,
        "{endpoints: [switch0, switch1]}",
        "{endpoints: [switch0, switch1], reverse: {rate: 500 Mbps}}",
    )
    by_port = shapes(where, "none")
    there, back = by_port["switch0->switch1"], by_port["switch1->switch0"]
    assert (there.device, there.rate_bps) == ("switch0-eth1", 10**9)
    assert (back.device, back.rate_bps) == ("switch1-eth0", 5 * 10**8)


def test_hosts_count_apart_what_they_send_to_each_other() -> None:
    where = topology()
    workers = ("worker0", "worker1", "worker2")
    own = Program("own", ("x",), workers, Throughput(json="speed"))
    demands, none = program_demands(where, own), get_schedule("none")
    by_port = {s.port: s for s in port_shapes(demands, Scale(8, 8), none, counted=True)}
    plain = {s.port: s for s in port_shapes(demands, Scale(8, 8), none)}
    shape = by_port["worker0->switch1"]
    assert class_names(shape) == ["ack", "to worker1", "to worker2", "data"]
    assert [(one.classid, one.priority) for one in shape.placed()] == [
        ("1:a", 0), ("1:1000", 1), ("1:1001", 1), ("1:b", 1),
    ]  # fmt: skip
    assert len({one.queue_handle for one in shape.placed()}) == 4
    changed_ports = {port for port, one in by_port.items() if one != plain[port]}
    assert changed_ports == {f"{worker}->switch1" for worker in workers}
    # What matches no class of a destination still has the last class.
    assert asked_defaults(shape) == {"1:": "0xb"}
    (match,) = shape.counted[0].matches
    assert match == Match("dst", "10.10.0.3")


def test_on_shared_hosts_a_class_takes_the_packets_of_its_own_job_only() -> None:
    own = exchange_of(topology()).demands
    measured = tuple(replace(one, port=5000) for one in own)
    neighbour = tuple(replace(one, port=5001, traffic_class="") for one in own)
    demands = replace(own, all=(*measured, *neighbour))
    trunk = next(port for port in demands.crossed if str(port) == "switch0->switch1")
    *classes, rest = demand_classes(demands, trunk)
    assert [one.name for one in classes] == ["worker0", "worker1", "worker2"]
    assert [match.words()[-4:] for match in classes[1].matches] == [
        ("ip", "sport", "5000", "0xffff"),
        ("ip", "dport", "5000", "0xffff"),
    ]
    assert [match.tc_lines()[-1] for match in classes[1].matches] == [
        "13880000/ffff0000 at 20",
        "00001388/0000ffff at 20",
    ]
    assert (rest.name, rest.matches) == ("data", ())
    # A neighbour on other hosts needs no port.
    apart = replace(own, all=(*own, Demand("worker2", "worker0", 0, "", "other", 5001)))
    assert str(demand_classes(apart, trunk)) == str(demand_classes(own, trunk))
