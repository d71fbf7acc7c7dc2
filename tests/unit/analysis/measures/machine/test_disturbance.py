"""Whether others disturbed a trial, at both sides of each limit, and the text that names them."""

from __future__ import annotations

import pytest

from orchestrator.analysis.measures.machine.disturbance import Use, disturbances, use_within
from orchestrator.records.network import UseRecord

SECOND = 1_000_000_000
Second = tuple[float, float, float, float]
"""Cores of the testbed, others and the hypervisor in a second, and the machine's idle share."""


def use(seconds: list[Second], begin: float = 0, end: float | None = None) -> Use:
    """What two cores were used for; `begin` and `end` in seconds, all of them if not given."""
    samples = [(0, 9.0, 9.0, 9.0)]
    idle = [(0, 0.0)]
    for number, (testbed, others, hypervisor, share) in enumerate(seconds, start=1):
        samples.append((number * SECOND, testbed, others, hypervisor))
        idle.append((number * SECOND, share))
    end = len(seconds) if end is None else end
    record = UseRecord(cores=2, samples=tuple(samples))
    cores_used = use_within(record, idle, round(begin * SECOND), round(end * SECOND))
    assert cores_used is not None
    return cores_used


QUIET = (0.5, 0.0, 0.0, 0.7)
LOOP = (0.5, 1.0, 0.0, 0.2)


def test_means_are_of_the_measured_time_alone() -> None:
    cores_used = use([LOOP, QUIET, LOOP, LOOP], begin=1, end=3)
    assert (cores_used.testbed, cores_used.others, cores_used.hypervisor) == (0.5, 0.5, 0.0)
    assert (cores_used.by_others.cores, cores_used.by_others.seconds) == (1.0, 1.0)


def test_a_sample_at_an_end_counts_by_its_part() -> None:
    assert use([LOOP, QUIET], begin=0.5, end=1.5).others == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("seconds", "idle"),
    [
        ([QUIET] * 8, 0.7),
        # Nothing was left, and none of it was taken by others.
        ([(1.9, 0.0, 0.0, 0.01)] * 8, 0.01),
        # Others had a part, but the testbed alone would have left as little.
        ([(1.6, 0.06, 0.0, 0.1)] * 8, 0.1),
        # A neighbour that is there and takes less than a quarter.
        ([(0.5, 0.48, 0.0, 0.4)] * 8, 0.4),
        # The hypervisor withheld 0.3 cores for one second of eight.
        ([QUIET] * 7 + [(0.5, 0.0, 0.3, 0.5)], 0.7),
        # One busy second of eight, with idle time in it.
        ([QUIET] * 7 + [LOOP], 0.6),
    ],
)
def test_not_disturbed(seconds: list[Second], idle: float) -> None:
    assert disturbances(use(seconds), idle) == ()


@pytest.mark.parametrize(
    ("seconds", "idle", "text"),
    [
        ([LOOP] * 31, 0.2, "other programs used 1.0 of 2 cores for 31 s"),
        ([(0.5, 0.0, 0.6, 0.4)] * 8, 0.4, "the hypervisor took 30 % for 8.0 s"),
        # A tenth of the figure was lost in a trial like that, with a third of the machine idle.
        (
            [QUIET] * 2 + [(0.4, 0.0, 0.418, 0.65)] + [QUIET] * 3 + [(0.5, 0.0, 0.606, 0.4)],
            0.65,
            "the hypervisor took 26 % for 2.0 s",
        ),
        (
            [(1.2, 0.3, 0.0, 0.15)] * 8,
            0.15,
            "other programs used 0.3 of 2 cores for 8.0 s",
        ),
        (
            [QUIET] * 7 + [(0.9, 0.9, 0.15, 0.01)],
            0.6,
            "other programs used 0.9 of 2 cores for 1.0 s, the hypervisor took 8 % for 1.0 s",
        ),
    ],
)
def test_disturbed(seconds: list[Second], idle: float, text: str) -> None:
    assert disturbances(use(seconds), idle) == (text,)


def test_old_records_do_not_tell() -> None:
    assert use_within(None, [], 0, SECOND) is None
    assert use_within(UseRecord(cores=1, samples=()), [], 0, SECOND) is None
    assert disturbances(None, 0.0) == ()
