"""One panel of the figure: a model's bars, their repeats, intervals, verdicts and speed-ups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.path import Path as MarkerPath
from matplotlib.ticker import MaxNLocator

from orchestrator.analysis.measures.statistics import Estimate
from orchestrator.analysis.tables.row import Row
from orchestrator.analysis.verdict import Level, worst
from orchestrator.spec import number_text

INK, SOFT, FAINT = "#1D232A", "#59626C", "#D9DDE1"

# Okabe and Ito's palette: distinct under every common colour blindness. Grey for the baseline.
_BASELINE_COLOUR = "#B4B9BF"
_COLOURS = (
    "#56B4E9",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#F0E442",
    "#D55E00",
    "#0072B2",
    "#882255",
    "#6699CC",
    "#999933",
    "#332288",
    "#44AA99",
    "#661100",
    "#AA4499",
)
_RED = "#B3261E"
# A sign, a word and a hatch besides the ink: no verdict is told by colour alone.
_MARKS = {"doubtful": ("?", "#8A5A00", "//"), "unusable": ("\u2715", _RED, "xx")}

PITCH = 0.68
"""Inches from bar to bar."""
BARS = 1.62
"""Inches from zero to the highest mark of a panel."""
_BAR = 0.56 / PITCH  # width of a bar
_BRACKET = 0.53  # inches for a bracket and the three lines above it
_DARK = 0.4  # on a darker bar the figure is white
_MOST_BRACKETS = 3  # with more of them, every speed-up is drawn above its own bar
_GAP = 0.09  # inches from the highest mark to the first bracket
_LABEL = 0.13  # inches above the line of the bound, for its label

_REPEAT: dict[str, Any] = {
    "linestyle": "none",
    "marker": "o",
    "markersize": 3.6,
    "color": INK,
    "markeredgecolor": "white",
    "markeredgewidth": 0.5,
    "clip_on": False,
}
_INTERVAL: dict[str, Any] = {"color": INK, "capsize": 3, "elinewidth": 1.1, "capthick": 1.1}
_INTERVAL_SIGN: dict[str, Any] = {
    "linestyle": "none",
    "marker": MarkerPath(
        [(-0.45, -1), (0.45, -1), (0, -1), (0, 1), (-0.45, 1), (0.45, 1)], [1, 2, 1, 2, 1, 2]
    ),
    "markersize": 9,
    "markeredgecolor": INK,
    "markeredgewidth": 1.1,
}
_PUBLISHED: dict[str, Any] = {
    "linestyle": "none",
    "marker": "D",
    "markersize": 5,
    "color": "white",
    "markeredgecolor": _RED,
    "markeredgewidth": 1.3,
    "clip_on": False,
}

_BOUND: dict[str, Any] = {"color": "#0B6E4F", "linewidth": 0.9, "linestyle": (0, (5, 2))}


def colours(schedules: Sequence[str], baseline: str) -> dict[str, str]:
    """A colour per schedule."""
    others = [schedule for schedule in schedules if schedule != baseline]
    chosen = {other: _COLOURS[n % len(_COLOURS)] for n, other in enumerate(others)}
    return {baseline: _BASELINE_COLOUR, **chosen}


def panel_height(rows: Sequence[Row]) -> float:
    """Inches that the panel with the most speed-ups needs."""
    compared = Counter(row.choices.common for row in rows if row.speedup is not None)
    speedups = max(compared.values(), default=0)
    brackets = speedups if speedups <= _MOST_BRACKETS else 1
    label = _LABEL if any(row.bound_imgs_per_sec for row in rows) else 0.0
    return BARS + label + (_GAP + _BRACKET * brackets if brackets else 0.05)


def draw_panel(
    axes: Axes,
    rows: Sequence[Row],
    schedules: Sequence[str],
    fill: Mapping[str, str],
    high: float,
    *,
    slots: int,
) -> None:
    """Draw one model's rows.

    Args:
        axes: where.
        rows: of the model.
        schedules: what has a place in it; one without a row has no result.
        fill: colours.
        high: the height of `axes` in inches.
        slots: places that the axes are wide.
    """
    of = {row.choices.compared: row for row in rows}
    top = max(max(_extent(row)) for row in rows)
    inch = top / BARS
    bound = max((row.bound_imgs_per_sec or 0.0 for row in rows if not _program(row)), default=0.0)
    highest = max(top, bound + _LABEL * inch if bound else 0.0)
    middle = (len(schedules) - 1) / 2
    axes.set_xlim(middle - slots / 2, middle + slots / 2)
    axes.set_ylim(0, high * inch)
    axes.set_xticks([])
    axes.set_yticks([tick for tick in _ticks(top) if tick <= top])
    axes.tick_params(axis="y", length=0, colors=SOFT, labelsize=7, pad=2)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(SOFT)
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    for x, schedule in enumerate(schedules):
        if schedule in of:
            _bar(axes, x, of[schedule], fill[schedule])
        else:
            axes.text(x, 0.05 * inch, "no result", rotation=90, ha="center", size=7, color=SOFT)
        if schedule in of and _program(of[schedule]):
            _own_bound(axes, x, of[schedule])
    if bound:
        _bound(axes, bound)
    speedups = [(row, row.speedup) for row in rows if row.speedup is not None]
    for number, (row, speedup) in enumerate(speedups):
        level = worst([row.verdict.level, of[row.baseline].verdict.level])
        text, ink = f"{speedup.mean:+.1f} %", INK
        if level != "ok":
            sign, ink, _ = _MARKS[level]
            text = f"{sign} {text}"
        if len(speedups) > _MOST_BRACKETS:
            place = (float(schedules.index(row.choices.compared)), highest)
            detail = _detail(speedup, row.published_speedup, narrow=True)
            _stack(axes, place, (text, ink), detail, size=7)
            continue
        y = highest + (_GAP + _BRACKET * number) * inch
        ends = sorted((schedules.index(row.baseline), schedules.index(row.choices.compared)))
        foot = y - 0.045 * inch
        axes.plot([ends[0], *ends, ends[1]], [foot, y, y, foot], color=SOFT, linewidth=0.8)
        _stack(axes, (sum(ends) / 2, y), (text, ink), _detail(speedup, row.published_speedup))


def legend(
    rows: Sequence[Row], schedules: Sequence[str], fill: Mapping[str, str]
) -> tuple[list[Any], list[str]]:
    """Handles and labels of what the panels of these rows show."""
    handles: list[Any] = [Patch(color=fill[schedule]) for schedule in schedules]
    labels = list(schedules)
    handles.append(Line2D([], [], **_REPEAT))
    labels.append("one repeat")
    if any(row.imgs_per_sec.half_width is not None for row in rows):
        handles.append(Line2D([], [], **_INTERVAL_SIGN))
        labels.append("95 % Student interval")
    if any(row.bound_imgs_per_sec for row in rows):
        handles.append(Line2D([], [], **_BOUND))
        labels.append("bound: no schedule is above")
    if any(row.published for row in rows):
        handles.append(Line2D([], [], **_PUBLISHED))
        labels.append("published")
    levels: set[Level] = {row.verdict.level for row in rows}
    for level, (_, ink, hatch) in _MARKS.items():
        if level in levels:
            handles.append(Patch(facecolor="white", hatch=2 * hatch, edgecolor=ink))
            labels.append(level)
    return handles, labels


def _program(row: Row) -> bool:
    """Whether its bound is that of a program, which schedules do not have."""
    return bool(row.choices.program)


def _own_bound(axes: Axes, x: int, row: Row) -> None:
    """A bound over one bar only."""
    if row.bound_imgs_per_sec:
        ends = (x - _BAR / 2, x + _BAR / 2)
        axes.plot(ends, (row.bound_imgs_per_sec, row.bound_imgs_per_sec), **_BOUND)


def _bar(axes: Axes, x: int, row: Row, colour: str) -> None:
    rate, level = row.imgs_per_sec, row.verdict.level
    sign, ink, hatch = _MARKS.get(level, ("", "white", ""))
    fade = 1.0 if level == "ok" else 0.45
    look: dict[str, Any] = {"color": colour, "alpha": fade, "hatch": hatch, "edgecolor": ink}
    axes.bar(x, rate.mean, width=_BAR, linewidth=0, **look)
    repeats = [trial.imgs_per_sec for trial in row.trials]
    step = min(0.08, 0.22 / len(repeats))  # side by side, in order, left of the interval
    places = [x - 0.1 - step * (len(repeats) - n) for n in range(len(repeats))]
    axes.plot(places, repeats, **_REPEAT, zorder=4)
    if rate.half_width is not None:
        axes.errorbar(x, rate.mean, rate.half_width, **_INTERVAL, zorder=3)
    if row.published_mean is not None:
        axes.plot(x + 0.24, row.published_mean, **_PUBLISHED, zorder=5)
    common: dict[str, Any] = {"textcoords": "offset points", "ha": "center", "weight": "bold"}
    # On a hatched bar the figure needs a quiet ground.
    ground = None if level == "ok" else {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
    value = number_text(rate.mean, 3)
    dark = level == "ok" and _luminance(colour) < _DARK
    common["color"] = "white" if dark else INK
    axes.annotate(value, (x, 0), xytext=(0, 4), size=7.5, zorder=6, bbox=ground, **common)
    del common["color"]
    if level != "ok":
        place: dict[str, Any] = {"xytext": (0, -3), "va": "top", **common}
        axes.annotate(f"{sign} {level}", (x, 0), size=6.5, color=ink, **place)


def _luminance(colour: str) -> float:
    """Relative luminance of a colour, 0 to 1, by the weights of ITU-R BT.709."""
    red, green, blue = to_rgb(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _bound(axes: Axes, bound: float) -> None:
    """A line across the panel, and its value above its left end."""
    axes.axhline(bound, **_BOUND, zorder=2.5)
    place: dict[str, Any] = {"xytext": (1, 1.5), "textcoords": "offset points", "va": "bottom"}
    left = axes.get_xlim()[0]
    axes.annotate(
        f"bound {number_text(bound, 3)}", (left, bound), size=6.5, color=_BOUND["color"], **place
    )


def _stack(
    axes: Axes,
    place: tuple[float, float],
    headline: tuple[str, str],
    detail: Sequence[str],
    size: float = 9,
) -> None:
    """Lines of text above a place: details, and over them a headline (text, ink)."""
    common: dict[str, Any] = {"textcoords": "offset points", "ha": "center", "va": "bottom"}
    small: dict[str, Any] = {"size": 6.5, "color": SOFT, "linespacing": 1.15, **common}
    if detail:
        axes.annotate("\n".join(detail), place, xytext=(0, 2), **small)
    text, ink = headline
    above = (0, 3 + 8.6 * len(detail))
    axes.annotate(text, place, xytext=above, size=size, weight="bold", color=ink, **common)


def _detail(speedup: Estimate, published: float | None, *, narrow: bool = False) -> list[str]:
    lines = []
    if narrow and speedup.half_width is not None:
        lines.append(f"±{speedup.half_width:.1f}")
    elif speedup.interval is not None:
        low, high = speedup.interval
        lines.append(f"[{low:+.1f}, {high:+.1f}]")
    if published is not None:
        lines.append(f"publ. {published:+.1f} %")
    return lines


def _extent(row: Row) -> list[float]:
    """Everything of a row that the axis must hold."""
    interval = row.imgs_per_sec.interval
    return [
        row.imgs_per_sec.mean,
        row.bound_imgs_per_sec or 0.0,
        *([interval[1]] if interval else []),
        *(trial.imgs_per_sec for trial in row.trials),
        *([row.published_mean] if row.published_mean else []),
    ]


def _ticks(top: float) -> list[float]:
    return [float(tick) for tick in MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]).tick_values(0, top)]
