"""The figure of a sweep: per model how near every schedule comes to the bound, and who wins where.

Sizes are in inches and placed by hand, as in the figure of a run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

from matplotlib.figure import Figure

from orchestrator.analysis.caption import Caption, Images
from orchestrator.analysis.render.canvas import MARGIN, Sheet, render, style
from orchestrator.analysis.render.run_panel import INK, SOFT
from orchestrator.analysis.render.sweep_crossings import crossing_handle, draw_crossings
from orchestrator.analysis.render.sweep_panel import HEIGHT, WIDTH, draw_panel, legend, looks
from orchestrator.analysis.tables.columns.units import heading
from orchestrator.analysis.tables.sweep.curves import Expectation
from orchestrator.analysis.tables.sweep.paying import Paying
from orchestrator.analysis.tables.sweep.rows import Place

_PER_LINE = 3
_GUTTER = 0.5  # left of a panel, for its tick labels
_FOOT = 0.55  # under a panel: tick labels and what the axis is
_NAME = 0.24  # above a panel
_NARROWEST = 5.6


def draw_sweep(
    places: Sequence[Place],
    expected: Mapping[str, Expectation],
    schedules: Sequence[str],
    axis: str,
    caption: Caption,
    *,
    pays: Sequence[Paying] = (),
) -> Images:
    """Draw at least one place; equal input gives equal bytes (with one version of matplotlib).

    Args:
        places: panel by panel, each in the order of the values.
        expected: by panel.
        schedules: in the order of the experiment.
        axis: what the horizontal axis is.
        caption: the texts around the panels.
        pays: where schedules start or stop to be faster than the baseline, which is marked.
    """
    with style():
        return render(compose(places, expected, schedules, axis, caption, pays=pays))


def compose(
    places: Sequence[Place],
    expected: Mapping[str, Expectation],
    schedules: Sequence[str],
    axis: str,
    caption: Caption,
    *,
    pays: Sequence[Paying] = (),
) -> Figure:
    """Lay the figure out, within `style`; `draw_sweep` renders it."""
    panels = list(dict.fromkeys(place.panel for place in places))
    cells = [cell for place in places for cell in place.cells.values()]
    look = looks(schedules, cells[0].row.baseline)
    lines = ceil(len(panels) / _PER_LINE)
    per_line = ceil(len(panels) / lines)
    slot = _GUTTER + WIDTH
    width = max(_NARROWEST, per_line * slot + 2 * MARGIN)
    left = (width - per_line * slot) / 2
    line_height = _NAME + HEIGHT + _FOOT

    handles, labels = legend(places, [expected[panel] for panel in panels], look)
    if any(one.measured.values for one in pays):
        handles.append(crossing_handle())
        labels.append("starts or stops to pay")
    sheet = Sheet(caption, handles, labels, width, lines * line_height)
    for number, panel in enumerate(panels):
        line, column = divmod(number, per_line)
        x = left + column * slot + _GUTTER
        axes = sheet.panel(x, line * line_height + _NAME, WIDTH, HEIGHT)
        panel_places = [place for place in places if place.panel == panel]
        draw_panel(axes, panel_places, expected[panel], look)
        draw_crossings(axes, panel_places, [one for one in pays if one.panel == panel], look)
        axes.set_title(panel, size=9, weight="bold", color=INK, pad=4)
        axes.set_xlabel(axis, size=7.5, color=SOFT)
        if column == 0:
            unit = heading({place.case.model.rate_unit for place in places})
            axes.set_ylabel(f"{unit}, percent of the bound", color=SOFT, size=7.5, y=50 / 128)
    return sheet.figure
