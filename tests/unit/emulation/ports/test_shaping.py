"""The description of a port's shaping, without a kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.emulation.network.port_classes import port_shapes, schedule_plan
from orchestrator.emulation.ports.shaping import DscpMatch, Match, PortShape, TrafficClass
from orchestrator.spec import Scale, load_topology
from tests.unit.placed import exchange_of
from workloads.schedule.library import get_schedule


def shape(*classes: TrafficClass, rate: int = 10**9, delay: int = 0) -> PortShape:
    return PortShape("switch0->switch1", "switch0-eth1", rate, 524288, delay, 45, classes)


def words(port: PortShape) -> list[str]:
    return [" ".join(command) for command in port.commands()]


def test_rates_are_integers_in_bit_because_tc_reads_bps_as_bytes() -> None:
    for line in words(shape(TrafficClass("data"), rate=62_500_000)):
        assert "bps" not in line
    assert any(
        "rate 62500000bit ceil 62500000bit" in line
        for line in words(shape(TrafficClass("data"), rate=62_500_000))
    )


def test_acks_and_arp_take_the_highest_priority_under_one_data_class() -> None:
    lines = words(shape(TrafficClass("data")))
    acks = [line for line in lines if "flowid 1:a" in line]
    assert len(acks) == 2
    assert "match u8 0x10 0x3f at 33" in acks[0]
    assert "protocol arp" in acks[1]
    assert any("classid 1:a htb" in line and "prio 0" in line for line in lines)
    assert any("classid 1:b htb" in line and "prio 1" in line for line in lines)
    assert lines[0] == "ip link set dev switch0-eth1 gso_max_segs 45"
    assert lines[1].endswith("htb default b")


def test_workers_are_classified_by_address_in_their_order() -> None:
    workers = tuple(
        TrafficClass(f"worker{n}", (Match("dst", f"10.10.0.{n + 2}"),)) for n in range(3)
    )
    port = shape(*workers, TrafficClass("data"))
    assert [p.traffic.name for p in port.placed()] == [
        "ack",
        "worker0",
        "worker1",
        "worker2",
        "data",
    ]
    assert [p.priority for p in port.placed()] == [0, 1, 2, 3, 4]
    lines = words(port)
    assert sum("match ip dst 10.10.0." in line for line in lines) == 3
    assert any("match ip dst 10.10.0.3/32 flowid 1:c" in line for line in lines)


def test_more_classes_than_priorities_go_on_in_a_further_htb() -> None:
    workers = tuple(
        TrafficClass(f"worker{n}", (Match("src", f"10.10.0.{n + 2}"),)) for n in range(16)
    )
    port = shape(*workers, TrafficClass("data"))
    assert [len(tier) for tier in port.tiers()] == [7, 7, 4]
    assert all(p.priority < 8 for p in port.placed())
    assert len({p.classid for p in port.placed()}) == 18
    assert len({p.queue_handle for p in port.placed()}) == 18
    lines = words(port)
    assert any("parent 1:11 handle 2: htb default 11" in line for line in lines)
    assert any("parent 2:11 handle 3: htb default d" in line for line in lines)
    assert any("parent 3: protocol ip" in line for line in lines)


def test_guaranteed_rates_are_negligible_together() -> None:
    lines = words(shape(*(TrafficClass(f"w{n}", (Match("src", "10.10.0.2"),)) for n in range(6))))
    guaranteed = [line for line in lines if "rate 8000bit" in line]
    assert len(guaranteed) == 7
    assert 7 * 8000 < 10**9 * 0.001


def test_a_delay_line_stands_before_the_queue() -> None:
    lines = words(shape(TrafficClass("data"), delay=50))
    assert "root handle f000: netem delay 50us" in lines[1]
    assert "parent f000:1 handle 1: htb" in lines[2]


def test_every_queue_is_limited_in_bytes() -> None:
    port = shape(TrafficClass("data"))
    queues = [line for line in words(port) if "bfifo" in line]
    assert len(queues) == len(port.placed())
    assert all(line.endswith("limit 524288") for line in queues)


def test_classes_by_dscp_look_at_the_upper_six_bits() -> None:
    lines = words(shape(TrafficClass("worker0", (DscpMatch(1),)), TrafficClass("data")))
    assert any(line.endswith("match ip dsfield 0x04 0xfc flowid 1:b") for line in lines)
    assert DscpMatch(63).words()[3] == "0xfc"
    assert DscpMatch(2).tc_lines() == ("00080000/00fc0000 at 0",)


def test_under_a_controller_all_schedules_have_the_same_queues() -> None:
    topology = load_topology(Path(__file__).parents[4] / "topologies" / "two-rack-tree.yaml")
    none, priority = (
        port_shapes(exchange_of(topology).demands, Scale(), get_schedule(name), by_dscp=True)
        for name in ("none", "switch-priority")
    )
    assert none == priority
    trunk = next(shape for shape in none if shape.port == "core->rack1")
    # The worker's number in the topology, not at the port: a packet is marked once.
    assert [match for c in trunk.classes for match in c.matches] == [
        DscpMatch(4),
        DscpMatch(5),
        DscpMatch(6),
    ]
    edge = next(shape for shape in none if shape.port == "rack1->worker4")
    assert [c.name for c in edge.classes] == ["data"]


def test_only_a_schedule_at_the_switch_gives_flows_a_class() -> None:
    topology = load_topology(Path(__file__).parents[4] / "topologies" / "star.yaml")
    assert schedule_plan(exchange_of(topology).demands, get_schedule("none")).dscp == {}
    assert (
        len(schedule_plan(exchange_of(topology).demands, get_schedule("switch-priority")).dscp) == 4
    )


@pytest.mark.parametrize(
    ("rate", "guaranteed"),
    [(9_600, 200), (64_000, 200), (10**6, 1000), (10**7, 8000), (4 * 10**11, 8000)],
)
def test_a_class_is_guaranteed_a_small_share_of_its_port(rate: int, guaranteed: int) -> None:
    port = shape(TrafficClass("data"), rate=rate)
    assert port.guaranteed_bps == guaranteed
    # As htb counts: whole bytes per second, and no less than a frame a minute.
    assert guaranteed % 8 == 0
    assert guaranteed <= 0.0011 * rate or guaranteed <= 8 * 1514 / 60
    assert sum(f"rate {guaranteed}bit ceil {rate}bit" in line for line in words(port)) == 2


def test_no_delay_line_is_too_short_for_what_is_on_its_way() -> None:
    near = words(shape(TrafficClass("data"), delay=1000))
    far = words(shape(TrafficClass("data"), rate=10**11, delay=100_000))
    assert near[1].endswith("delay 1000us limit 100000")
    packets = 10**11 // 10 // (8 * 1514)
    assert far[1].endswith(f"delay 100000us limit {4 * packets}")
