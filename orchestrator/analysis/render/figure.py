"""The figure of a run: imgs/sec of every model under every schedule, beside the published values.

One small panel per model with its own axis, since models differ tenfold in imgs/sec and bars must
start at zero. All sizes are in inches and placed by hand: the layout, and with it the file, depends
on nothing but the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from matplotlib.figure import Figure

from orchestrator.analysis.caption import Caption, Images
from orchestrator.analysis.render.canvas import MARGIN, Sheet, render, style
from orchestrator.analysis.render.run_panel import (
    BARS,
    INK,
    PITCH,
    SOFT,
    colours,
    draw_panel,
    legend,
    panel_height,
)
from orchestrator.analysis.tables.columns.units import heading
from orchestrator.analysis.tables.row import Row
from orchestrator.spec.experiment.choices import Choices
from orchestrator.spec.experiment.programs import IMGS_PER_SEC

_PER_LINE = 5  # panels, as long as the figure stays below the widest
_NARROWEST, _WIDEST = 5.4, 12.0
_GUTTER = 0.50  # left of a panel, for its tick labels
_Place = tuple[Choices, str]  # of a panel: what its rows have in common, and their unit
_NAME, _VERDICT = 0.36, 0.13  # under a panel: the model's name, and verdicts if there are any


def draw(rows: Sequence[Row], caption: Caption) -> Images:
    """Draw at least one row; equal rows give equal bytes (with one version of matplotlib)."""
    with style():
        return render(compose(rows, caption))


def compose(rows: Sequence[Row], caption: Caption) -> Figure:
    """Lay the figure out, within `style`; `draw` renders it."""
    # Each unit has its own axis.
    places = list(dict.fromkeys((row.choices.common, row.unit) for row in rows))
    schedules = list(dict.fromkeys(row.choices.compared for row in rows))
    fill = colours(schedules, rows[0].baseline)

    of_place = {place: _compared(place, rows) for place in places}
    slots = max(2, *map(len, of_place.values()))
    panel_width, panel = slots * PITCH, panel_height(rows)
    slot = _GUTTER + panel_width
    fitting = min(_PER_LINE, max(1, int((_WIDEST - 2 * MARGIN) / slot)))
    lines = ceil(len(places) / fitting)
    per_line = ceil(len(places) / lines)  # as many panels in every line as can be
    width = max(_NARROWEST, per_line * slot + 2 * MARGIN)
    # A few panels are placed in the middle of the narrowest figure rather than being stretched.
    left = (width - per_line * slot - _GUTTER / 2) / 2 if width == _NARROWEST else MARGIN
    verdict = 0.0 if all(row.verdict.level == "ok" for row in rows) else _VERDICT
    line_height = panel + verdict + _NAME

    sheet = Sheet(caption, *legend(rows, schedules, fill), width, lines * line_height)
    for number, place in enumerate(places):
        line, column = divmod(number, per_line)
        axes = sheet.panel(left + column * slot + _GUTTER, line * line_height, panel_width, panel)
        panel_rows = [row for row in rows if (row.choices.common, row.unit) == place]
        draw_panel(axes, panel_rows, of_place[place], fill, panel, slots=slots)
        axes.set_xlabel(_label(*place), size=9, weight="bold", color=INK)
        axes.xaxis.set_label_coords(0.5, -(verdict + 0.07) / panel)
        if column == 0:
            axes.set_ylabel(heading({row.unit for row in rows}), color=SOFT, y=BARS / panel / 2)
    return sheet.figure


def _compared(place: _Place, rows: Sequence[Row]) -> list[str]:
    """The bars of a panel: its own programs, and every schedule if it has any."""
    panel_rows = [row for row in rows if (row.choices.common, row.unit) == place]
    trained = any(not row.choices.program for row in panel_rows)
    compared = {row.choices.compared for row in panel_rows}
    return list(
        dict.fromkeys(
            row.choices.compared
            for row in rows
            if row.choices.compared in compared or (trained and not row.choices.program)
        )
    )


def _label(common: Choices, unit: str) -> str:
    """`alexnet`, `programs`, or `programs (Mbit/s)`."""
    name = str(common) or "programs"
    return name if unit == IMGS_PER_SEC else f"{name} ({unit})"
