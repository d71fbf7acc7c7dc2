"""Ports are shaped once, read back as they are, and counted in their own namespaces."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from orchestrator.emulation.ports.counters import Count
from orchestrator.emulation.ports.readable_ports import ShapedPorts
from orchestrator.emulation.ports.shaping import PortShape, TrafficClass
from orchestrator.errors import RunError
from tests.unit.emulation.runners import FakeRunner

HOST = PortShape("ps->switch0", "ps-eth0", 10**9, 524288, 0, 45, (TrafficClass("data"),))
SWITCH = PortShape("switch0->ps", "switch0-eth1", 10**8, 65536, 0, 45, (TrafficClass("data"),))


class Ports:
    """Two ports, of which a host's is in the namespace of process 7."""

    def __init__(self) -> None:
        self.runner = FakeRunner()
        self.ports = ShapedPorts(self.runner, {"ps": 7, "switch0": None}.__getitem__)


def test_a_port_is_shaped_where_its_node_is() -> None:
    made = Ports()
    made.ports.shape((HOST, SWITCH))
    assert made.runner.commands == [
        *((7, " ".join(command)) for command in HOST.commands()),
        *((None, " ".join(command)) for command in SWITCH.commands()),
    ]
    assert made.ports.shapes == {"ps->switch0": HOST, "switch0->ps": SWITCH}


def test_what_stays_is_not_touched_and_what_changes_is_cleared_first() -> None:
    made = Ports()
    made.ports.shape((HOST, SWITCH))
    made.runner.commands.clear()
    other = replace(SWITCH, rate_bps=2 * 10**8)
    made.ports.shape((HOST, other))
    bursts, *shaping = (" ".join(command) for command in other.commands())
    assert made.runner.commands == [
        (None, command) for command in (bursts, "tc qdisc del dev switch0-eth1 root", *shaping)
    ]
    assert made.ports.shapes["switch0->ps"] == other


def test_a_refused_shape_is_not_taken_for_done() -> None:
    made = Ports()
    made.runner.refuses = "tc class add dev ps-eth0"
    first = next(" ".join(c) for c in HOST.commands() if c[:2] == ("tc", "class"))
    with pytest.raises(RunError) as error:
        made.ports.shape((HOST,))
    assert str(error.value) == f"{first}: exit status 1: why"
    assert made.runner.commands[-1] == (7, first)
    assert made.ports.shapes == {}


LINKS = [{"ifname": "ps-eth0", "gso_max_segs": 45}, {"ifname": "switch0-eth1", "gso_max_segs": 1}]
QDISCS = [{"kind": "pfifo", "handle": "7:", "dev": link["ifname"]} for link in LINKS]


def test_every_port_is_compared_with_what_the_kernel_kept() -> None:
    made = Ports()
    made.ports.shape((HOST, SWITCH))
    made.runner.answers = {
        "tc -j qdisc show": json.dumps(QDISCS),
        "ip -d -j link show": json.dumps(LINKS),
        "tc class show dev ps-eth0": "class htb 1:1 root rate 1Gbit ceil 1Gbit",
    }
    differing = made.ports.differences()
    assert "ps->switch0: class 1:1 is not there" not in differing
    assert "ps->switch0: class 1:a is not there" in differing
    assert "switch0->ps: class 1:1 is not there" in differing
    segments = [line for line in differing if "segments" in line]
    assert segments == ["switch0->ps: asked bursts of 45 segments, kept 1"]


def test_a_device_that_is_gone_is_named() -> None:
    made = Ports()
    made.ports.shape((HOST, SWITCH))
    made.runner.answers = {
        "tc -j": json.dumps(QDISCS[1:]),
        "ip -d -j link show": json.dumps(LINKS),
    }
    for look in (made.ports.differences, made.ports.counts):
        with pytest.raises(RunError, match="ps->switch0: the device ps-eth0 is gone"):
            look()


def test_nothing_asked_nothing_differs() -> None:
    assert Ports().ports.differences() == []
    assert Ports().ports.counts() == {}


def test_queues_are_counted_by_port_and_class() -> None:
    made = Ports()
    made.ports.shape((HOST, SWITCH))
    made.runner.answers["tc -j -s qdisc show"] = json.dumps(
        [
            {"kind": "bfifo", "dev": device, "parent": parent, "bytes": 100 * count,
             "packets": count, "drops": 0}
            for device, count in (("ps-eth0", 1), ("switch0-eth1", 2))
            for parent in ("1:a", "1:b")
        ]
    )  # fmt: skip
    assert made.ports.counts() == {
        "ps->switch0": {"ack": Count(100, 1, 0), "data": Count(100, 1, 0)},
        "switch0->ps": {"ack": Count(200, 2, 0), "data": Count(200, 2, 0)},
    }
