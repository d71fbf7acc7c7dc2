"""From sequence numbers and times of packets to how long urgent units waited."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.analysis.reading.urgent import leaving_ns, positions, read_urgent
from orchestrator.errors import RunError
from orchestrator.records.directory import ProcessDirectory
from workloads.process.traffic_records import ArrivedRecord, PacketsRecord, UrgentRecord

LARGEST = (1 << 32) - 1


def packets(*seen: tuple[int, int, int], syn: int = 99) -> PacketsRecord:
    """Packets as (time, sequence number, length)."""
    left, sequence, length = zip(*seen, strict=True)
    return PacketsRecord(lost=0, syn_sequence=syn, left_ns=left, sequence=sequence, length=length)


def test_the_first_byte_comes_after_the_syn() -> None:
    assert list(positions([100, 1600, 1700], 99)) == [0, 1500, 1600]


def test_sequence_numbers_start_again_at_zero() -> None:
    syn = LARGEST - 1000
    sequences = [(syn + 1 + place) % (1 << 32) for place in range(0, 10_000_000_000, 60_000)]
    assert sequences[1] < sequences[0]
    assert list(positions(sequences, syn)) == list(range(0, 10_000_000_000, 60_000))


def test_what_is_sent_again_has_its_old_place() -> None:
    syn = LARGEST - 1000
    around = [(syn + 1 + place) % (1 << 32) for place in (0, 900, 1800, 900, 2700)]
    assert list(positions(around, syn)) == [0, 900, 1800, 900, 2700]


def test_a_byte_leaves_with_the_first_packet_that_holds_it() -> None:
    seen = packets((10, 100, 500), (20, 600, 500), (30, 600, 500), (40, 1100, 500))
    assert leaving_ns([0, 499, 500, 999, 1000, 1499], seen) == [10, 10, 20, 20, 40, 40]


def test_a_byte_that_is_sent_again_with_others_left_the_first_time() -> None:
    seen = packets((10, 100, 500), (20, 600, 500), (30, 600, 900))
    assert leaving_ns([700, 1100], seen) == [20, 30]


def test_a_byte_that_was_not_seen_has_no_time() -> None:
    seen = packets((10, 100, 500), (40, 1100, 500))
    assert leaving_ns([600, 1000, 1500], seen) == [None, 40, None]


def record(directory: Path, begins: list[int], seen: PacketsRecord, arrived: list[int]) -> None:
    urgent = [UrgentRecord(n, 1000 * n, place) for n, place in enumerate(begins, start=1)]
    server = [ArrivedRecord(n, 0, 1000 * n + 700, 9) for n in arrived]
    for name, written in (("worker0", [*urgent, seen]), ("ps", server)):
        text = "".join(one.line(name) for one in written)
        (directory / f"{name}.jsonl").write_text(text)


def test_waits_until_the_bytes_left_and_until_they_arrived(tmp_path: Path) -> None:
    captured = packets((1500, 100, 600), (2400, 700, 600), (3300, 1300, 600))
    record(tmp_path, [0, 600, 1200], captured, [1, 2, 3])
    urgent = read_urgent(ProcessDirectory(tmp_path), "ps", "worker0", 100)
    assert (urgent.left, urgent.arrived, urgent.lost) == ((500, 400, 300), (700, 700, 700), 0)
    assert urgent.slices(200) == 2
    assert read_urgent(ProcessDirectory(tmp_path), "ps", "worker0", 2).left == (500, 400)


def test_a_unit_that_was_not_seen_or_did_not_arrive_is_left_out(tmp_path: Path) -> None:
    seen = packets((1500, 100, 600), (3300, 1300, 600))
    record(tmp_path, [0, 600, 1200], seen, [2, 3])
    assert read_urgent(ProcessDirectory(tmp_path), "ps", "worker0", 100).left == (300,)
    record(tmp_path, [600], seen, [1])
    with pytest.raises(RunError, match="no urgent unit was seen leaving worker0"):
        read_urgent(ProcessDirectory(tmp_path), "ps", "worker0", 100)
