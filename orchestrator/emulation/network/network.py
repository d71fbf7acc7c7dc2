"""Mininet builds the hosts and the links; switches are ours; rates and queues come later.

Only to be used inside a box. `Network` holds what was built: the process that keeps each host's
namespace, and the commands that set anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestrator.emulation.network.addresses import (
    CONDUCTOR_ADDRESS,
    DATA_NETWORK,
    MANAGEMENT_BRIDGE,
    MANAGEMENT_NETWORK,
    HostAddresses,
    cables,
    device_stems,
    host_addresses,
    switch_numbers,
)
from orchestrator.emulation.network.description import LEAST_TIMER_MS, NetworkDescription
from orchestrator.emulation.network.mininet_parts import Host, Link, Mininet, Switch
from orchestrator.emulation.network.mininet_watchdog import shells_watched
from orchestrator.emulation.runner import Runner
from orchestrator.emulation.switches.bridges import make_bridge
from orchestrator.emulation.switches.fabric import Fabric
from orchestrator.errors import RunError
from orchestrator.spec import INITIAL_SEGMENTS


class Node(Switch):  # type: ignore[misc]  # Mininet has no types
    """A switch as Mininet sees it: a name with interfaces. What connects them is the fabric's."""

    def start(self, controllers: list[Any]) -> None:
        """Nothing: the switch is built when all its interfaces are there."""
        del controllers


