"""Which interface and which address every end of the emulated network has (pure).

Nodes have the names of real clusters, up to 63 characters, and Linux gives an interface 15. So each
node has a stem for its devices, which is its name where that fits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Literal

from orchestrator.spec import Topology

# Both networks exist only inside the testbed's own namespace.
DATA_NETWORK = IPv4Network("10.10.0.0/16")
MANAGEMENT_NETWORK = IPv4Network("10.20.0.0/16")
MANAGEMENT_BRIDGE = "management"
CONDUCTOR_ADDRESS = str(MANAGEMENT_NETWORK[1])

# <stem>-eth99 has 15 characters at most.
_STEM_LETTERS = 9
_FITS = re.compile(rf"[a-z][a-z0-9-]{{0,{_STEM_LETTERS - 1}}}", re.ASCII)
# Devices of these names are there already, or may be another node's.
_TAKEN = re.compile(r"lo|all|default|mgmt|.*-(eth\d+|mgmt)", re.ASCII)


@dataclass(frozen=True)
class HostAddresses:
    """Where one host is reached: training traffic and orchestration are apart."""

    name: str
    data: str
    data_mac: str
    management: str
    stem: str

    @property
    def management_port(self) -> str:
        """The bridge's end of the host's management link."""
        return f"{self.stem}-mgmt"


@dataclass(frozen=True)
class Cable:
    """One link of the topology with the interface names of its two ends."""

    endpoints: tuple[str, str]
    devices: tuple[str, str]


def device_stems(topology: Topology) -> dict[str, str]:
    """How the names of every node's devices begin; a switch's own device has the stem as its name.

    A name that is too long, or that Linux or the testbed would take for something else, is replaced
    by its first letters and the node's number: `gpu-node-0017.rack4` by `gpunod_18`. No other
    stem has a `_`, so all differ.
    """
    names = [*(host.name for host in topology.hosts), *topology.switches]
    return {name: _stem(name, number) for number, name in enumerate(names)}


def _stem(name: str, number: int) -> str:
    if _FITS.fullmatch(name) and not _TAKEN.fullmatch(name):
        return name
    letters = re.sub(r"[^a-z0-9]", "", name.lower()).lstrip("0123456789") or "n"
    return f"{letters[: _STEM_LETTERS - 1 - len(str(number))]}_{number}"


def host_addresses(topology: Topology) -> dict[str, HostAddresses]:
    """Addresses of all hosts, in the order of the file."""
    addresses = {}
    stems = device_stems(topology)
    for number, host in enumerate(topology.hosts, start=1):
        addresses[host.name] = HostAddresses(
            name=host.name,
            data=str(DATA_NETWORK[number]),
            data_mac=f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}",
            management=str(MANAGEMENT_NETWORK[number + 1]),
            stem=stems[host.name],
        )
    return addresses


def data_addresses(topology: Topology) -> dict[str, str]:
    """Where every host is reached on the data network, by name."""
    return {name: address.data for name, address in host_addresses(topology).items()}


def cables(topology: Topology) -> tuple[Cable, ...]:
    """Interface names of every link: `<stem>-eth<N>`, N counted per node from 0."""
    used: dict[str, int] = {}
    stems = device_stems(topology)

    def device(node: str) -> str:
        number = used.get(node, 0)
        used[node] = number + 1
        return f"{stems[node]}-eth{number}"

    return tuple(
        Cable((a, b), (device(a), device(b)))
        for a, b in (link.endpoints for link in topology.links)
    )


def data_devices(topology: Topology) -> dict[str, str]:
    """The interface of every host that has its address on the data network, by its name."""
    hosts = {host.name for host in topology.hosts}
    first_devices: dict[str, str] = {}
    for cable in cables(topology):
        for node, device in zip(cable.endpoints, cable.devices, strict=True):
            if node in hosts:
                first_devices.setdefault(node, device)
    return first_devices


def counting_devices(topology: Topology) -> dict[str, tuple[str, Literal["received", "sent"]]]:
    """By port, `node->peer`, where a switch counts what it has sent.

    A link without a switch is counted nowhere.
    """
    devices = port_devices(topology)
    counters: dict[str, tuple[str, Literal["received", "sent"]]] = {}
    for (node, peer), device in devices.items():
        if node in topology.switches:
            counters[f"{node}->{peer}"] = (device, "sent")
        elif peer in topology.switches:
            counters[f"{node}->{peer}"] = (devices[peer, node], "received")
    return counters


def switch_numbers(topology: Topology) -> dict[str, int]:
    """The number of every switch, from 1: its OpenFlow datapath id."""
    return {name: number for number, name in enumerate(topology.switches, start=1)}


def port_numbers(topology: Topology) -> dict[tuple[str, str], int]:
    """The OpenFlow number of the port (switch, peer): N + 1 at the interface `<stem>-eth<N>`."""
    return {
        (node, peer): int(device.rpartition("-eth")[2]) + 1
        for (node, peer), device in port_devices(topology).items()
        if node in topology.switches
    }


def port_devices(topology: Topology) -> dict[tuple[str, str], str]:
    """The interface at which a port (node, peer) sends."""
    devices = {}
    for cable in cables(topology):
        a, b = cable.endpoints
        devices[a, b], devices[b, a] = cable.devices
    return devices
