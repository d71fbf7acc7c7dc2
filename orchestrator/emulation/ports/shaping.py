"""Rates, queues and strict-priority classes of one port, as a description that yields commands.

A port is shaped by htb: one class holds the link's rate, its children are the classes of traffic,
each with a negligible guaranteed rate, the whole link as ceiling and `prio k`: what is free goes
to the lowest k first, which is strict priority on kernels with and without the `prio` qdisc. Each
class queues in a bfifo with a limit in bytes, because htb's own leaf counts packets, and a packet
here may be 64 KB.

Pure ACKs and ARP have the top class under every schedule: behind another flow's data in strict
priority, the ACKs of a starved flow would stop the opposite direction as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

Command = tuple[str, ...]

# htb serves a class its guaranteed rate before it looks at priorities: keep that rate negligible.
# It forgets after a minute what it owes a class, so less than a frame a minute has no effect.
GUARANTEED_SHARE = 0.001
MOST_GUARANTEED_BPS = 8_000
LEAST_GUARANTEED_BPS = 200
# htb knows eight priorities; beyond them, the last class holds a further htb (`PortShape.tiers`).
PRIORITIES = 8
# What a late timer may send at once to catch up: 1 ms of the rate, at least two full frames.
BURST_SECONDS = 0.001
FRAME_BYTES = 1514
ACK_CLASS = "ack"
_COUNTED = 0x1000  # numbers of classes and queues from here on
# A pure ACK is at most 20 bytes of IP and 60 of TCP header, so its total length is below 128.
_PURE_ACK = (
    "match", "ip", "protocol", "6", "0xff",
    "match", "u8", "0x05", "0x0f", "at", "0",
    "match", "u16", "0x0000", "0xff80", "at", "2",
    "match", "u8", "0x10", "0x3f", "at", "33",
)  # fmt: skip
_ADDRESS_AT = {"src": 12, "dst": 16}


@dataclass(frozen=True)
class Match:
    """Packets by the address of who sends or receives them."""

    field: str  # "src" | "dst"
    address: str

    def words(self) -> tuple[str, ...]:
        """The match as u32 wants it."""
        return ("match", "ip", self.field, f"{self.address}/32")

    def tc_lines(self) -> tuple[str, ...]:
        """The match as tc shows it: value/mask in hexadecimal, and where in the IP header."""
        return (f"{int(IPv4Address(self.address)):08x}/ffffffff at {_ADDRESS_AT[self.field]}",)


@dataclass(frozen=True)
class PairMatch:
    """Packets by the addresses of both who sends and who receives them."""

    src: str
    dst: str

    def words(self) -> tuple[str, ...]:
        """The match as u32 wants it."""
        return Match("src", self.src).words() + Match("dst", self.dst).words()

    def tc_lines(self) -> tuple[str, ...]:
        """The match as tc shows it."""
        return Match("src", self.src).tc_lines() + Match("dst", self.dst).tc_lines()


@dataclass(frozen=True)
class JobMatch:
    """Packets between two hosts of whom one end has a port: those of one job of several."""

    src: str
    dst: str
    port: int
    end: str  # "sport" | "dport"

    def words(self) -> tuple[str, ...]:
        """The match as u32 wants it."""
        port = ("match", "ip", self.end, str(self.port), "0xffff")
        return (*PairMatch(self.src, self.dst).words(), *port)

    def tc_lines(self) -> tuple[str, ...]:
        """The match as tc shows it."""
        first = self.end == "sport"
        port = f"{self.port:04x}0000/ffff0000" if first else f"0000{self.port:04x}/0000ffff"
        return (*PairMatch(self.src, self.dst).tc_lines(), f"{port} at 20")


AnyMatch = Match | PairMatch | JobMatch


@dataclass(frozen=True)
class DscpMatch:
    """Flows by the class that is written in the DSCP field, the upper six bits of a byte."""

    dscp: int

    def words(self) -> tuple[str, ...]:
        """The match as u32 wants it."""
        return ("match", "ip", "dsfield", f"0x{self.dscp << 2:02x}", "0xfc")

    def tc_lines(self) -> tuple[str, ...]:
        """The match as tc shows it."""
        return (f"00{self.dscp << 2:02x}0000/00fc0000 at 0",)


@dataclass(frozen=True)
class TrafficClass:
    """One class of traffic at a port; without matches it takes all that no other class takes."""

    name: str
    matches: tuple[AnyMatch | DscpMatch, ...] = ()


@dataclass(frozen=True)
class PlacedClass:
    """A class with its place in the tree of htb classes."""

    traffic: TrafficClass
    tier: int
    priority: int
    counted: int | None = None
    """Its number among the classes that are apart only to be counted."""

    @property
    def classid(self) -> str:
        minor = 10 + self.priority if self.counted is None else _COUNTED + self.counted
        return f"{self.tier + 1}:{minor:x}"

    @property
    def queue_handle(self) -> str:
        number = self.priority if self.counted is None else _COUNTED + self.counted
        return f"{(self.tier + 1) * 0x100 + number:x}:"


@dataclass(frozen=True)
class PortShape:
    """How one port sends: emulated rate in bit/s, queue limit of each class in bytes.

    Attributes:
        port: the port's name, `node->peer`.
        device: the interface.
        delay_us: emulated propagation delay; 0 for none (needs netem otherwise).
        burst_segments: how many segments may cross it as one packet (GSO).
        classes: in order of priority, highest first; the ACK class goes before them.
        counted: classes apart only to be counted. They have the priority of the last one of the
            others, and share with it packet by packet.
    """

    port: str
    device: str
    rate_bps: int
    queue_bytes: int
    delay_us: int
    burst_segments: int
    classes: tuple[TrafficClass, ...]
    counted: tuple[TrafficClass, ...] = ()

    @property
    def guaranteed_bps(self) -> int:
        """What each class may send whatever its priority: whole bytes per second, as htb counts."""
        share = int(self.rate_bps * GUARANTEED_SHARE) // 8 * 8
        return max(LEAST_GUARANTEED_BPS, min(MOST_GUARANTEED_BPS, share))

    def tiers(self) -> tuple[tuple[PlacedClass, ...], ...]:
        """The classes laid out on htbs of at most eight priorities.

        Where more are left than priorities, the lowest priority of a tier is the next tier.
        """
        rest = (TrafficClass(ACK_CLASS), *self.classes)
        tiers: list[tuple[PlacedClass, ...]] = []
        while rest:
            room = PRIORITIES if len(rest) <= PRIORITIES else PRIORITIES - 1
            number = len(tiers)
            tier = [PlacedClass(c, number, k) for k, c in enumerate(rest[:room])]
            rest = rest[room:]
            if not rest:
                last = tier[-1].priority
                tier[-1:-1] = [
                    PlacedClass(c, number, last, place) for place, c in enumerate(self.counted)
                ]
            tiers.append(tuple(tier))
        return tuple(tiers)

    def placed(self) -> tuple[PlacedClass, ...]:
        """All classes, highest priority first."""
        return tuple(placed for tier in self.tiers() for placed in tier)

    def commands(self) -> tuple[Command, ...]:
        """Argument lists that shape the port, from an unshaped interface."""
        return tuple(self._commands())

    def clear(self) -> Command:
        """Argument list that takes all shaping off the interface."""
        return ("tc", "qdisc", "del", "dev", self.device, "root")

    def _commands(self) -> Iterator[Command]:
        device = ("dev", self.device)
        yield ("ip", "link", "set", *device, "gso_max_segs", str(self.burst_segments))
        parent: tuple[str, ...] = ("root",)
        if self.delay_us:
            # The delay line comes first and must never be what drops: the queue behind it does.
            packets = self.rate_bps * self.delay_us // (8 * 10**6 * FRAME_BYTES)
            yield ("tc", "qdisc", "add", *device, "root", "handle", "f000:", "netem",
                   "delay", f"{self.delay_us}us",
                   "limit", str(min(2**31, max(100_000, 4 * packets))))  # fmt: skip
            parent = ("parent", "f000:1")
        tiers = self.tiers()
        for number, tier in enumerate(tiers):
            handle = f"{number + 1}:"
            default = f"{10 + tier[-1].priority:x}"
            last = number == len(tiers) - 1
            overflow = f"{10 + PRIORITIES - 1:x}"
            yield ("tc", "qdisc", "add", *device, *parent, "handle", handle, "htb",
                   "default", default if last else overflow)  # fmt: skip
            yield self._htb_class(handle, f"{handle}1", self.rate_bps, None)
            for placed in tier:
                yield self._htb_class(
                    f"{handle}1", placed.classid, self.guaranteed_bps, placed.priority
                )
                yield ("tc", "qdisc", "add", *device, "parent", placed.classid,
                       "handle", placed.queue_handle, "bfifo",
                       "limit", str(self.queue_bytes))  # fmt: skip
            yield from self._filters(handle, tier)
            if not last:
                yield self._htb_class(
                    f"{handle}1", f"{handle}{overflow}", self.guaranteed_bps, PRIORITIES - 1
                )
                parent = ("parent", f"{handle}{overflow}")

    def _htb_class(self, parent: str, classid: str, rate: int, priority: int | None) -> Command:
        burst = str(max(2 * FRAME_BYTES, round(self.rate_bps / 8 * BURST_SECONDS)))
        prio = () if priority is None else ("prio", str(priority))
        return ("tc", "class", "add", "dev", self.device, "parent", parent, "classid", classid,
                "htb", "rate", f"{rate}bit", "ceil", f"{self.rate_bps}bit", *prio,
                "burst", burst if priority is None else str(FRAME_BYTES),
                "cburst", burst, "quantum", str(FRAME_BYTES))  # fmt: skip

    def _filters(self, handle: str, tier: tuple[PlacedClass, ...]) -> Iterator[Command]:
        add = ("tc", "filter", "add", "dev", self.device, "parent", handle)
        for placed in tier:
            to = ("flowid", placed.classid)
            if placed.traffic.name == ACK_CLASS:
                yield (*add, "protocol", "ip", "prio", "1", "u32", *_PURE_ACK, *to)
                yield (*add, "protocol", "arp", "prio", "2", "u32",
                       "match", "u32", "0", "0", *to)  # fmt: skip
            for match in placed.traffic.matches:
                yield (*add, "protocol", "ip", "prio", "3", "u32", *match.words(), *to)