class Network:
    """A running network: hosts with an address each, switches, links at no rate yet."""

    def __init__(self, described: NetworkDescription, runner: Runner, fabric: Fabric) -> None:
        self.topology = described.topology
        self._demands = described.demands
        self.addresses: Mapping[str, HostAddresses] = host_addresses(described.topology)
        self._congestion_control = described.congestion_control
        self._runner = runner
        self._timer_ms: int | None = None
        with shells_watched():
            self._build_hosts_and_links(fabric)
        self.set_routes(described.timer_ms)
        self._build_management()

    def _build_hosts_and_links(self, fabric: Fabric) -> None:
        topology = self.topology
        # Mininet's own start-up raises limits of the whole machine; nothing outside may change.
        Mininet.inited = True
        self._net = Mininet(
            controller=None, link=Link, switch=Node, host=Host, build=False,
            ipBase=str(DATA_NETWORK), autoStaticArp=True,
        )  # fmt: skip
        self._quiet_namespace(None)
        for host in topology.hosts:
            address = self.addresses[host.name]
            self._net.addHost(
                host.name, ip=f"{address.data}/{DATA_NETWORK.prefixlen}", mac=address.data_mac
            )
            self._quiet_namespace(self.pid(host.name))
        for name, number in switch_numbers(topology).items():
            self._net.addSwitch(name, dpid=f"{number:016x}")
        for cable in cables(topology):
            (a, b), (device_a, device_b) = cable.endpoints, cable.devices
            self._net.addLink(a, b, intfName1=device_a, intfName2=device_b)
        self._net.build()
        self._net.start()
        stems = device_stems(topology)
        for name, number in switch_numbers(topology).items():
            switch = self._net[name]
            # Mininet gives a switch the loopback as a first interface.
            ports = [str(i) for i in switch.intfList() if str(i) != "lo"]
            fabric.build(stems[name], number, ports)

    def pid(self, host: str) -> int:
        """The process that keeps a host's namespace."""
        return int(self._net[host].pid)

    def namespace(self, node: str) -> int | None:
        """The namespace a node's commands run in: None is the box's own, where switches are."""
        return self.pid(node) if node in self.addresses else None

    def check_hosts(self) -> None:
        """See that the process behind every host is still there.

        Raises:
            RunError: it is not; names the host.
        """
        for name in self.addresses:
            try:
                state = Path(f"/proc/{self.pid(name)}/stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                state = ["X"]
            if state[0] in "XZ":
                raise RunError(f"host {name} of the testbed is gone: its process was ended")

    def check_paths(self) -> None:
        """See that those reach each other over the data network of whom one sends to the other.

        Raises:
            RunError: one does not; names both.
        """
        # An answer shows that both ways are open.
        asked = {frozenset((one.source, one.destination)): one for one in self._demands}
        for one in asked.values():
            here, there = one.source, one.destination
            # A switch may need a moment after its ports have come up, hence several tries.
            ping = ["ping", "-n", "-q", "-c", "1", "-w", "5", "-i", "0.2"]
            try:
                self._runner([*ping, self.addresses[there].data], namespace=self.pid(here))
            except RunError as error:
                raise RunError(f"{here} does not reach {there}: {error}") from error

    def _quiet_namespace(self, pid: int | None) -> None:
        """No IPv6, and no packet filter on bridges: nothing unasked on the wire."""
        for name in ("net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1"):
            if Path("/proc/sys/net/ipv6").exists():
                self._runner(["sysctl", "-q", "-w", name], namespace=pid)
        if pid is None and Path("/proc/sys/net/bridge").exists():
            for table in ("iptables", "ip6tables", "arptables"):
                self._runner(["sysctl", "-q", "-w", f"net.bridge.bridge-nf-call-{table}=0"])

    def set_routes(self, timer_ms: int) -> None:
        """Congestion control, initial window and least timer of TCP, by route: for any program.

        (The sysctl of the congestion control cannot be set in a private namespace.)

        Args:
            timer_ms: least time before TCP sends again what was not acknowledged. The first
                round trip finds the queues empty and says nothing of those that come.
        """
        if timer_ms == self._timer_ms:
            return
        for address in self.addresses.values():
            self._set_route(address, timer_ms)
        self._timer_ms = timer_ms

    def _set_route(self, address: HostAddresses, timer_ms: int) -> None:
        pid = self.pid(address.name)
        device = str(self._net[address.name].defaultIntf())
        # Linux' own least is not asked for, so that it stays in the kernel's hands.
        timer = [] if timer_ms == LEAST_TIMER_MS else ["rto_min", f"{timer_ms}ms"]
        route = [str(DATA_NETWORK), "dev", device, "proto", "kernel", "scope", "link"]
        self._runner(
            ["ip", "route", "replace", *route, "src", address.data,
             "congctl", self._congestion_control, "initcwnd", str(INITIAL_SEGMENTS), *timer],
            namespace=pid,
        )  # fmt: skip
        kept = self._runner(["ip", "route", "show", str(DATA_NETWORK)], namespace=pid)
        asked_for = [f"congctl {self._congestion_control}", f"initcwnd {INITIAL_SEGMENTS}"]
        asked_for += ["rto_min"] if timer else []
        for asked in asked_for:
            if asked not in kept:
                raise RunError(f"{address.name}: asked {asked}, the route kept: {kept.strip()}")

    def _build_management(self) -> None:
        """Add a separate bridge to every host: SSH and records never cross the emulated links."""
        for address in self.addresses.values():
            inside = self.pid(address.name)
            self._runner(
                ["ip", "link", "add", "name", address.management_port, "type", "veth",
                 "peer", "name", "mgmt", "netns", str(inside)]
            )  # fmt: skip
            self._runner(
                ["ip", "addr", "add",
                 f"{address.management}/{MANAGEMENT_NETWORK.prefixlen}", "dev", "mgmt"],
                namespace=inside,
            )  # fmt: skip
            self._runner(["ip", "link", "set", "dev", "mgmt", "up"], namespace=inside)
        make_bridge(
            self._runner, MANAGEMENT_BRIDGE, [a.management_port for a in self.addresses.values()]
        )
        self._runner(
            ["ip", "addr", "add", f"{CONDUCTOR_ADDRESS}/{MANAGEMENT_NETWORK.prefixlen}",
             "dev", MANAGEMENT_BRIDGE]
        )  # fmt: skip
