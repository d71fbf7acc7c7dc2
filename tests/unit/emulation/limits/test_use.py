"""Whose the CPUs were, over looks at processes that are not there."""

from __future__ import annotations

import itertools
import os

import pytest

from orchestrator.emulation.box.processes import Process, Seen, Ticks
from orchestrator.emulation.limits.use import UseSampler, use_record

SECOND = 1_000_000_000
HERTZ = os.sysconf("SC_CLK_TCK")


def stat(stolen: int, user: float = 0.0) -> str:
    """The kernel's own work is 1000 s, in threads and for packets."""
    spent, kernel = round(HERTZ * user), HERTZ * 1000
    return f"cpu {spent} 0 {kernel} 0 0 0 {kernel} {HERTZ * stolen} 0 0\ncpu0 0 0"


def seen(testbed: int, others: int) -> Seen:
    """One process of each, after `ticks`."""
    own, other = {Process(1, 0): Ticks(testbed, 0)}, {Process(2, 0): Ticks(others, 0)}
    return Seen(own, other, {**own, **other})


def test_whose_the_cpus_were() -> None:
    looks = iter([seen(0, 50), seen(HERTZ, 50 + 3 * HERTZ)])
    # Seen; too early for another look; seen again.
    times = iter([1, 1, SECOND // 2, 2 * SECOND + 1, 2 * SECOND + 1])
    sampler = UseSampler(lambda: next(looks), lambda: next(times))
    for stolen in (3, 3, 4):
        sampler.sample(stat(stolen))
    samples = [(1, 0, 0, 0), (2 * SECOND + 1, 0.5, 1.5, 0.5)]
    assert sampler.samples == samples
    record = use_record(sampler.samples)
    assert record.samples == tuple(samples)
    assert record.cores == os.cpu_count()


@pytest.mark.parametrize(
    ("of_the_machine", "others"),
    [(2.0, 0.5), (3.0, 1.5), (2.1, 0.5), (0.0, 0.5)],
    ids=["all are seen", "a core is a program's that is not", "ticks are coarse", "very coarse"],
)
def test_programs_that_a_container_does_not_show_count_as_others(
    of_the_machine: float, others: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    looks = iter([seen(0, 50), seen(3 * HERTZ // 2, 50 + HERTZ // 2)])
    times = iter([1, 1, SECOND + 1, SECOND + 1])
    sampler = UseSampler(lambda: next(looks), lambda: next(times))
    sampler.sample(stat(0))
    sampler.sample(stat(0, of_the_machine))
    _, (_, testbed, others_used, _) = sampler.samples
    assert (testbed, others_used) == (1.5, others)


def test_what_is_shorter_than_a_second_has_a_sample_of_its_end() -> None:
    looks = iter([seen(0, 0), seen(HERTZ // 2, HERTZ // 4)])
    half = SECOND // 2
    times = iter([1, 1, SECOND // 10, half + 1, half + 1])
    sampler = UseSampler(lambda: next(looks), lambda: next(times))
    sampler.sample(stat(0))
    # So soon after the one before, it would say nothing.
    sampler.sample(stat(0), last=True)
    sampler.sample(stat(0), last=True)
    assert sampler.samples == [(1, 0, 0, 0), (half + 1, 1.0, 0.5, 0.0)]


def test_looking_at_very_many_processes_takes_a_small_share_of_the_time() -> None:
    times = itertools.count(0, SECOND)
    looks = []

    def look() -> Seen:
        # A look takes a second, and so do 99 times of asking: the next is due after 50.
        looks.append(1)
        return seen(0, 0)

    sampler = UseSampler(look, lambda: next(times))
    for _ in range(100):
        sampler.sample(stat(0))
    assert len(looks) == 3


def test_where_processes_cannot_be_seen_nothing_is_said() -> None:
    sampler = UseSampler(lambda: None)
    sampler.sample(stat(0))
    assert sampler.samples == []
