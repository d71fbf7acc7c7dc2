"""Urgent units: where they begin in the stream, and what a captured packet says."""

from __future__ import annotations

import socket
import struct
import time

import pytest

from tests.unit.workloads.process.test_job import problems
from tests.unit.workloads.trainings import Bench
from workloads.errors import WorkloadError
from workloads.programs.urgent import Stream
from workloads.transport.capture import Packet, clock_difference_ns, interface_of, parse
from workloads.transport.connection import Connection
from workloads.transport.send_queue import Parcel


def frame(*, options: int = 3, flags: int = 0x18, payload: int = 1000, ip_words: int = 5) -> bytes:
    """An Ethernet frame with TCP from port 4711, sequence number 2^32 - 2."""
    ip = bytes([0x40 | ip_words]) + bytes(4 * ip_words - 1)
    words = (5 + options) << 4
    tcp = struct.pack("!HHIIBBHHH", 4711, 5000, (1 << 32) - 2, 0, words, flags, 0, 0, 0)
    return bytes(14) + ip + tcp + bytes(4 * options + payload)


@pytest.mark.parametrize("ip_words", [5, 6])
@pytest.mark.parametrize("options", [0, 3])
def test_what_a_packet_says(options: int, ip_words: int) -> None:
    whole = frame(options=options, ip_words=ip_words)
    # The kernel keeps its first bytes only, and tells its length.
    packet = parse(whole[:62], len(whole), 77)
    assert packet == Packet(77, 4711, False, (1 << 32) - 2, 1000)


def test_the_first_packet_of_a_connection() -> None:
    whole = frame(flags=0x02, payload=0)
    assert parse(whole, len(whole), 77) == Packet(77, 4711, True, (1 << 32) - 2, 0)


def test_an_address_has_an_interface() -> None:
    assert interface_of("127.0.0.1") == "lo"
    with pytest.raises(WorkloadError, match=r"no interface has the address 192\.0\.2\.1"):
        interface_of("192.0.2.1")


def test_the_clocks_are_compared() -> None:
    before = time.time_ns() - time.monotonic_ns()
    # Clocks that are being adjusted drift apart, but not by a second between two lines.
    assert abs(clock_difference_ns() - before) < 1e9


def test_a_stream_knows_where_frames_begin() -> None:
    here, there = socket.socketpair()
    with here, there:
        stream = Stream(Connection(here), 60)
        stream.begins = {b"second": None, b"fourth": None, b"never": None}
        body = memoryview(bytes(100))
        stream.send([Parcel(b"first", body), Parcel(b"second", body)])
        stream.send([Parcel(b"third")])
        assert stream.send([Parcel(b"fourth", body)]).payload == 100
        sent = there.recv(1000)
    assert stream.begins == {b"second": 60 + 105, b"fourth": 60 + 216, b"never": None}
    assert sent[165 - 60 :].startswith(b"second")
    assert sent[276 - 60 :].startswith(b"fourth")


def test_the_job_of_urgent_units(bench: Bench) -> None:
    urgent = {"program": "urgent-server", "seconds": 0.5}
    assert problems(bench.job("ps", urgent)) == ("section.workers: must be one",)
    assert problems(bench.job("ps", {**urgent, "workers": ["worker0"], "seconds": 0})) == (
        "section.seconds: must be more than 0",
    )
