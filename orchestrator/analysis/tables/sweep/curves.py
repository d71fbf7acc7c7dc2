"""Predicted curves of a sweep, on a grid between its first and last point (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.analysis.tables.sweep.rows import SweepRun, predicted
from orchestrator.predict import limits
from orchestrator.spec import Values

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
    """What is expected of one model.

    Attributes:
        curves: by schedule.
        bands: what limits where.
        values: of the first variable, at the curves' places.
    """

    curves: dict[str, Curve]
    bands: tuple[Band, ...]
    values: tuple[float, ...] = ()


def grid(values: Sequence[int]) -> tuple[int, ...]:
    """The points' values and others between them, ascending, evenly on a logarithmic axis."""
    import numpy as np  # here, for every run loads this module, and only a sweep needs it

    between = np.geomspace(min(values), max(values), GRID)
    return tuple(sorted({*values, *(round(float(value)) for value in between)}))


def expectation(run: SweepRun, model: str, beside: Values = ()) -> Expectation:
    """The curves of one model between the first and the last point that were run.

    Args:
        run: the sweep.
        model: its name.
        beside: the value of the second variable, if there is one.
    """
    grid_points = [(values, run.at(values)) for values in _between(run, beside)]
    cases = [(values, at, run.case(model, at)) for values, at in grid_points]
    x = tuple(run.x(case, values) for values, _, case in cases)
    mosts = [run.most(case, at) for _, at, case in cases]
    curves = {}
    for name in run.names:
        shares: list[float | None] = []
        reasons: dict[str, None] = {}
        for (_, at, case), most in zip(cases, mosts, strict=True):
            rate, why_not = predicted(at.schedules.get(name), case)
            if rate is None:
                reasons[why_not] = None
                shares.append(None)
            else:
                shares.append(100 * rate / most)
        curves[name] = Curve(x, tuple(shares), "; ".join(reasons))
    bands = _bands(x, [limits(case.bound) for _, _, case in cases])
    first = run.sweep.first
    return Expectation(curves, bands, tuple(first.rank(values[0]) for values, _, _ in cases))


def _between(run: SweepRun, beside: Values) -> list[Values]:
    """The points that were run, ascending; and values between them, if there can be any."""
    first = run.sweep.first
    values = [values[0] for values in run.runs if values[1:] == beside]
    if not first.continuous:
        return [(value, *beside) for value in sorted(values, key=first.rank)]
    return [(value, *beside) for value in grid([int(value) for value in values])]


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
