"""The figure of real training: loss and held-out accuracy against the real system's time.

A column per model, a line per schedule and repeat. Sizes are in inches and placed by hand, as in
the figure of a run.
"""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from orchestrator.analysis.caption import Caption, Images
from orchestrator.analysis.measures.learning import Learnt
from orchestrator.analysis.render.canvas import MARGIN, Sheet, render, style
from orchestrator.analysis.render.run_panel import FAINT, INK, SOFT
from orchestrator.analysis.render.sweep_panel import Look, looks
from orchestrator.analysis.tables.row import Row

_WIDTH, _HEIGHT = 4.6, 1.9  # of a panel
_GUTTER = 0.55  # left of a panel, for its tick labels
_BETWEEN = 0.3  # between loss and accuracy
_NAME, _FOOT = 0.24, 0.45  # above and below the two
_NARROWEST = 5.6


def draw_learning(rows: Sequence[Row], caption: Caption) -> Images:
    """Draw rows of which at least one learned; equal rows give equal bytes."""
    with style():
        return render(compose(rows, caption))


def compose(rows: Sequence[Row], caption: Caption) -> Figure:
    """Lay the figure out, within `style`; `draw_learning` renders it."""
    learnt_rows = [row for row in rows if any(trial.learnt for trial in row.trials)]
    places = list(dict.fromkeys(row.choices.common for row in learnt_rows))
    look = looks(list(dict.fromkeys(row.schedule for row in rows)), rows[0].baseline)
    names = list(dict.fromkeys(row.schedule for row in learnt_rows))
    handles = [Line2D([], [], color=look[name].colour, linewidth=1.6) for name in names]
    width = max(_NARROWEST, len(places) * (_GUTTER + _WIDTH) + 2 * MARGIN)
    height = _NAME + 2 * _HEIGHT + _BETWEEN + _FOOT
    sheet = Sheet(caption, handles, names, width, height)
    for column, place in enumerate(places):
        x = MARGIN + column * (_GUTTER + _WIDTH) + _GUTTER
        upper = sheet.panel(x, _NAME, _WIDTH, _HEIGHT)
        lower = sheet.panel(x, _NAME + _HEIGHT + _BETWEEN, _WIDTH, _HEIGHT)
        panel_rows = [row for row in learnt_rows if row.choices.common == place]
        last = max(one.losses[-1][0] for row in panel_rows for one in _learnt(row))
        for axes in (upper, lower):
            _frame(axes, last)
        for row in panel_rows:
            for one in _learnt(row):
                _lines(upper, lower, one, look[row.schedule])
        _target(lower, panel_rows)
        top = max(loss for row in panel_rows for one in _learnt(row) for _, loss in one.losses)
        upper.set_ylim(0, 1.05 * top)
        lower.set_ylim(0, 104)
        for axes in (upper, lower):
            _ticks(axes)
        upper.set_title(str(place), size=9, weight="bold", color=INK, pad=4)
        lower.set_xlabel("seconds of the real system", size=7.5, color=SOFT)
        if not column:
            upper.set_ylabel("loss of the batches", color=SOFT, size=7.5)
            lower.set_ylabel("held-out accuracy, %", color=SOFT, size=7.5)
    return sheet.figure


def _learnt(row: Row) -> list[Learnt]:
    return [trial.learnt for trial in row.trials if trial.learnt]


def _frame(axes: Axes, last: float) -> None:
    axes.set_xlim(0, last)
    axes.tick_params(axis="both", length=0, colors=SOFT, labelsize=7)
    axes.tick_params(axis="y", pad=2)
    axes.tick_params(axis="x", pad=6)  # or the lowest value beside the axis would touch zero
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(SOFT)
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)


def _ticks(axes: Axes) -> None:
    """Those inside the panel: matplotlib has one more on either side, which is not drawn."""
    for axis, (least, most) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        axis.set_ticks([tick for tick in axis.get_ticklocs() if least <= tick <= most])


def _lines(upper: Axes, lower: Axes, one: Learnt, look: Look) -> None:
    upper.plot(*zip(*one.losses, strict=True), color=look.colour, linewidth=0.9)
    if not one.accuracies:
        return
    seconds = [second for second, _ in one.accuracies]
    percent = [100 * value for _, value in one.accuracies]
    lower.plot(seconds, percent, color=look.colour, linewidth=1.2)
    reached = one.seconds_to_target
    if reached is not None:
        percent_reached = dict(zip(seconds, percent, strict=True))[reached]
        lower.plot(
            [reached], [percent_reached], marker=look.marker, color=look.colour, markersize=5.2,
            markeredgecolor="white", markeredgewidth=0.5, zorder=3,
        )  # fmt: skip


def _target(axes: Axes, rows: Sequence[Row]) -> None:
    targets = {one.target for row in rows for one in _learnt(row) if one.target is not None}
    for target in targets:
        axes.axhline(100 * target, color=SOFT, linewidth=0.8, linestyle="--", zorder=1)
