"""Counters out of what tc, ip and /proc print."""

from __future__ import annotations

import json

from orchestrator.emulation.counters import (
    Count,
    Counters,
    link_bytes,
    network_record,
    queue_counts,
    retransmitted_segments,
)
from orchestrator.emulation.idle import IdleSampler, read_cpu_times
from orchestrator.emulation.shaping import PortShape, TrafficClass

SHAPE = PortShape("a->b", "a-eth0", 10**9, 524288, 0, (TrafficClass("data"),))


def qdiscs(ack: int, data: int, drops: int) -> str:
    return json.dumps(
        [
            {"kind": "htb", "handle": "1:", "options": {}, "bytes": ack + data},
            {
                "kind": "bfifo",
                "parent": "1:a",
                "options": {},
                "bytes": ack,
                "packets": 3,
                "drops": 0,
            },
            {
                "kind": "bfifo",
                "parent": "1:b",
                "options": {},
                "bytes": data,
                "packets": 5,
                "drops": drops,
            },
        ]
    )


def test_counts_are_taken_at_the_leaves() -> None:
    assert queue_counts(SHAPE, qdiscs(66, 3000, 2)) == {
        "ack": Count(66, 3, 0),
        "data": Count(3000, 5, 2),
    }


def test_a_record_holds_differences_only() -> None:
    before = Counters({"a->b": queue_counts(SHAPE, qdiscs(66, 3000, 2))}, {"h": 10}, {"h": 1})
    after = Counters({"a->b": queue_counts(SHAPE, qdiscs(166, 9000, 7))}, {"h": 30}, {"h": 4})
    record = network_record((SHAPE,), before, after)
    port = record["ports"][0]
    assert (port["bytes"], port["drops"]) == (6100, 5)
    assert [c["bytes"] for c in port["classes"]] == [100, 6000]
    assert record["management_bytes"] == {"h": 20}
    assert record["tcp_retransmits"] == {"h": 3}


def test_link_bytes_are_both_directions() -> None:
    text = json.dumps(
        [
            {"ifname": "ps-mgmt", "stats64": {"rx": {"bytes": 5}, "tx": {"bytes": 7}}},
            {"ifname": "x"},
        ]
    )
    assert link_bytes(text) == {"ps-mgmt": 12}


def test_retransmitted_segments_stand_in_the_second_tcp_line() -> None:
    text = "Ip: A B\nIp: 1 2\nTcp: InSegs RetransSegs OutRsts\nTcp: 10 42 0\nUdp: X\nUdp: 0\n"
    assert retransmitted_segments(text) == 42


def test_waiting_for_io_is_idle_and_stolen_time_is_busy() -> None:
    assert read_cpu_times("cpu  10 0 5 70 10 0 0 5 3 0\ncpu0 ...\n") == (80, 100)


def test_idle_share_is_that_since_the_sample_before() -> None:
    texts = iter(["cpu 0 0 0 0 0 0 0 0", "cpu 30 0 0 70 0 0 0 0", "cpu 130 0 0 70 0 0 0 0"])
    times = iter([1, 2])
    sampler = IdleSampler(lambda: next(texts), lambda: next(times))
    sampler.sample()
    sampler.sample()
    assert sampler.samples == [(1, 0.7), (2, 0.0)]
