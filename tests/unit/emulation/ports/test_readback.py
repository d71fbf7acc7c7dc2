"""What the kernel kept, read out of what tc prints."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.emulation.ports.readback import (
    asked_filters,
    differences,
    parse_classes,
    parse_rate,
)
from orchestrator.emulation.ports.shaping import DscpMatch, Match, PortShape, TrafficClass

SHAPE = PortShape("switch0->switch1", "switch0-eth1", 10**9, 524288, 0, 45, (TrafficClass("data"),))
CLASSES = """\
class htb 1:1 root rate 1Gbit ceil 1Gbit
 Sent 0 bytes 0 pkt (dropped 0, overlimits 0 requeues 0)
class htb 1:a parent 1:1 leaf 100: prio 0 quantum 1514 rate 8Kbit ceil 1Gbit
class htb 1:b parent 1:1 leaf 101: prio 1 quantum 1514 rate 8Kbit ceil 1Gbit
"""
QDISCS: list[dict[str, Any]] = [
    {"kind": "htb", "handle": "1:", "root": True, "options": {"default": "0xb"}},
    {"kind": "bfifo", "handle": "100:", "parent": "1:a", "options": {"limit": 524288}},
    {"kind": "bfifo", "handle": "101:", "parent": "1:b", "options": {"limit": 524288}},
]
FILTERS = """\
filter protocol ip pref 1 u32 chain 0 fh 800: ht divisor 1
filter protocol ip pref 1 u32 chain 0 fh 800::800 bkt 0 *flowid 1:a not_in_hw
  match 00060000/00ff0000 at 8
  match 05000000/0f00ff80 at 0
  match 00100000/003f0000 at 32
filter protocol arp pref 2 u32 chain 0 fh 801::800 bkt 0 *flowid 1:a not_in_hw
  match 00000000/00000000 at 0
"""
LINK = {"ifname": "switch0-eth1", "gso_max_segs": 45}
MOVED = FILTERS.replace("*flowid 1:a", "*flowid 1:b", 1)
ACK = "00060000/00ff0000 at 8, 05000000/0f00ff80 at 0, 00100000/003f0000 at 32"


def changed(option: str, before: object, after: object) -> list[dict[str, Any]]:
    """The qdiscs with another value of an option wherever it had that one."""
    return [
        {**qdisc, "options": {option: after}} if qdisc["options"].get(option) == before else qdisc
        for qdisc in QDISCS
    ]


def test_nothing_differs_when_all_was_kept() -> None:
    assert differences(SHAPE, CLASSES + FILTERS, QDISCS, LINK) == []


@pytest.mark.parametrize(
    ("classes", "qdiscs", "filters", "difference"),
    [
        (CLASSES.replace("rate 1Gbit ceil", "rate 900Mbit ceil"), QDISCS, FILTERS,
         "switch0->switch1: class 1:1 rate asked 1000000000, kept 900000000 bit/s"),
        (CLASSES.replace("prio 1", "prio 3"), QDISCS, FILTERS,
         "switch0->switch1: class 1:b prio asked 1, kept 3"),
        (CLASSES.replace("class htb 1:b", "class htb 1:f"), QDISCS, FILTERS,
         "switch0->switch1: class 1:b is not there"),
        (CLASSES, changed("limit", 524288, 1000), FILTERS,
         "switch0->switch1: queue of 1:a asked 524288, kept 1000 bytes"),
        (CLASSES, changed("default", "0xb", "0xa"), FILTERS,
         "switch0->switch1: default class of 1: asked 0xb, kept 0xa"),
        (CLASSES, QDISCS, "",
         f"switch0->switch1: the filter to 1:a for {ACK} is not there"),
        (CLASSES, QDISCS, MOVED,
         f"switch0->switch1: the filter to 1:b for {ACK} was not asked for"),
    ],
)  # fmt: skip
def test_each_difference_is_said(
    classes: str, qdiscs: list[dict[str, Any]], filters: str, difference: str
) -> None:
    assert difference in differences(SHAPE, classes + filters, qdiscs, LINK)


def test_another_size_of_bursts_is_said() -> None:
    kept = {**LINK, "gso_max_segs": 65535}
    assert differences(SHAPE, CLASSES + FILTERS, QDISCS, kept) == [
        "switch0->switch1: asked bursts of 45 segments, kept 65535"
    ]


def test_matches_as_tc_shows_them() -> None:
    shape = replace(
        SHAPE,
        classes=(
            TrafficClass("worker0", (Match("dst", "10.10.0.2"), Match("src", "10.10.0.2"))),
            TrafficClass("worker1", (DscpMatch(3),)),
            TrafficClass("data"),
        ),
    )
    assert set(asked_filters(shape)) == {
        ("1:a", tuple(ACK.split(", "))),
        ("1:a", ("00000000/00000000 at 0",)),
        ("1:b", ("0a0a0002/ffffffff at 16",)),
        ("1:b", ("0a0a0002/ffffffff at 12",)),
        ("1:c", ("000c0000/00fc0000 at 0",)),
    }


@pytest.mark.parametrize(
    ("text", "bps"),
    [("8Kbit", 8_000), ("62500Kbit", 62_500_000), ("1Gbit", 10**9), ("999bit", 999)],
)
def test_rates_as_tc_prints_them(text: str, bps: int) -> None:
    assert parse_rate(text) == bps


def test_a_rate_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="not a rate"):
        parse_rate("fast")


def test_classes_without_priority_are_inner_ones() -> None:
    kept = parse_classes(CLASSES)
    assert kept["1:1"].priority is None
    assert kept["1:a"].priority == 0
    assert kept["1:b"].ceil_bps == 10**9
