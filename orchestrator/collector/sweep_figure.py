"""The figure of a sweep: per model how near every schedule comes to the bound, and who wins where.

Sizes are in inches and placed by hand, as in the figure of a run.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from math import ceil

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from orchestrator.collector.figure import Caption, Images, legend_columns, render, style
from orchestrator.collector.panel import INK, SOFT
from orchestrator.collector.sweep import Place
from orchestrator.collector.sweep_curves import Expectation
from orchestrator.collector.sweep_panel import HEIGHT, WIDTH, draw_panel, legend, looks

_PER_LINE = 3
_GUTTER = 0.5  # left of a panel, for its tick labels
_FOOT = 0.55  # under a panel: tick labels and what the axis is
_NAME = 0.24  # above a panel
_TITLE_LINE, _LEGEND_LINE, _CAPTION_LINE = 0.22, 0.2, 0.145
_AIR, _MARGIN = 0.12, 0.12
_NARROWEST = 5.6
# Characters per inch that fit for sure, in the sizes of title and caption.
_TITLE_TEXT, _CAPTION_TEXT = 9.8, 17.5


def draw_sweep(
    places: Sequence[Place],
    expected: Mapping[str, Expectation],
    schedules: Sequence[str],
    axis: str,
    caption: Caption,
) -> Images:
    """Draw at least one place; equal input gives equal bytes (with one version of matplotlib).

    Args:
        places: model by model, each in the order of the values.
        expected: by model.
        schedules: in the order of the experiment.
        axis: what the horizontal axis is.
        caption: what is said around the panels.
    """
    with style():
        return render(compose(places, expected, schedules, axis, caption))


def compose(
    places: Sequence[Place],
    expected: Mapping[str, Expectation],
    schedules: Sequence[str],
    axis: str,
    caption: Caption,
) -> Figure:
    """Lay the figure out, within `style`; `draw_sweep` renders it."""
    models = list(dict.fromkeys(place.model for place in places))
    look = looks(schedules)
    handles, labels = legend(places, [expected[model] for model in models], look)
    lines = ceil(len(models) / _PER_LINE)
    per_line = ceil(len(models) / lines)
    slot = _GUTTER + WIDTH
    width = max(_NARROWEST, per_line * slot + 2 * _MARGIN)
    inner = width - 2 * _MARGIN
    left = _MARGIN + max(0.0, (inner - per_line * slot) / 2)
    title = textwrap.wrap(caption.title, int(inner * _TITLE_TEXT))
    text = textwrap.wrap(caption.text, int(inner * _CAPTION_TEXT))
    columns = legend_columns(labels, inner)
    legend_at = _MARGIN + len(title) * _TITLE_LINE + _AIR / 2
    head = legend_at + ceil(len(labels) / columns) * _LEGEND_LINE + _AIR
    line_height = _NAME + HEIGHT + _FOOT
    height = head + lines * line_height + _AIR + len(text) * _CAPTION_LINE + _MARGIN

    drawing = Figure(figsize=(width, height), facecolor="white")
    FigureCanvasAgg(drawing)
    edge = _MARGIN / width
    drawing.text(edge, 1 - _MARGIN / height, "\n".join(title), size=11, weight="bold", va="top")
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
        y = height - head - line * line_height - _NAME - HEIGHT
        axes = drawing.add_axes((x / width, y / height, WIDTH / width, HEIGHT / height))
        own = [place for place in places if place.model == model]
        draw_panel(axes, own, expected[model], look)
        axes.set_title(model, size=9, weight="bold", color=INK, pad=4)
        axes.set_xlabel(axis, size=7.5, color=SOFT)
        if column == 0:
            axes.set_ylabel("imgs/sec, percent of the bound", color=SOFT, size=7.5, y=50 / 128)
    drawing.text(edge, _MARGIN / height, "\n".join(text), size=7, color=SOFT, va="bottom",
                 linespacing=1.35)  # fmt: skip
    return drawing
