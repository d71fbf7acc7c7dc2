"""The idle share of a time."""

from __future__ import annotations

import itertools

import pytest

from orchestrator.emulation.limits.idle import IdleSampler, mean_idle


def test_only_whole_samples_within_the_time_count_by_their_length() -> None:
    samples = [(0, 0.0), (10, 0.9), (20, 0.2), (50, 0.6), (60, 0.9)]
    assert mean_idle(samples, 10, 50) == pytest.approx((10 * 0.2 + 30 * 0.6) / 40)
    assert mean_idle(samples, 11, 19) is None
    assert mean_idle([], 0, 100) is None


def test_of_the_switches_threads_the_busiest_counts() -> None:
    stats = itertools.repeat("cpu 0 0 0 0 0 0 0 0")
    threads = iter([{1: 5.0, 2: 7.0}, {1: 5.1, 2: 7.9}, {1: 5.2, 3: 9.0}, {}])
    times = iter([10**9, 2 * 10**9, 4 * 10**9])
    sampler = IdleSampler(lambda: next(stats), lambda: next(times), threads=lambda: next(threads))
    for _ in range(3):
        sampler.sample()
    # A thread that is new has no time before, and no thread is left at the end.
    times_seen, shares = zip(*sampler.switch_samples, strict=True)
    assert times_seen == (2 * 10**9, 4 * 10**9)
    assert shares == pytest.approx((0.1, 0.95))


def test_coarse_ticks_make_no_negative_share() -> None:
    threads = iter([{1: 5.0}, {1: 6.01}])
    times = iter([0, 10**9])
    sampler = IdleSampler(
        lambda: "cpu 0 0 0 0 0 0 0 0", lambda: next(times), threads=lambda: next(threads)
    )
    sampler.sample()
    assert sampler.switch_samples == [(10**9, 0.0)]
