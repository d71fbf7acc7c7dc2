"""Means over repeats, and how sure they are.

The interval is Student's: with the three to five repeats of a run, bootstrap intervals cover 80 %
instead of 95 %. It is taken over repeats, never over the iterations of one trial, which share its
conditions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import sqrt
from statistics import fmean, stdev

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean over `count` repeats, and half the width of its interval (None for one repeat)."""

    mean: float
    half_width: float | None
    count: int

    @property
    def interval(self) -> tuple[float, float] | None:
        """Lower and upper end."""
        if self.half_width is None:
            return None
        return self.mean - self.half_width, self.mean + self.half_width


def estimate(values: Sequence[float]) -> Estimate:
    """Mean of at least one value with its 95 % Student interval.

    Raises:
        ValueError: no values.
    """
    count = len(values)
    if count == 0:
        raise ValueError("no values to take the mean of")
    if count == 1:
        return Estimate(values[0], None, 1)
    half_width = student_quantile(count - 1) * stdev(values) / sqrt(count)
    return Estimate(fmean(values), half_width, count)


def speedup(baseline: Mapping[int, float], schedule: Mapping[int, float]) -> Estimate | None:
    """Speed-up in percent of a schedule, from imgs/sec by repeat; None without a common repeat.

    Repeat i is compared with repeat i: the schedules are interleaved, so what drifts in the machine
    hits both alike and cancels.
    """
    common = sorted(baseline.keys() & schedule.keys())
    if not common:
        return None
    return estimate([percent_faster(baseline[i], schedule[i]) for i in common])


def percent_faster(base: float, value: float) -> float:
    """By how many percent `value` is above `base` (> 0)."""
    return 100 * (value / base - 1)


@cache
def student_quantile(freedom: int) -> float:
    """How many standard errors around a mean hold 95 % of it, for 1 or more degrees of freedom."""
    from scipy.special import stdtrit  # here, for it takes half a second to load

    return float(stdtrit(freedom, (1 + CONFIDENCE) / 2))
