"""Reads all counters of a running testbed at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from orchestrator.emulation.network.addresses import HostAddresses, port_devices
from orchestrator.emulation.ports.counters import (
    Counters,
    link_bytes,
    loopback_bytes,
    retransmitted_segments,
    send_drops,
)
from orchestrator.emulation.ports.readable_ports import ShapedPorts
from orchestrator.emulation.runner import Runner
from orchestrator.emulation.switches.fabric import Fabric
from orchestrator.emulation.switches.switch_rules import SwitchRules
from orchestrator.spec import Topology


def input_devices(topology: Topology, fabric: Fabric) -> dict[str, str]:
    """Per port the device at which what it has sent waits to be switched, if there is one."""
    inputs = fabric.input_devices()
    return {
        f"{node}->{peer}": inputs[devices]
        for (peer, node), devices in port_devices(topology).items()
        if devices in inputs
    }


class Hosts(Protocol):
    """What is used of a `Network`."""

    topology: Topology
    addresses: Mapping[str, HostAddresses]

    def pid(self, host: str) -> int: ...


class CounterReader:
    """Reads every counter of a testbed."""

    def __init__(
        self,
        network: Hosts,
        ports: ShapedPorts,
        fabric: Fabric,
        rules: SwitchRules,
        *,
        runner: Runner,
        proc: Path = Path("/proc"),
    ) -> None:
        """Take the parts of a testbed.

        Args:
            network: its hosts.
            ports: all of them.
            fabric: the switches.
            rules: theirs.
            runner: carries out the commands.
            proc: where the kernel tells of processes.
        """
        self._network = network
        self._ports = ports
        self._fabric = fabric
        self._rules = rules
        self._runner = runner
        self._proc = proc

    def read(self) -> Counters:
        """Read all counters now.

        Raises:
            RunError: one cannot be read.
        """
        queues = self._ports.counts()
        links_text = self._runner(["ip", "-j", "-s", "link", "show"])
        links, drops = link_bytes(links_text), send_drops(links_text)
        inputs = input_devices(self._network.topology, self._fabric)
        addresses = self._network.addresses
        return Counters(
            queues=queues,
            management_bytes={
                name: links[address.management_port]
                for name, address in self._network.addresses.items()
            },
            retransmits={name: self._retransmits(name) for name in addresses},
            loopback_bytes={name: loopback_bytes(self._of_host(name, "dev")) for name in addresses},
            # A device that has gone with its switch has counted nothing any more.
            input_drops={port: drops.get(device, 0) for port, device in inputs.items()},
            switch_seconds=sum(self._fabric.thread_seconds().values()),
            flows=self._rules.flows(),
            openflow_ports=self._rules.ports(),
        )

    def _retransmits(self, host: str) -> int:
        return retransmitted_segments(self._of_host(host, "snmp"))

    def _of_host(self, host: str, file: str) -> str:
        return (self._proc / str(self._network.pid(host)) / "net" / file).read_text()
