"""Counters out of what tc, ip and /proc print."""

from __future__ import annotations

import json
from typing import Any

from orchestrator.emulation.limits.idle import IdleSampler, read_cpu_times
from orchestrator.emulation.ports.counters import (
    FLOW_COUNTS,
    FLOW_KEYS,
    Count,
    Counters,
    counted_since,
    link_bytes,
    network_record,
    queue_counts,
    retransmitted_segments,
    send_drops,
)
from orchestrator.emulation.ports.shaping import PortShape, TrafficClass

SHAPE = PortShape("a->b", "a-eth0", 10**9, 524288, 0, 45, (TrafficClass("data"),))


def qdiscs(ack: int, data: int, drops: int) -> list[dict[str, Any]]:
    leaf = {"kind": "bfifo", "options": {}}
    return [
        {"kind": "htb", "handle": "1:", "options": {}, "bytes": ack + data},
        {**leaf, "parent": "1:a", "bytes": ack, "packets": 3, "drops": 0},
        {**leaf, "parent": "1:b", "bytes": data, "packets": 5, "drops": drops},
    ]


def test_counts_are_taken_at_the_leaves() -> None:
    assert queue_counts(SHAPE, qdiscs(66, 3000, 2)) == {
        "ack": Count(66, 3, 0),
        "data": Count(3000, 5, 2),
    }


def test_a_record_holds_differences_only() -> None:
    before = Counters({"a->b": queue_counts(SHAPE, qdiscs(66, 3000, 2))}, {"h": 10}, {"h": 1})
    after = Counters({"a->b": queue_counts(SHAPE, qdiscs(166, 9000, 7))}, {"h": 30}, {"h": 4})
    record = network_record((SHAPE,), before, after)
    port = record.ports[0]
    assert (port.bytes, port.drops) == (6100, 5)
    assert [c.bytes for c in port.classes] == [100, 6000]
    assert record.management_bytes == {"h": 20}
    assert record.tcp_retransmits == {"h": 3}


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


def flow(packets: int, **changes: object) -> dict[str, object]:
    match: dict[str, object] = {"switch": "s", "flow": "pull", "priority": 100}
    match |= {"src": "a", "dst": "b", "tcp_src": None, "tcp_dst": None}
    return {**match, "dscp": 1, "output": 2, "packets": packets, "bytes": 10 * packets, **changes}


def test_rules_are_recorded_as_they_are_with_what_they_counted_meanwhile() -> None:
    names = (FLOW_KEYS, FLOW_COUNTS)
    assert counted_since([flow(3, dscp=0)], [flow(5)], *names) == [flow(2)]
    # A rule that is new, or was read for the first time, has counted from nothing.
    assert counted_since([], [flow(5)], *names) == [flow(5)]
    # Without a controller at the end nobody could tell.
    assert counted_since([flow(3)], [], *names) == []


def test_packets_that_a_switch_could_not_take_in_are_those_its_device_could_not_send() -> None:
    text = json.dumps([{"ifname": "s_eth0", "stats64": {"tx": {"dropped": 4}}}, {"ifname": "x"}])
    assert send_drops(text) == {"s_eth0": 4}


def test_drops_at_a_switchs_input_and_its_processor_time_are_differences() -> None:
    queues = {"a->b": queue_counts(SHAPE, qdiscs(66, 3000, 2))}
    before = Counters(queues, {}, {}, {"a->b": 1}, 2.5, [flow(3)])
    anything = {"src": None, "dst": None, "dscp": None, "output": None}
    after = Counters(queues, {}, {}, {"a->b": 5}, 4.0, [flow(4), flow(2, **anything)])
    record = network_record((SHAPE,), before, after)
    assert record.switch_input_drops == {"a->b": 4}
    assert record.switch_cpu_seconds == 1.5
    assert [dict(entry) for entry in record.flows] == [flow(1), flow(2, **anything)]
