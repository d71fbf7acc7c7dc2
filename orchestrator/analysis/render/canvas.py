"""What all figures of results have in common: title and legend above, caption below, their files.

All sizes are in inches and placed by hand: the layout, and with it the file, depends on nothing but
what is drawn.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from contextlib import AbstractContextManager
from math import ceil
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from orchestrator.analysis.caption import Caption, Images
from orchestrator.analysis.render.run_panel import INK, SOFT

DPI = 150
MARGIN = 0.12
"""Around all that is drawn."""

_TITLE_LINE, _LEGEND_LINE, _CAPTION_LINE = 0.22, 0.22, 0.145
_AIR = 0.13  # between title, legend, panels and caption
# Characters per inch that fit for sure, in the sizes of title, legend and caption.
_TITLE_TEXT, _LEGEND_TEXT, _CAPTION_TEXT = 9.8, 14.5, 17.5


class Sheet:
    """A figure around panels that are still to be placed.

    Args:
        caption: title and text.
        handles: the legend's handles.
        labels: the legend's labels, in the same order.
        width: of the figure.
        panels_height: of the space between legend and caption.

    Attributes:
        figure: with everything but the panels.
        head: height of what is above the panels.
        height: of the figure.
    """

    def __init__(
        self,
        caption: Caption,
        handles: Sequence[Any],
        labels: Sequence[str],
        width: float,
        panels_height: float,
    ) -> None:
        inner = width - 2 * MARGIN
        title = balanced(caption.title, int(inner * _TITLE_TEXT))
        text = textwrap.wrap(caption.text, int(inner * _CAPTION_TEXT))
        columns = _legend_columns(labels, inner)
        legend_at = MARGIN + len(title) * _TITLE_LINE + _AIR / 2
        self.head = legend_at + ceil(len(labels) / columns) * _LEGEND_LINE + _AIR
        foot = _AIR + len(text) * _CAPTION_LINE + MARGIN
        self._width, self.height = width, self.head + panels_height + foot
        self.figure = Figure(figsize=(width, self.height), facecolor="white")
        FigureCanvasAgg(self.figure)
        edge = MARGIN / width
        place = (edge, 1 - MARGIN / self.height)
        self.figure.text(*place, "\n".join(title), size=11, weight="bold", va="top")
        self.figure.legend(
            handles,
            labels,
            loc="upper left",
            bbox_to_anchor=(edge, 1 - legend_at / self.height),
            ncols=columns,
            frameon=False,
            borderpad=0,
            borderaxespad=0,
            handletextpad=0.5,
            columnspacing=1.4,
        )
        place = (edge, MARGIN / self.height)
        self.figure.text(*place, "\n".join(text), size=7, color=SOFT, va="bottom", linespacing=1.35)

    def panel(self, left: float, top: float, width: float, height: float) -> Axes:
        """Axes at that place; `top` is counted from the legend downwards."""
        bottom = self.height - self.head - top - height
        return self.figure.add_axes(
            (left / self._width, bottom / self.height, width / self._width, height / self.height)
        )


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


def balanced(text: str, width: int) -> list[str]:
    """Wrap text into as few lines as fit, all about equally wide, so that no word is left alone."""

    def wrapped(width: int) -> list[str]:
        return textwrap.wrap(text, width, break_on_hyphens=False)

    lines = wrapped(width)
    while width > 1 and len(narrower := wrapped(width - 1)) == len(lines):
        width, lines = width - 1, narrower
    return lines


def _legend_columns(labels: Sequence[str], width: float) -> int:
    """As many columns as fit; a column is as wide as its longest label."""
    for columns in range(len(labels), 1, -1):
        filled = np.array_split([len(label) for label in labels], columns)  # as matplotlib does
        if sum(max(column) / _LEGEND_TEXT + 0.43 for column in filled) <= width:
            return columns
    return 1
