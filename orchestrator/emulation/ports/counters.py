"""Counters of ports, hosts and the management network, before and after a trial (pure parsing)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.emulation.ports.shaping import PortShape
from orchestrator.records.network import (
    ClassRecord,
    FlowRecord,
    OpenFlowPortRecord,
    PortRecord,
    TrafficRecord,
)


@dataclass(frozen=True)
class Count:
    """What one queue has sent and dropped: bytes as tc counts them (with Ethernet headers)."""

    bytes: int
    packets: int
    drops: int

    def since(self, before: Count) -> Count:
        """The difference to an earlier reading."""
        return Count(
            self.bytes - before.bytes, self.packets - before.packets, self.drops - before.drops
        )


@dataclass(frozen=True)
class Counters:
    """One reading of a testbed.

    Attributes:
        queues: per port and class.
        management_bytes: per host, received and sent on its management link.
        retransmits: per host, TCP segments sent again by anything in its network namespace.
        input_drops: per port, packets that were lost after it because the switch at its other end
            did not take them in fast enough; only where a switch has such a place.
        switch_seconds: processor time of the switches' own processes.
        flows: the rules of the switches with their counters; empty without a controller.
        openflow_ports: what the switches count at their ports; empty without a controller.
        loopback_bytes: per host, sent to itself.
    """

    queues: Mapping[str, Mapping[str, Count]]
    management_bytes: Mapping[str, int]
    retransmits: Mapping[str, int]
    input_drops: Mapping[str, int] = field(default_factory=dict)
    switch_seconds: float = 0.0
    flows: Sequence[Mapping[str, Any]] = ()
    openflow_ports: Sequence[Mapping[str, Any]] = ()
    loopback_bytes: Mapping[str, int] = field(default_factory=dict)


def queue_counts(shape: PortShape, qdiscs: Sequence[Mapping[str, Any]]) -> dict[str, Count]:
    """Per class of a port, out of its device's entries in `tc -j -s qdisc show`."""
    leaves = {entry.get("parent"): entry for entry in qdiscs}
    counts = {}
    for placed in shape.placed():
        leaf = leaves[placed.classid]
        counts[placed.traffic.name] = Count(leaf["bytes"], leaf["packets"], leaf["drops"])
    return counts


def link_bytes(text: str) -> dict[str, int]:
    """Bytes received and sent per interface, out of `ip -j -s link show`."""
    by_interface = {}
    for entry in json.loads(text or "[]"):
        stats = entry.get("stats64")
        if stats:
            by_interface[entry["ifname"]] = int(stats["rx"]["bytes"]) + int(stats["tx"]["bytes"])
    return by_interface


def send_drops(text: str) -> dict[str, int]:
    """Packets that each interface could not send, out of `ip -j -s link show`."""
    return {
        entry["ifname"]: int(entry["stats64"]["tx"]["dropped"])
        for entry in json.loads(text or "[]")
        if entry.get("stats64")
    }


FLOW_KEYS = ("switch", "priority", "src", "dst", "tcp_src", "tcp_dst")
FLOW_COUNTS = ("packets", "bytes")
PORT_KEYS = ("switch", "port")
PORT_COUNTS = (
    "rx_packets", "rx_bytes", "rx_dropped", "tx_packets", "tx_bytes", "tx_dropped",
)  # fmt: skip


def counted_since(
    before: Sequence[Mapping[str, Any]],
    after: Sequence[Mapping[str, Any]],
    keys: Sequence[str],
    counts: Sequence[str],
) -> list[dict[str, Any]]:
    """Entries as they are now, with what each has counted in between.

    Args:
        keys: what makes two entries the same one.
        counts: which of their values count on.
    """

    def key(entry: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(entry[name] for name in keys)

    earlier = {key(entry): entry for entry in before}
    nothing = dict.fromkeys(counts, 0)
    return [
        {
            **entry,
            **{name: entry[name] - earlier.get(key(entry), nothing)[name] for name in counts},
        }
        for entry in after
    ]


def loopback_bytes(dev_text: str) -> int:
    """Bytes sent by the loopback interface, out of /proc/<pid>/net/dev."""
    for line in dev_text.splitlines():
        name, _, counts = line.partition(":")
        if name.strip() == "lo":
            return int(counts.split()[8])
    return 0


def retransmitted_segments(snmp_text: str) -> int:
    """RetransSegs of the Tcp lines of /proc/<pid>/net/snmp."""
    names, values = (line.split() for line in snmp_text.splitlines() if line.startswith("Tcp:"))
    return int(values[names.index("RetransSegs")])


def network_record(
    shapes: tuple[PortShape, ...], before: Counters, after: Counters
) -> TrafficRecord:
    """What a trial's network.json says of ports, retransmissions and the management network."""
    return TrafficRecord(
        ports=tuple(
            _port_record(shape, before.queues[shape.port], after.queues[shape.port])
            for shape in shapes
        ),
        management_bytes={
            host: value - before.management_bytes[host]
            for host, value in after.management_bytes.items()
        },
        loopback_bytes={
            host: value - before.loopback_bytes.get(host, 0)
            for host, value in after.loopback_bytes.items()
        },
        tcp_retransmits={
            host: value - before.retransmits[host] for host, value in after.retransmits.items()
        },
        switch_input_drops={
            port: value - before.input_drops[port] for port, value in after.input_drops.items()
        },
        switch_cpu_seconds=round(after.switch_seconds - before.switch_seconds, 3),
        flows=tuple(
            map(
                FlowRecord.model_validate,
                counted_since(before.flows, after.flows, FLOW_KEYS, FLOW_COUNTS),
            )
        ),
        openflow_ports=tuple(
            map(
                OpenFlowPortRecord.model_validate,
                counted_since(before.openflow_ports, after.openflow_ports, PORT_KEYS, PORT_COUNTS),
            )
        ),
    )


def _port_record(
    shape: PortShape, before: Mapping[str, Count], after: Mapping[str, Count]
) -> PortRecord:
    counts = {name: count.since(before[name]) for name, count in after.items()}
    return PortRecord(
        port=shape.port,
        device=shape.device,
        rate_bps=shape.rate_bps,
        queue_bytes=shape.queue_bytes,
        delay_us=shape.delay_us,
        burst_segments=shape.burst_segments,
        bytes=sum(count.bytes for count in counts.values()),
        packets=sum(count.packets for count in counts.values()),
        drops=sum(count.drops for count in counts.values()),
        classes=tuple(
            ClassRecord(
                name=placed.traffic.name,
                classid=placed.classid,
                priority=placed.priority,
                bytes=counts[placed.traffic.name].bytes,
                packets=counts[placed.traffic.name].packets,
                drops=counts[placed.traffic.name].drops,
            )
            for placed in shape.placed()
        ),
    )
