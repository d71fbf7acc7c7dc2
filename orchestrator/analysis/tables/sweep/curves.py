"""Predicted curves of a sweep, on a grid between its first and last point (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.analysis.tables.sweep.rows import SweepRun, predicted
from orchestrator.predict import limits

GRID = 25
"""Values on a logarithmic axis, beside the points themselves."""


@dataclass(frozen=True)
class Curve:
    """What is expected of one model under one schedule.

    Attributes:
        x: places on the figure's axis, ascending.
        shares: percent of the bound; None where no prediction applies.
        why_not: why none applies, where it does not; empty if it does everywhere.
    """

    x: tuple[float, ...]
    shares: tuple[float | None, ...]
    why_not: str

    @property
    def drawn(self) -> bool:
        """Whether there is anything to draw."""
        return any(share is not None for share in self.shares)


@dataclass(frozen=True)
class Band:
    """Where one thing limits: from one place of the axis to another."""

    left: float
    right: float
    limits: str


@dataclass(frozen=True)
class Expectation:
    """What is expected of one model: its curves by schedule, and what limits where."""

    curves: dict[str, Curve]
    bands: tuple[Band, ...]


def grid(values: Sequence[int]) -> tuple[int, ...]:
    """The points' values and others between them, ascending, evenly on a logarithmic axis."""
    import numpy as np  # here, for every run loads this module, and only a sweep needs it

    between = np.geomspace(min(values), max(values), GRID)
    return tuple(sorted({*values, *(round(float(value)) for value in between)}))


def expectation(run: SweepRun, model: str) -> Expectation:
    """The curves of one model between the first and the last point that were run."""
    cases = [(value, run.case(model, value)) for value in grid(list(run.runs))]
    x = tuple(run.x(case, value) for value, case in cases)
    mosts = [run.most(case) for _, case in cases]
    curves = {}
    for name, schedule in run.schedules.items():
        shares: list[float | None] = []
        reasons: dict[str, None] = {}
        for (_, case), most in zip(cases, mosts, strict=True):
            rate, why_not = predicted(schedule, case)
            if rate is None:
                reasons[why_not] = None
                shares.append(None)
            else:
                shares.append(100 * rate / most)
        curves[name] = Curve(x, tuple(shares), "; ".join(reasons))
    return Expectation(curves, _bands(x, [limits(case.bound) for _, case in cases]))


def _bands(x: Sequence[float], words: Sequence[str]) -> tuple[Band, ...]:
    """Neighbours with the same limit; halfway between two (on the axis) it changes."""
    bands: list[Band] = []
    for place, text in zip(x, words, strict=True):
        if bands and bands[-1].limits == text:
            bands[-1] = Band(bands[-1].left, place, text)
        elif bands:
            middle = (bands[-1].right * place) ** 0.5
            bands[-1] = Band(bands[-1].left, middle, bands[-1].limits)
            bands.append(Band(middle, place, text))
        else:
            bands.append(Band(place, place, text))
    return tuple(bands)
