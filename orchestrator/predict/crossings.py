"""Where along a variable a schedule starts and stops to be faster than another (pure)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, log

CLEAR = 0.015
"""By how much two schedules must differ: imgs/sec of one experiment at other scales and on other
switches do by as much."""


@dataclass(frozen=True)
class Crossings:
    """Where a schedule is faster than the baseline, between the least and the largest value.

    Attributes:
        values: where it starts or stops to be faster, ascending.
        faster_first: whether it is faster below the first of them; None if it is nowhere clearly
            faster or slower.
        clear_from: the least value at which they clearly differ; None: the first one.
        clear_to: the largest value at which they clearly differ; None: the last one.
        all_known: whether both are known at all values.
    """

    values: tuple[float, ...]
    faster_first: bool | None
    clear_from: float | None = None
    clear_to: float | None = None
    all_known: bool = True

    def sentence(self, text: Callable[[float], str]) -> str:
        """`pays below 3.2 Gbit/s`, `pays everywhere`, `pays up to 1 Gbit/s`, `pays from 2 to 8`.

        Args:
            text: a value for people.
        """
        if self.faster_first is None:
            return "makes no difference" if self.all_known else "has too few figures to tell"
        ends = [text(value) for value in self.values]
        where = "" if self.all_known else ", as far as figures may be used"
        if not ends and not self.faster_first:
            return f"pays nowhere{where}"
        if not ends:
            low, high = self.clear_from, self.clear_to
            least = "" if low is None else f" from {text(low)}{'' if high else ' on'}"
            most = "" if high is None else f" {'to' if least else 'up to'} {text(high)}"
            return f"pays{least}{most}" if least or most else f"pays everywhere{where}"
        parts = [f"below {ends.pop(0)}"] if self.faster_first else []
        while ends:
            start, *ends = ends
            parts.append(f"from {start} to {ends.pop(0)}" if ends else f"above {start}")
        return f"pays {' and '.join(parts)}"


_SEVERAL = {"pays": "pay", "makes": "make", "has": "have"}


def of_all(names: Sequence[str], sentence: str) -> str:
    """A sentence about all schedules that it holds for: `p3 pays ...`, `fp16, q8 pay ...`."""
    verb, _, rest = sentence.partition(" ")
    return f"{', '.join(names)} {verb if len(names) == 1 else _SEVERAL[verb]} {rest}"


def crossings(values: Sequence[float], ratios: Sequence[float | None]) -> Crossings:
    """Where a schedule's imgs/sec cross the baseline's, on a straight line between two values.

    Both axes are logarithmic. Values at which the two differ by less than `CLEAR` are passed over:
    a line goes from the last clear value before them to the first one behind them.

    Args:
        values: ascending, above 0.
        ratios: imgs/sec of the schedule over those of the baseline; None: not known.
    """
    known = [
        (value, log(ratio))
        for value, ratio in zip(values, ratios, strict=True)
        if ratio is not None and abs(ratio - 1) > CLEAR
    ]
    crossed = [
        exp(log(low) + (log(high) - log(low)) * before / (before - after))
        for (low, before), (high, after) in pairwise(known)
        if (before > 0) != (after > 0)
    ]
    told = [value for value, ratio in zip(values, ratios, strict=True) if ratio is not None]
    if not known:
        return Crossings((), None, all_known=len(told) == len(values))
    (first, log_ratio), (last, _) = known[0], known[-1]
    return Crossings(
        tuple(crossed),
        log_ratio > 0,
        clear_from=first if first > told[0] else None,
        clear_to=last if last < told[-1] else None,
        all_known=len(told) == len(values),
    )
