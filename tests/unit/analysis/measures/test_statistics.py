"""Student intervals and paired speed-ups."""

from __future__ import annotations

import random
from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.analysis import estimate, speedup
from orchestrator.analysis.measures.statistics import student_quantile

RATES = st.floats(min_value=0.01, max_value=1000)
REPEATS = st.lists(RATES, min_size=2, max_size=12)


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    # The two-sided 95 % column of every printed table of Student's t.
    [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (9, 2.262), (30, 2.042), (120, 1.980)],
)
def test_quantile_is_that_of_the_tables(freedom: int, quantile: float) -> None:
    assert student_quantile(freedom) == pytest.approx(quantile, abs=0.0005)


def test_interval_worked_out_by_hand() -> None:
    got = estimate([1.0, 2.0, 3.0])
    assert got.mean == 2.0
    assert got.half_width == pytest.approx(4.302653 / 3**0.5)
    assert got.interval == pytest.approx((-0.484138, 4.484138))


def test_one_repeat_has_no_interval_and_none_no_mean() -> None:
    assert (estimate([2.5]).mean, estimate([2.5]).interval) == (2.5, None)
    with pytest.raises(ValueError, match="no values"):
        estimate([])


@given(REPEATS, st.randoms(use_true_random=False))
def test_order_does_not_matter(values: list[float], shuffler: random.Random) -> None:
    shuffled = values.copy()
    shuffler.shuffle(shuffled)
    assert estimate(shuffled) == estimate(values)


@given(REPEATS, st.floats(min_value=0.1, max_value=10))
def test_interval_scales_with_the_values_and_holds_the_mean(
    values: list[float], factor: float
) -> None:
    plain, scaled = estimate(values), estimate([factor * value for value in values])
    assert plain.interval is not None
    assert plain.interval[0] <= plain.mean <= plain.interval[1]
    assert isclose(scaled.mean, factor * plain.mean, rel_tol=1e-9)
    assert plain.half_width is not None
    assert scaled.half_width == pytest.approx(factor * plain.half_width, rel=1e-6, abs=1e-9)


def test_interval_holds_the_truth_19_times_in_20() -> None:
    source, hits = random.Random(1), 0
    for _ in range(4000):
        interval = estimate([source.gauss(10, 2) for _ in range(3)]).interval
        assert interval is not None
        hits += interval[0] <= 10 <= interval[1]
    assert 0.94 <= hits / 4000 <= 0.96


@given(st.dictionaries(st.integers(0, 9), RATES, min_size=2), st.floats(0.5, 2))
def test_drift_that_hits_a_pair_alike_cancels(base: dict[int, float], gain: float) -> None:
    got = speedup(base, {repeat: gain * rate for repeat, rate in base.items()})
    assert got is not None
    assert got.mean == pytest.approx(100 * (gain - 1), abs=1e-6)
    assert got.half_width == pytest.approx(0, abs=1e-6)


def test_only_common_repeats_are_paired() -> None:
    got = speedup({0: 1.0, 1: 2.0}, {1: 3.0, 2: 99.0})
    assert got is not None
    assert (got.mean, got.half_width, got.count) == (50.0, None, 1)
    assert speedup({0: 1.0}, {1: 1.0}) is None
