"""Names and addresses of the ends of the network."""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from itertools import pairwise
from pathlib import Path

from orchestrator.emulation.network.addresses import (
    CONDUCTOR_ADDRESS,
    DATA_NETWORK,
    MANAGEMENT_BRIDGE,
    MANAGEMENT_NETWORK,
    cables,
    device_stems,
    host_addresses,
    port_devices,
)
from orchestrator.emulation.switches.openvswitch_commands import splice_name, tap_name
from orchestrator.spec import Topology, load_topology, ports

ROOT = Path(__file__).parents[4]
PUBLISHED = load_topology(ROOT / "topologies/ps-10g-1g-3workers.yaml")


def crowd(tmp_path: Path, workers: int) -> Topology:
    """As many workers as it takes to leave the last byte of an address, on several switches."""
    names = [f"w{number}" for number in range(workers)]
    switches = [f"s{number}" for number in range((workers + 89) // 90)]
    hosts = "".join(f"  {name}: {{role: worker}}\n" for name in names)
    chain = "".join(f"  - {{endpoints: [{a}, {b}]}}\n" for a, b in pairwise(switches))
    links = "".join(
        f"  - {{endpoints: [{switches[number // 90]}, {name}]}}\n"
        for number, name in enumerate(names)
    )
    file = tmp_path / "crowd.yaml"
    file.write_text(
        "name: crowd\n"
        "defaults: {link: {rate: 1 Gbps}, worker: {device: published-worker-6-cores-2GHz}}\n"
        f"hosts:\n  ps: {{role: ps}}\n{hosts}"
        f"switches: [{', '.join(switches)}]\n"
        f"links:\n  - {{endpoints: [ps, s0]}}\n{chain}{links}"
    )
    return load_topology(file)


def test_the_published_hosts() -> None:
    addresses = host_addresses(PUBLISHED)
    assert list(addresses) == ["ps", "worker0", "worker1", "worker2"]
    assert [address.data for address in addresses.values()] == [
        "10.10.0.1",
        "10.10.0.2",
        "10.10.0.3",
        "10.10.0.4",
    ]
    assert addresses["ps"].management == "10.20.0.2"
    assert addresses["worker2"].data_mac == "02:00:00:00:00:04"
    assert addresses["worker2"].management_port == "worker2-mgmt"


def test_nobody_shares_an_address(tmp_path: Path) -> None:
    addresses = host_addresses(crowd(tmp_path, 300)).values()
    taken = [CONDUCTOR_ADDRESS]
    for address in addresses:
        assert IPv4Address(address.data) in DATA_NETWORK
        assert IPv4Address(address.management) in MANAGEMENT_NETWORK
        taken += [address.data, address.management]
    assert len(set(taken)) == 1 + 2 * 301
    macs = {address.data_mac for address in addresses}
    assert len(macs) == 301
    assert all(len(mac) == 17 for mac in macs)


def test_interfaces_are_counted_per_node() -> None:
    assert [cable.devices for cable in cables(PUBLISHED)] == [
        ("ps-eth0", "switch0-eth0"),
        ("switch0-eth1", "switch1-eth0"),
        ("switch1-eth1", "worker0-eth0"),
        ("switch1-eth2", "worker1-eth0"),
        ("switch1-eth3", "worker2-eth0"),
    ]


def test_a_port_sends_at_its_own_end_of_the_link() -> None:
    devices = port_devices(PUBLISHED)
    assert devices["switch0", "switch1"] == "switch0-eth1"
    assert devices["switch1", "switch0"] == "switch1-eth0"
    assert set(devices) == {(port.node, port.peer) for port in ports(PUBLISHED)}


ODD_NAMES = [
    "gpu-node-0017.rack4.example.org",
    "gpu-node-0018.rack4.example.org",
    "GPU",
    "gpu",
    "Gpu",
    "a_b",
    "0",
    "lo",
    "x-eth0",
    "x-mgmt",
    "x-eth",
    "A" * 63,
    "a" * 63,
]


def test_names_of_real_clusters_fit_linux(tmp_path: Path) -> None:
    links = "".join(f"  - {{endpoints: [all, '{name}']}}\n" for name in ("ps", *ODD_NAMES))
    (tmp_path / "odd.yaml").write_text(
        "name: odd\n"
        "defaults: {link: {rate: 1 Gbps}, worker: {device: published-worker-6-cores-2GHz}}\n"
        "hosts:\n  ps: {role: ps}\n"
        + "".join(f"  '{name}': {{role: worker}}\n" for name in ODD_NAMES)
        + f"switches: [all]\nlinks:\n{links}"
    )
    topology = load_topology(tmp_path / "odd.yaml")
    stems = device_stems(topology)
    assert stems["gpu-node-0017.rack4.example.org"] == "gpunode_1"
    assert stems["gpu"] == "gpu"
    assert stems["all"] == "all_14"
    devices = [
        *port_devices(topology).values(),
        *(address.management_port for address in host_addresses(topology).values()),
    ]
    switch = [device for device in devices if device.startswith("all_14-eth")]
    names = [
        *devices,
        *map(tap_name, switch),
        *map(splice_name, switch),
        stems["all"],
        MANAGEMENT_BRIDGE,
    ]
    assert len(switch) == len(ODD_NAMES) + 1
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z0-9_-]{0,14}", name) for name in names)
    assert not {"lo", "all", "default", "mgmt"} & set(names)
