"""What the kernel kept of a port's shaping, and where it differs from what was asked (pure)."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from orchestrator.emulation.ports.shaping import ACK_CLASS, PRIORITIES, PortShape

Rule: TypeAlias = tuple[str, tuple[str, ...]]
"""The class that a filter leads to, and its matches: `value/mask at offset`, in hexadecimal."""

# tc prints rates with at most four digits before the unit changes: 0.1 % is its rounding.
RATE_TOLERANCE = 0.001
BYTE = 8
"""The kernel counts rates in whole bytes per second."""
_UNITS = {"bit": 1, "Kbit": 10**3, "Mbit": 10**6, "Gbit": 10**9, "Tbit": 10**12}
_CLASS = re.compile(
    r"^class htb (?P<id>\S+) .*?rate (?P<rate>\S+) ceil (?P<ceil>\S+)",
)
_PRIO = re.compile(r" prio (\d+) ")
_FLOW = re.compile(r"flowid (\S+)")
_PURE_ACK = ("00060000/00ff0000 at 8", "05000000/0f00ff80 at 0", "00100000/003f0000 at 32")
_ANY = ("00000000/00000000 at 0",)


@dataclass(frozen=True)
class KeptClass:
    """One htb class as the kernel has it."""

    classid: str
    priority: int | None
    rate_bps: int
    ceil_bps: int


def parse_rate(text: str) -> int:
    """A rate as tc prints it (`62500Kbit`) in bit/s.

    Raises:
        ValueError: the text is no rate.
    """
    parts = re.fullmatch(r"([\d.]+)([KMGT]?bit)", text)
    if parts is None:
        raise ValueError(f"not a rate: {text!r}")
    return round(float(parts[1]) * _UNITS[parts[2]])


def parse_classes(text: str) -> dict[str, KeptClass]:
    """Classes out of `tc class show` (which has no JSON for htb in Debian 12's iproute2)."""
    kept = {}
    for line in text.splitlines():
        parts = _CLASS.match(line)
        if parts:
            prio = _PRIO.search(line)
            kept[parts["id"]] = KeptClass(
                parts["id"],
                int(prio[1]) if prio else None,
                parse_rate(parts["rate"]),
                parse_rate(parts["ceil"]),
            )
    return kept


def by_device(text: str) -> dict[str, list[dict[str, Any]]]:
    """Per device its entries in what `tc -j qdisc show` or `ip -j link show` print of all."""
    entries: dict[str, list[dict[str, Any]]] = {}
    for entry in json.loads(text or "[]"):
        entries.setdefault(entry["dev" if "dev" in entry else "ifname"], []).append(entry)
    return entries


def parse_filters(text: str) -> Counter[Rule]:
    """Rules out of `tc filter show`: the class each leads to, and what it matches."""
    rules: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        flow = _FLOW.search(line)
        if flow:
            rules.append((flow[1], []))
        elif line.startswith("  match ") and rules:
            rules[-1][1].append(line.strip().removeprefix("match "))
    return Counter((flow, tuple(matches)) for flow, matches in rules)


def asked_filters(shape: PortShape) -> Counter[Rule]:
    """The rules that a port must hold, in the form in which tc shows them."""
    rules: list[Rule] = []
    for placed in shape.placed():
        if placed.traffic.name == ACK_CLASS:
            rules += [(placed.classid, _PURE_ACK), (placed.classid, _ANY)]
        rules += [(placed.classid, match.tc_lines()) for match in placed.traffic.matches]
    return Counter(rules)


def asked_defaults(shape: PortShape) -> dict[str, str]:
    """Per htb of a port, the class for what no rule matches."""
    tiers = shape.tiers()
    return {
        f"{number + 1}:": f"0x{10 + (tier[-1].priority if tier is tiers[-1] else PRIORITIES - 1):x}"
        for number, tier in enumerate(tiers)
    }


def differences(
    shape: PortShape,
    rules_text: str,
    qdiscs: Sequence[Mapping[str, Any]],
    link: Mapping[str, Any],
) -> list[str]:
    """Every difference between what was asked for a port and what the kernel kept.

    Args:
        shape: what was asked for.
        rules_text: `tc -d class show`, and `tc filter show` of every parent, one after the other.
        qdiscs: the device's in `tc -j qdisc show`.
        link: the device in `ip -d -j link show`.
    """
    lines = (
        *_class_differences(shape, parse_classes(rules_text)),
        *_qdisc_differences(shape, qdiscs),
        *_filter_differences(shape, parse_filters(rules_text)),
        *_link_differences(shape, link),
    )
    return [f"{shape.port}: {difference}" for difference in lines]


def _class_differences(shape: PortShape, kept: Mapping[str, KeptClass]) -> Iterator[str]:
    asked: list[tuple[str, int, int | None]] = [
        (f"{n + 1}:1", shape.rate_bps, None) for n in range(len(shape.tiers()))
    ]
    asked += [(p.classid, shape.guaranteed_bps, p.priority) for p in shape.placed()]
    for classid, rate, priority in asked:
        have = kept.get(classid)
        if have is None:
            yield f"class {classid} is not there"
            continue
        for what, want, got in (
            ("rate", rate, have.rate_bps),
            ("ceil", shape.rate_bps, have.ceil_bps),
        ):
            if abs(got - want) > max(RATE_TOLERANCE * want, BYTE):
                yield f"class {classid} {what} asked {want}, kept {got} bit/s"
        if priority is not None and have.priority != priority:
            yield f"class {classid} prio asked {priority}, kept {have.priority}"


def _qdisc_differences(shape: PortShape, kept: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    limits = {
        entry.get("parent"): entry["options"].get("limit")
        for entry in kept
        if entry["kind"] == "bfifo"
    }
    for placed in shape.placed():
        limit = limits.get(placed.classid)
        if limit != shape.queue_bytes:
            yield f"queue of {placed.classid} asked {shape.queue_bytes}, kept {limit} bytes"
    by_handle = {entry["handle"]: entry for entry in kept}
    for handle, default in asked_defaults(shape).items():
        got = by_handle.get(handle, {}).get("options", {}).get("default")
        if got != default:
            yield f"default class of {handle} asked {default}, kept {got}"
    if shape.delay_us and not any(entry["kind"] == "netem" for entry in kept):
        yield f"the delay of {shape.delay_us} us is not there"


def _filter_differences(shape: PortShape, kept: Counter[Rule]) -> Iterator[str]:
    wanted = asked_filters(shape)
    for what, rules in (
        ("is not there", wanted - kept),
        ("was not asked for", kept - wanted),
    ):
        for flow, matches in rules.elements():
            yield f"the filter to {flow} for {', '.join(matches)} {what}"


def _link_differences(shape: PortShape, link: Mapping[str, Any]) -> Iterator[str]:
    segments = link["gso_max_segs"]
    if segments != shape.burst_segments:
        yield f"asked bursts of {shape.burst_segments} segments, kept {segments}"
