"""All counters of a testbed, each from its own place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestrator.emulation.network.addresses import HostAddresses, host_addresses, port_devices
from orchestrator.emulation.network.counter_reader import CounterReader, input_devices
from orchestrator.emulation.ports.counters import Count, Counters
from orchestrator.emulation.ports.readable_ports import ShapedPorts
from orchestrator.emulation.ports.shaping import PortShape, TrafficClass
from orchestrator.emulation.switches.switch_rules import SwitchRules
from orchestrator.spec import load_topology
from tests.unit.emulation.fabrics import FakeController, FakeFabric
from tests.unit.emulation.runners import FakeRunner

TOPOLOGY = load_topology(Path(__file__).parents[4] / "topologies" / "ps-10g-1g-3workers.yaml")
DEVICES = port_devices(TOPOLOGY)
HOSTS = ("ps", "worker0", "worker1", "worker2")


LEAVES = [
    {"kind": "bfifo", "dev": "ps-eth0", "parent": parent, "bytes": 9, "packets": 1, "drops": 0}
    for parent in ("1:a", "1:b")
]


class Hosts:
    """Hosts whose processes are numbered from 40."""

    topology = TOPOLOGY

    def __init__(self) -> None:
        self.addresses: Mapping[str, HostAddresses] = host_addresses(TOPOLOGY)

    def pid(self, host: str) -> int:
        return 40 + HOSTS.index(host)


def link(name: str, received: int, dropped: int = 0) -> dict[str, Any]:
    counts = {"rx": {"bytes": received}, "tx": {"bytes": 10, "dropped": dropped}}
    return {"ifname": name, "stats64": counts}


def read(proc: Path, fabric: FakeFabric, *, controlled: bool = True) -> Counters:
    """Every host's management link has other counts, and the device tap0 has dropped 4 packets."""
    links = [*(link(f"{host}-mgmt", n) for n, host in enumerate(HOSTS)), link("tap0", 0, dropped=4)]
    runner = FakeRunner({"tc -j -s": json.dumps(LEAVES), "ip -j -s": json.dumps(links)})
    hosts = Hosts()
    for host in HOSTS:
        net = proc / str(hosts.pid(host)) / "net"
        net.mkdir(parents=True)
        sent = 100 + HOSTS.index(host)
        (net / "dev").write_text(f"head\n eth0: 1 0 0 0 0 0 0 0 2\n lo: 9 0 0 0 0 0 0 0 {sent} 1\n")
        (net / "snmp").write_text(f"Tcp: RtoMin RetransSegs\nTcp: 200 {HOSTS.index(host)}\n")
    ports = ShapedPorts(runner, lambda _: None)
    ports.shape((PortShape("ps->switch0", "ps-eth0", 10**9, 1, 0, 1, (TrafficClass("data"),)),))
    rules = SwitchRules(fabric, FakeController(fabric) if controlled else None)
    return CounterReader(hosts, ports, fabric, rules, runner=runner, proc=proc).read()


def test_what_is_counted_where(tmp_path: Path) -> None:
    counters = read(tmp_path, FakeFabric({DEVICES["switch0", "ps"]: "tap0"}))
    assert counters.queues == {"ps->switch0": {"ack": Count(9, 1, 0), "data": Count(9, 1, 0)}}
    assert counters.loopback_bytes == {"ps": 100, "worker0": 101, "worker1": 102, "worker2": 103}
    assert counters.management_bytes == {"ps": 10, "worker0": 11, "worker1": 12, "worker2": 13}
    assert counters.retransmits == {"ps": 0, "worker0": 1, "worker1": 2, "worker2": 3}
    assert counters.input_drops == {"ps->switch0": 4}
    assert counters.switch_seconds == 0.75
    assert counters.flows == [{"switch": "switch0", "packets": 3}]
    assert counters.openflow_ports == [{"switch": "switch0", "port": "switch0->ps"}]


def test_bridges_count_at_their_ports_only(tmp_path: Path) -> None:
    counters = read(tmp_path, FakeFabric(), controlled=False)
    assert (counters.input_drops, counters.flows, counters.openflow_ports) == ({}, [], [])


def test_a_device_that_has_gone_with_its_switch_has_dropped_nothing_more(tmp_path: Path) -> None:
    counters = read(tmp_path, FakeFabric({DEVICES["switch0", "ps"]: "tap9"}))
    assert counters.input_drops == {"ps->switch0": 0}


def test_what_a_port_has_sent_waits_at_the_other_end() -> None:
    fabric = FakeFabric({DEVICES["switch1", "switch0"]: "tap1"})
    assert input_devices(TOPOLOGY, fabric) == {"switch0->switch1": "tap1"}
