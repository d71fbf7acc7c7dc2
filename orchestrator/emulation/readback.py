"""What the kernel kept of a port's shaping, and where it differs from what was asked (pure)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.emulation.shaping import GUARANTEED_BPS, PortShape

# tc prints rates with at most four digits before the unit changes: 0.1 % is its rounding.
RATE_TOLERANCE = 0.001
_UNITS = {"bit": 1, "Kbit": 10**3, "Mbit": 10**6, "Gbit": 10**9, "Tbit": 10**12}
_CLASS = re.compile(
    r"^class htb (?P<id>\S+) .*?rate (?P<rate>\S+) ceil (?P<ceil>\S+)",
)
_PRIO = re.compile(r" prio (\d+) ")


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
    found = re.fullmatch(r"([\d.]+)([KMGT]?bit)", text)
    if found is None:
        raise ValueError(f"not a rate: {text!r}")
    return round(float(found[1]) * _UNITS[found[2]])


def parse_classes(text: str) -> dict[str, KeptClass]:
    """Classes out of `tc class show` (which has no JSON for htb in Debian 12's iproute2)."""
    kept = {}
    for line in text.splitlines():
        found = _CLASS.match(line)
        if found:
            prio = _PRIO.search(line)
            kept[found["id"]] = KeptClass(
                found["id"],
                int(prio[1]) if prio else None,
                parse_rate(found["rate"]),
                parse_rate(found["ceil"]),
            )
    return kept


def parse_qdiscs(text: str) -> list[dict[str, Any]]:
    """Qdiscs out of `tc -j -s qdisc show`."""
    return [dict(entry) for entry in json.loads(text or "[]")]


def count_filters(text: str) -> int:
    """How many rules stand in `tc filter show`'s plain text."""
    return sum("flowid" in line for line in text.splitlines())


def differences(
    shape: PortShape, classes_text: str, qdiscs_text: str, filter_texts: Mapping[str, str]
) -> list[str]:
    """Every difference between what was asked for a port and what the kernel kept.

    Args:
        filter_texts: `tc filter show` per parent handle.
    """
    kept = parse_classes(classes_text)
    asked: list[tuple[str, int, int | None]] = [
        (f"{n + 1}:1", shape.rate_bps, None) for n in range(len(shape.tiers()))
    ]
    asked += [(p.classid, GUARANTEED_BPS, p.priority) for p in shape.placed()]
    said = []
    for classid, rate, priority in asked:
        have = kept.get(classid)
        if have is None:
            said.append(f"{shape.port}: class {classid} is not there")
            continue
        for what, want, got in (
            ("rate", rate, have.rate_bps),
            ("ceil", shape.rate_bps, have.ceil_bps),
        ):
            if abs(got - want) > RATE_TOLERANCE * want:
                said.append(f"{shape.port}: class {classid} {what} asked {want}, kept {got} bit/s")
        if priority is not None and have.priority != priority:
            said.append(
                f"{shape.port}: class {classid} prio asked {priority}, kept {have.priority}"
            )
    limits = {
        entry.get("parent"): entry["options"].get("limit")
        for entry in parse_qdiscs(qdiscs_text)
        if entry["kind"] == "bfifo"
    }
    for placed in shape.placed():
        limit = limits.get(placed.classid)
        if limit != shape.queue_bytes:
            said.append(
                f"{shape.port}: queue of {placed.classid} asked {shape.queue_bytes}, "
                f"kept {limit} bytes"
            )
    filters = sum(count_filters(text) for text in filter_texts.values())
    if filters != shape.filter_count():
        said.append(f"{shape.port}: asked {shape.filter_count()} filters, kept {filters}")
    if shape.delay_us and not any(e["kind"] == "netem" for e in parse_qdiscs(qdiscs_text)):
        said.append(f"{shape.port}: the delay of {shape.delay_us} us is not there")
    return said
