"""Marks in a sweep's panel: where schedules start or stop to be faster than the baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import log
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from orchestrator.analysis.render.run_panel import INK
from orchestrator.analysis.render.sweep_panel import Look
from orchestrator.analysis.tables.sweep.paying import Paying
from orchestrator.analysis.tables.sweep.rows import Place


def draw_crossings(
    axes: Axes, places: Sequence[Place], pays: Sequence[Paying], look: Mapping[str, Look]
) -> None:
    """Mark every measured crossing on the baseline's line between two points.

    Args:
        axes: of one panel.
        places: its points, in the order of the values.
        pays: of its schedules.
        look: how each is drawn.
    """
    for one in pays:
        for value in one.measured.values:
            x, y = _spot(places, value)
            axes.plot([x], [y], zorder=5, linestyle="none", **_marker(look[one.schedule].colour))


def crossing_handle() -> Line2D:
    """What the legend shows for such a mark."""
    return Line2D([], [], linestyle="none", **_marker(INK))


def _marker(colour: str) -> dict[str, Any]:
    return {
        "marker": "d",
        "markersize": 7.5,
        "markerfacecolor": "none",
        "markeredgecolor": colour,
        "markeredgewidth": 1.4,
    }


def _spot(places: Sequence[Place], value: float) -> tuple[float, float]:
    """Where a value is on the axis, and the baseline's share of the bound there."""
    low, high = next(
        (low, high)
        for low, high in pairwise(places)
        if float(low.values[0]) <= value <= float(high.values[0])
    )
    part = log(value / float(low.values[0])) / log(float(high.values[0]) / float(low.values[0]))
    first, last = (_share(place) for place in (low, high))
    return low.x * (high.x / low.x) ** part, first + part * (last - first)


def _share(place: Place) -> float:
    baseline = next(iter(place.cells.values())).row.baseline
    cell = place.cells.get(baseline)
    return 100.0 if cell is None else 100 * cell.row.imgs_per_sec.mean / place.bound
