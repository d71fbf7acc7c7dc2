"""A model's graph as SVG: layers from top to bottom, each below all that it needs."""

from __future__ import annotations

from collections import defaultdict
from html import escape

from orchestrator.spec.values.text import number_text
from workloads.models.profiles import Graph, Kind, Model

_WIDTH, _HEIGHT = 190, 34
_ACROSS, _DOWN = 24, 26
_MARGIN = 20
_LETTERS = 26  # that fit a box
_BULGE = 14  # of an edge past the boxes between, for each level
_MOST_BULGE = 110

_FILLS: dict[Kind, str] = {
    "convolution": "#cfe2f3",
    "depthwise": "#a9cbe8",
    "convolution-3d": "#cfe2f3",
    "depthwise-3d": "#a9cbe8",
    "dense": "#f9e0c7",
    "attention": "#f4c7c3",
    "embedding": "#d9ead3",
    "normalisation": "#eeeeee",
    "pooling": "#ffffff",
    "other": "#ffffff",
}


def svg_of(model: Model) -> str:
    """Draw a model's layers and what each needs.

    A box has the layer's name and kind, its parameters in MB and its multiply-accumulates. Edges
    that pass other levels bulge to the right.
    """
    levels = levels_of(model.graph)
    columns = columns_of(model.graph, levels)
    widest = max(columns.values()) + 1
    width = 2 * _MARGIN + widest * (_WIDTH + _ACROSS) + _MOST_BULGE
    height = 2 * _MARGIN + (max(levels) + 1) * (_HEIGHT + _DOWN)

    def corner(layer: int) -> tuple[float, float]:
        across = _MARGIN + columns[layer] * (_WIDTH + _ACROSS)
        return across, _MARGIN + levels[layer] * (_HEIGHT + _DOWN)

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        'font-family="sans-serif" font-size="11">',
        f"<title>{escape(model.name)}</title>",
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for number, needs in enumerate(model.graph):
        for before in needs:
            lines.append(_edge(corner(before), corner(number), levels[number] - levels[before]))
    for number, layer in enumerate(model.layers):
        left, top = corner(number)
        name = layer.name if len(layer.name) <= _LETTERS else f"...{layer.name[3 - _LETTERS :]}"
        parts: list[str] = [layer.kind]
        if layer.bytes:
            parts.append(f"{number_text(layer.bytes / 1e6, 2)} MB")
        if layer.macs:
            parts.append(f"{number_text(layer.macs / 1e6, 1)} MMAC")
        lines += [
            f"<g><title>{escape(layer.name)}</title>"
            f'<rect x="{left:.0f}" y="{top:.0f}" width="{_WIDTH}" height="{_HEIGHT}" rx="4" '
            f'fill="{_FILLS[layer.kind]}" stroke="#555"/>'
            f'<text x="{left + 6:.0f}" y="{top + 14:.0f}" font-weight="bold">{escape(name)}</text>'
            f'<text x="{left + 6:.0f}" y="{top + 28:.0f}" font-size="9">'
            f"{escape(', '.join(parts))}</text></g>"
        ]
    return "\n".join([*lines, "</svg>", ""])


def levels_of(graph: Graph) -> list[int]:
    """Per layer, its level: one below the lowest that it needs."""
    levels: list[int] = []
    for needs in graph:
        levels.append(max((levels[before] + 1 for before in needs), default=0))
    return levels


def columns_of(graph: Graph, levels: list[int]) -> dict[int, int]:
    """Per layer, its column: that of what it needs if that is free, else the next free one."""
    taken: dict[int, set[int]] = defaultdict(set)
    columns: dict[int, int] = {}
    for number, needs in enumerate(graph):
        near = [columns[before] for before in needs if levels[before] == levels[number] - 1]
        column = min(near, default=0)
        while column in taken[levels[number]]:
            column += 1
        taken[levels[number]].add(column)
        columns[number] = column
    return columns


def _edge(start: tuple[float, float], end: tuple[float, float], levels: int) -> str:
    (left, top), (to_left, to_top) = start, end
    middle = _WIDTH / 2
    x, y, to_x, to_y = left + middle, top + _HEIGHT, to_left + middle, to_top
    style = 'fill="none" stroke="#888"'
    if levels == 1:
        bend = (to_y - y) / 2
        return (
            f'<path d="M{x:.0f},{y:.0f} C{x:.0f},{y + bend:.0f} {to_x:.0f},{to_y - bend:.0f} '
            f'{to_x:.0f},{to_y:.0f}" {style}/>'
        )
    side = max(left, to_left) + _WIDTH
    out = side + min(_MOST_BULGE, _BULGE * levels)
    from_y, into_y = top + _HEIGHT / 2, to_top + _HEIGHT / 2
    return (
        f'<path d="M{left + _WIDTH:.0f},{from_y:.0f} C{out:.0f},{from_y:.0f} {out:.0f},'
        f'{into_y:.0f} {to_left + _WIDTH:.0f},{into_y:.0f}" {style}/>'
    )
