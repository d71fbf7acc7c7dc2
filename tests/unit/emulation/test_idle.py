"""The idle share of a time."""

from __future__ import annotations

import pytest

from orchestrator.emulation.idle import mean_idle


def test_only_whole_samples_within_the_time_count_by_their_length() -> None:
    samples = [(0, 0.0), (10, 0.9), (20, 0.2), (50, 0.6), (60, 0.9)]
    assert mean_idle(samples, 10, 50) == pytest.approx((10 * 0.2 + 30 * 0.6) / 40)
    assert mean_idle(samples, 11, 19) is None
    assert mean_idle([], 0, 100) is None
