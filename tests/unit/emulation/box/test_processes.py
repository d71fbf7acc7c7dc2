"""Whose the CPU time was, from texts of the kernel's and from processes that begin and end."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator.emulation.box.idler import NAME as AWAKE
from orchestrator.emulation.box.processes import (
    Process,
    ProcessReader,
    Seen,
    Ticks,
    parse_stat,
    used_seconds,
)

TICKS = os.sysconf("SC_CLK_TCK")


def stat(pid: int, *, name: str = "cat", own: int = 0, children: int = 0, flags: int = 0) -> bytes:
    """/proc/<pid>/stat of a process that began at tick 77; the kernel worked a tick, and two."""
    return (
        f"{pid} ({name}) S 1 1 1 0 -1 {flags} 0 0 0 0 {own} 1 {children} 2 20 0 1 0 77 0 0"
    ).encode()


def test_a_name_may_hold_anything() -> None:
    text = stat(5, name="a) S 9 (b", own=30, children=4)
    assert parse_stat(text) == ("a) S 9 (b", 77, False, Ticks(31, 6), Ticks(30, 4))


def test_the_kernels_own_threads_are_told() -> None:
    assert parse_stat(stat(5, flags=0x00208040)).kernel


def test_the_text_of_this_kernel() -> None:
    parsed = parse_stat(Path("/proc/self/stat").read_bytes())
    assert parsed.started > 0
    assert not parsed.kernel
    # Both are coarse, and this process goes on.
    assert parsed.ticks.own / TICKS == pytest.approx(sum(os.times()[:2]), abs=0.1)
    assert parsed.user.own / TICKS == pytest.approx(os.times()[0], abs=0.1)


def ticks(before: dict[int, Ticks], after: dict[int, Ticks]) -> int:
    def keyed(by_pid: dict[int, Ticks]) -> dict[Process, Ticks]:
        return {Process(pid, 77): of for pid, of in by_pid.items()}

    return round(used_seconds(keyed(before), keyed(after)) * TICKS)


def test_what_runs_is_counted_from_look_to_look() -> None:
    assert ticks({1: Ticks(5, 9)}, {1: Ticks(25, 9), 2: Ticks(7, 0)}) == 27


def test_a_child_that_ended_between_two_looks_is_its_parents() -> None:
    # 40 of the child's 50 had been seen; it did ten more, and another that nobody saw did three.
    before = {1: Ticks(5, 0), 2: Ticks(40, 0)}
    assert ticks(before, {1: Ticks(6, 53)}) == 1 + 10 + 3


def test_children_of_children_count_once() -> None:
    before = {1: Ticks(0, 0), 2: Ticks(10, 0), 3: Ticks(20, 0)}
    between = {1: Ticks(0, 0), 2: Ticks(10, 25)}
    assert ticks(before, between) == 5
    assert ticks(between, {1: Ticks(0, 36)}) == 1


def test_a_child_for_which_nobody_waits_takes_nothing_from_the_others() -> None:
    before = {1: Ticks(0, 0), 2: Ticks(500, 0)}
    assert ticks(before, {1: Ticks(30, 0)}) == 30


def test_a_number_that_comes_again_is_another_process() -> None:
    before = {Process(9, 1): Ticks(500, 0)}
    assert used_seconds(before, {Process(9, 2): Ticks(3, 0)}) == pytest.approx(3 / TICKS)


def test_processes_are_sorted_by_whose_they_are(tmp_path: Path) -> None:
    for pid, text in {
        "10": stat(10, own=1),
        "11": stat(11, own=2),
        "12": stat(12, flags=0x00200000, own=3),
        "13": b"",  # it has ended while it was read
        "14": stat(14, name=AWAKE, own=900),
        "self": b"not a process",
    }.items():
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "stat").write_bytes(text)
    read = ProcessReader(tmp_path, lambda process: process.name == "11")
    own, other, awake = Process(11, 77), Process(10, 77), Process(14, 77)
    assert read() == Seen(
        {own: Ticks(3, 2)},
        {other: Ticks(2, 2)},
        {own: Ticks(2, 0), other: Ticks(1, 0), awake: Ticks(900, 0)},
    )


def test_where_processes_cannot_be_seen_nothing_is_said(tmp_path: Path) -> None:
    assert ProcessReader(tmp_path / "none")() is None
