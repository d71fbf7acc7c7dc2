"""The texts of a figure, and where they are."""

from __future__ import annotations

from itertools import combinations

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox


def texts(drawing: Figure) -> list[Text]:
    artists = drawing.findobj(lambda artist: isinstance(artist, Text))
    return [
        text
        for text in artists
        if isinstance(text, Text) and text.get_visible() and text.get_text()
    ]


def boxes(drawing: Figure) -> list[tuple[str, Bbox]]:
    canvas = drawing.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    drawing.draw_without_rendering()
    renderer = canvas.get_renderer()  # type: ignore[no-untyped-call]
    return [(text.get_text(), text.get_window_extent(renderer)) for text in texts(drawing)]


def assert_apart_and_inside(drawing: Figure) -> None:
    """No text overlaps another one or leaves the figure."""
    placed = boxes(drawing)
    for (one, a), (other, b) in combinations(placed, 2):
        assert not a.overlaps(b), f"{one!r} overlaps {other!r}"
    for text, box in placed:
        assert box.x0 >= 0, text
        assert box.y0 >= 0, text
        assert box.x1 <= drawing.bbox.x1, text
        assert box.y1 <= drawing.bbox.y1, text
