"""The figure of a run: imgs/sec of every model under every schedule, beside the published values.

One small panel per model with its own axis, since models differ tenfold in imgs/sec and bars must
start at zero. All sizes are in inches and placed by hand: the layout, and with it the file, depends
on nothing but the rows.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from math import ceil

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from orchestrator.collector.panel import (
    BARS,
    INK,
    PITCH,
    SOFT,
    colours,
    draw_panel,
    legend,
    panel_height,
)
from orchestrator.collector.summary import Row

DPI = 150

_PER_LINE = 5  # panels, as long as the figure stays below the widest
_NARROWEST, _WIDEST = 5.4, 12.0
_GUTTER = 0.50  # left of a panel, for its tick labels
_NAME, _VERDICT = 0.36, 0.13  # under a panel: the model's name, and verdicts if there are any
_TITLE_LINE, _LEGEND_LINE, _CAPTION_LINE = 0.22, 0.22, 0.145
_AIR = 0.13  # between title, legend, panels and caption
_MARGIN = 0.12
# Characters per inch that fit for sure, in the sizes of title, legend and caption.
_TITLE_TEXT, _LEGEND_TEXT, _CAPTION_TEXT = 9.8, 14.5, 17.5


@dataclass(frozen=True)
class Caption:
    """What is said of the run around its panels.

    Attributes:
        title: stands above.
        text: what was measured, how and how well; stands below. Both are wrapped.
    """

    title: str
    text: str


@dataclass(frozen=True)
class Images:
    """The files' contents."""

    png: bytes
    svg: bytes


def draw(rows: Sequence[Row], caption: Caption) -> Images:
    """Draw at least one row; equal rows give equal bytes (with one version of matplotlib)."""
    with style():
        return render(compose(rows, caption))


def render(drawing: Figure) -> Images:
    """The files of a figure, within `style`."""
    png, svg = io.BytesIO(), io.BytesIO()
    # The SVG would otherwise carry the date, the PNG matplotlib's version.
    drawing.savefig(png, format="png", dpi=DPI, metadata={"Software": None})
    drawing.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
    return Images(png.getvalue(), svg.getvalue())


def style() -> AbstractContextManager[None]:
    """Settings of matplotlib under which the figure is composed and rendered."""
    return mpl.rc_context(
        {
            "font.family": "DejaVu Sans",  # comes with matplotlib
            "font.size": 8,
            "hatch.linewidth": 0.7,
            "text.color": INK,
            "svg.hashsalt": "dmlbed",
        }
    )


def compose(rows: Sequence[Row], caption: Caption) -> Figure:
    """Lay the figure out, within `style`; `draw` renders it."""
    models = list(dict.fromkeys(row.model for row in rows))
    schedules = list(dict.fromkeys(row.schedule for row in rows))
    fill = colours(schedules)
    handles, labels = legend(rows, schedules, fill)

    panel_width, panel = max(2, len(schedules)) * PITCH, panel_height(rows)
    slot = _GUTTER + panel_width
    fitting = min(_PER_LINE, max(1, int((_WIDEST - 2 * _MARGIN) / slot)))
    lines = ceil(len(models) / fitting)
    per_line = ceil(len(models) / lines)  # as many panels in every line as can be
    width = max(_NARROWEST, per_line * slot + 2 * _MARGIN)
    # Few panels stand in the middle of the narrowest figure rather than being stretched.
    left = (width - per_line * slot - _GUTTER / 2) / 2 if width == _NARROWEST else _MARGIN
    inner = width - 2 * _MARGIN
    title = textwrap.wrap(caption.title, int(inner * _TITLE_TEXT))
    text = textwrap.wrap(caption.text, int(inner * _CAPTION_TEXT))
    columns = legend_columns(labels, inner)
    verdict = 0.0 if all(row.verdict.level == "ok" for row in rows) else _VERDICT
    legend_at = _MARGIN + len(title) * _TITLE_LINE + _AIR / 2
    head = legend_at + ceil(len(labels) / columns) * _LEGEND_LINE + _AIR
    line_height = panel + verdict + _NAME
    foot = _AIR + len(text) * _CAPTION_LINE + _MARGIN
    height = head + lines * line_height + foot

    drawing = Figure(figsize=(width, height), facecolor="white")
    FigureCanvasAgg(drawing)
    edge = _MARGIN / width
    place = (edge, 1 - _MARGIN / height)
    drawing.text(*place, "\n".join(title), size=11, weight="bold", va="top")
    drawing.legend(
        handles,
        labels,
        loc="upper left",
        bbox_to_anchor=(edge, 1 - legend_at / height),
        ncols=columns,
        frameon=False,
        borderpad=0,
        borderaxespad=0,
        handletextpad=0.5,
        columnspacing=1.4,
    )
    for number, model in enumerate(models):
        line, column = divmod(number, per_line)
        x = left + column * slot + _GUTTER
        y = height - head - line * line_height - panel
        axes = drawing.add_axes((x / width, y / height, panel_width / width, panel / height))
        draw_panel(axes, [row for row in rows if row.model == model], schedules, fill, panel)
        axes.set_xlabel(model, size=9, weight="bold", color=INK)
        axes.xaxis.set_label_coords(0.5, -(verdict + 0.07) / panel)
        if column == 0:
            axes.set_ylabel("imgs/sec", color=SOFT, y=BARS / panel / 2)
    place = (edge, _MARGIN / height)
    drawing.text(*place, "\n".join(text), size=7, color=SOFT, va="bottom", linespacing=1.35)
    return drawing


def legend_columns(labels: Sequence[str], width: float) -> int:
    """As many columns as fit; a column is as wide as its longest label."""
    for columns in range(len(labels), 1, -1):
        filled = np.array_split([len(label) for label in labels], columns)  # as matplotlib does
        if sum(max(column) / _LEGEND_TEXT + 0.43 for column in filled) <= width:
            return columns
    return 1
