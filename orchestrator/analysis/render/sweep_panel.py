"""One panel of a sweep's figure: a model's share of the bound, measured and predicted."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation

from orchestrator.analysis.render.run_panel import FAINT, INK, SOFT, colours
from orchestrator.analysis.tables.sweep.curves import Curve, Expectation
from orchestrator.analysis.tables.sweep.rows import Place

WIDTH, HEIGHT = 3.75, 2.75
"""Inches of a panel."""

_MARKERS = "osD^vPX<>*"
# What is pale as a line is darker than as a bar.
_DARKER = {"#B4B9BF": "#6F7881", "#F0E442": "#A89B00", "#56B4E9": "#2E9BDB", "#CC79A7": "#B5548B"}
_BAND = "#F3F5F7"
_BOUND = "#0B6E4F"
_RED, _BROWN = "#B3261E", "#8A5A00"
_SIGNS = {"doubtful": ("?", _BROWN), "unusable": ("\u2715", _RED)}

_TOP = 128.0  # percent at the upper edge: above 100 % the panel names who wins, and what limits
_WINNERS = 108.0
_STEP = 4.4  # points from one schedule's marker to the next one's, where they would hide each other
_ALIKE = 0.8  # percent of the bound within which two curves are drawn as one, in turns
_BAND_LINES = 3  # of what limits; more would reach who wins
_TICK_GAP = 0.33  # inches between ticks, at least
_EDGE = 0.07  # of the axis's length, left and right of the outermost points


@dataclass(frozen=True)
class Look:
    """How a schedule is drawn."""

    colour: str
    marker: str


def looks(schedules: Sequence[str], baseline: str) -> dict[str, Look]:
    """A colour, that of the figure with bars, and a marker for every schedule."""
    fill = colours(schedules, baseline)
    return {
        name: Look(_DARKER.get(fill[name], fill[name]), _MARKERS[number % len(_MARKERS)])
        for number, name in enumerate(schedules)
    }


def draw_panel(
    axes: Axes, places: Sequence[Place], expected: Expectation, look: Mapping[str, Look]
) -> None:
    """Draw one model; `places` in the order of their values."""
    _frame(axes, places, expected)
    _curves(axes, expected.curves, look)
    names = list(look)
    for number, name in enumerate(names):
        step = _STEP * (number - (len(names) - 1) / 2)
        for place in places:
            if name in place.cells:
                _measured(axes, place, name, look[name], step)
    for place in places:
        _winners(axes, place, look)


def legend(
    places: Sequence[Place], expected: Sequence[Expectation], look: Mapping[str, Look]
) -> tuple[list[Any], list[str]]:
    """Handles and labels of what the panels show."""
    handles: list[Any] = []
    labels: list[str] = []
    for name, own in look.items():
        drawn = any(one.curves[name].drawn for one in expected)
        line: dict[str, Any] = {"linestyle": "--" if drawn else "none"}
        handles.append(Line2D([], [], color=own.colour, **line, **_marker(own)))
        labels.append(name)
    cells = [cell for place in places for cell in place.cells.values()]
    handles.append(Line2D([], [], color=SOFT, linestyle="--", linewidth=1.2))
    labels.append("predicted, simulated")
    if any(cell.row.imgs_per_sec.half_width is not None for cell in cells):
        handles.append(Line2D([], [], color=INK, marker="|", markersize=9, linestyle="none"))
        labels.append("95 % Student interval")
    handles.append(Line2D([], [], color=_BOUND, linewidth=1.0))
    labels.append("bound: no schedule is above")
    levels = {cell.row.verdict.level for cell in cells}
    for level, (sign, ink) in _SIGNS.items():
        if level in levels:
            handles.append(
                Line2D([], [], color=ink, marker=f"${sign}$", markersize=5, linestyle="none")
            )
            labels.append(level)
    return handles, labels


def _marker(own: Look) -> dict[str, Any]:
    return {
        "marker": own.marker,
        "markersize": 5.2,
        "markerfacecolor": own.colour,
        "markeredgecolor": "white",
        "markeredgewidth": 0.5,
    }


def _frame(axes: Axes, places: Sequence[Place], expected: Expectation) -> None:
    left, right = _limits(axes, places, expected)
    axes.set_ylim(0, _TOP)
    axes.set_yticks([0, 20, 40, 60, 80, 100])
    axes.tick_params(axis="both", length=0, colors=SOFT, labelsize=7, pad=2)
    axes.minorticks_off()
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(SOFT)
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    ticks = _ticks(places, left, right)
    axes.set_xticks([place.x for place in ticks], [_tick(place) for place in ticks])
    bands = expected.bands
    for number, band in enumerate(bands):
        first, last = number == 0, number == len(bands) - 1
        ends = (left if first else band.left, right if last else band.right)
        if number % 2:
            axes.axvspan(*ends, color=_BAND, zorder=0)
        width = WIDTH * _length(ends, (left, right))
        # Seven characters of this size are a little less than half an inch.
        lines = textwrap.wrap(
            band.limits, max(8, int(width * 15)), break_on_hyphens=False, max_lines=_BAND_LINES
        )
        if width > 0.45 or len(bands) == 1:
            middle = (ends[0] * ends[1]) ** 0.5
            place: dict[str, Any] = {"ha": "center", "va": "top", "size": 6.5, "color": SOFT}
            axes.text(middle, _TOP - 1, "\n".join(lines), linespacing=1.0, **place)
    axes.axhline(100, color=_BOUND, linewidth=1.0, zorder=1.5)
    axes.annotate(
        "fastest", (0, _WINNERS), xycoords=axes.get_yaxis_transform(), xytext=(-2, 0),
        textcoords="offset points", ha="right", va="center", size=6.5, color=SOFT,
    )  # fmt: skip


def _limits(axes: Axes, places: Sequence[Place], expected: Expectation) -> tuple[float, float]:
    """Set the logarithmic axis; its ends."""
    values = [place.x for place in places]
    values += [x for curve in expected.curves.values() for x in curve.x]
    low, high = min(values), max(values)
    if low == high:
        low, high = low / 2, high * 2
    air = (high / low) ** _EDGE
    axes.set_xscale("log")
    axes.set_xlim(low / air, high * air)
    return low / air, high * air


def _length(part: tuple[float, float], whole: tuple[float, float]) -> float:
    return log(part[1] / part[0]) / log(whole[1] / whole[0])


def _ticks(places: Sequence[Place], left: float, right: float) -> list[Place]:
    """The points that have a tick: all, unless their labels would touch."""
    kept: list[Place] = []
    for place in places:
        if not kept or WIDTH * _length((kept[-1].x, place.x), (left, right)) > _TICK_GAP:
            kept.append(place)
    return kept


def _tick(place: Place) -> str:
    if place.label.startswith("batch"):
        return f"{place.x:.2g}\n{place.text}"
    return place.text.replace(" ", "\n")


def _curves(axes: Axes, curves: Mapping[str, Curve], look: Mapping[str, Look]) -> None:
    """Dashed; curves that lie on each other take turns, so that none hides another."""
    left = [name for name in look if curves[name].drawn]
    while left:
        first = curves[left[0]]
        group = [name for name in left if _alike(first, curves[name])]
        for number, name in enumerate(group):
            dash = 4.0
            pause = 2.5 if len(group) == 1 else dash * (len(group) - 1)
            axes.plot(
                curves[name].x,
                [float("nan") if share is None else share for share in curves[name].shares],
                color=look[name].colour,
                linewidth=1.2,
                linestyle=(-dash * number, (dash, pause)),
                zorder=2,
            )
        left = [name for name in left if name not in group]


def _alike(one: Curve, other: Curve) -> bool:
    return all(
        (a is None) == (b is None) and abs((a or 0) - (b or 0)) < _ALIKE
        for a, b in zip(one.shares, other.shares, strict=True)
    )


def _measured(axes: Axes, place: Place, name: str, own: Look, step: float) -> None:
    row = place.cells[name].row
    percent = 100 / place.bound
    rate, level = row.imgs_per_sec, row.verdict.level
    figure = axes.figure
    assert isinstance(figure, Figure)
    moved = axes.transData + ScaledTranslation(step / 72, 0, figure.dpi_scale_trans)
    common: dict[str, Any] = {"transform": moved, "color": own.colour, "zorder": 3}
    common["alpha"] = 1.0 if level == "ok" else 0.5
    if rate.interval is not None:
        low, high = (percent * end for end in rate.interval)
        axes.plot([place.x, place.x], [low, high], linewidth=1.3, **common)
    axes.plot([place.x], [percent * rate.mean], linestyle="none", **common, **_marker(own))
    if level != "ok":
        sign, ink = _SIGNS[level]
        # Above the bound it would stand on those that win.
        offset, side = (-3.5, "top") if percent * rate.mean > 100 else (3.5, "baseline")
        axes.annotate(
            sign, (place.x, percent * rate.mean), xycoords=moved, xytext=(0, offset),
            textcoords="offset points", ha="center", va=side, size=6.5, weight="bold", color=ink,
            zorder=4, annotation_clip=True,
        )  # fmt: skip


def _winners(axes: Axes, place: Place, look: Mapping[str, Look]) -> None:
    """Above the bound: the fastest, and beside it those that are as fast within the noise."""
    standing = {name: cell.standing for name, cell in place.cells.items() if cell.standing}
    order = sorted((name for name in look if name in standing), key=lambda n: standing[n] != "wins")
    figure = axes.figure
    assert isinstance(figure, Figure)
    for number, name in enumerate(order):
        step = 6.0 * (number - (len(order) - 1) / 2)
        moved = axes.transData + ScaledTranslation(step / 72, 0, figure.dpi_scale_trans)
        axes.plot([place.x], [_WINNERS], transform=moved, zorder=4, clip_on=False,
                  linestyle="none", **_marker(look[name]))  # fmt: skip
