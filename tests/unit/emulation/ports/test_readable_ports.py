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
    assert made.runner.commands == [
        (None, "tc qdisc del dev switch0-eth1 root"),
        *((None, " ".join(command)) for command in other.commands()),
    ]
    assert made.ports.shapes["switch0->ps"] == other


def test_a_refused_shape_is_not_taken_for_done() -> None:
    made = Ports()
    made.runner.refuses = "tc class add dev ps-eth0"
    with pytest.raises(RunError, match="exit status 2"):
        made.ports.shape((HOST,))
    assert made.ports.shapes == {}


def test_every_port_is_compared_with_what_the_kernel_kept() -> None:
    made = Ports()
    made.ports.shape((HOST, SWITCH))
    made.runner.answers = {
        "tc -j qdisc show": "[]",
        "ip -d -j link show dev ps-eth0": json.dumps([{"gso_max_segs": 45}]),
        "ip -d -j link show dev switch0-eth1": json.dumps([{"gso_max_segs": 1}]),
    }
    found = made.ports.differences()
    assert "ps->switch0: class 1:1 is not there" in found
    assert "switch0->ps: class 1:1 is not there" in found
    segments = [line for line in found if "segments" in line]
    assert segments == ["switch0->ps: asked bursts of 45 segments, kept 1"]


def test_nothing_asked_nothing_differs() -> None:
    assert Ports().ports.differences() == []
    assert Ports().ports.counts() == {}


def test_queues_are_counted_by_port_and_class() -> None:
    made = Ports()
    made.ports.shape((HOST, SWITCH))
    for device, count in (("ps-eth0", 1), ("switch0-eth1", 2)):
        leaves = [
            {"kind": "bfifo", "parent": parent, "bytes": 100 * count, "packets": count, "drops": 0}
            for parent in ("1:a", "1:b")
        ]
        made.runner.answers[f"tc -j -s qdisc show dev {device}"] = json.dumps(leaves)
    assert made.ports.counts() == {
        "ps->switch0": {"ack": Count(100, 1, 0), "data": Count(100, 1, 0)},
        "switch0->ps": {"ack": Count(200, 2, 0), "data": Count(200, 2, 0)},
    }
