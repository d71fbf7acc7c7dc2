"""The figure: what it shows, that nothing overlaps, and that it can be made again byte by byte."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.analysis import Row, read_run, summarise
from orchestrator.analysis.caption import Caption
from orchestrator.analysis.render.canvas import style
from orchestrator.analysis.render.figure import compose, draw
from orchestrator.analysis.render.run_panel import panel_height
from tests.unit.analysis.builder import PUBLISHED, matrix, write_run
from tests.unit.analysis.fake_trial import FakeTrial
from tests.unit.analysis.render.drawn_texts import assert_apart_and_inside, texts

BOTH = ["none", "switch-priority"]
CAPTION = Caption("published: imgs/sec", "measured on dmlbed 0.1.0, linux-bridge, R = 1, " * 5)


def rows(tmp_path: Path, trials: list[FakeTrial], *, topology: bool = False) -> tuple[Row, ...]:
    return summarise(read_run(write_run(tmp_path, trials, PUBLISHED, topology=topology))).rows


@pytest.fixture(autouse=True)
def _style() -> Iterator[None]:
    with style():
        yield


@pytest.mark.parametrize("bounds", [False, True])
@pytest.mark.parametrize(
    ("models", "schedules", "repeats"),
    [
        (1, ["none"], 1),
        (1, BOTH, 3),
        (2, BOTH, 1),
        (5, BOTH, 3),
        (9, BOTH, 3),
        (4, ["none", "a-priority", "b-priority", "switch-priority"], 3),
    ],
)
def test_no_text_overlaps_or_leaves_the_figure(
    tmp_path: Path, models: int, schedules: list[str], repeats: int, bounds: bool
) -> None:
    trials = matrix(models, schedules, repeats)
    trials[0].idle = 0.01
    trials[-1].idle = 0.1
    drawing = compose(rows(tmp_path, trials, topology=bounds), CAPTION)
    assert_apart_and_inside(drawing)


def test_bars_start_at_zero_and_hold_every_mark(tmp_path: Path) -> None:
    got = rows(tmp_path, matrix(5, BOTH, 3))
    drawing = compose(got, CAPTION)
    assert len(drawing.axes) == 5
    for axes in drawing.axes:
        low, high = axes.get_ylim()
        of_model = [row for row in got if row.model == axes.get_xlabel()]
        assert low == 0
        assert high > max(row.imgs_per_sec.interval[1] for row in of_model if row.published)  # type: ignore[index]
        assert [bar.get_height() for bar in axes.patches] == [  # type: ignore[attr-defined]
            row.imgs_per_sec.mean for row in of_model
        ]


def test_figures_stand_in_it(tmp_path: Path) -> None:
    trials = matrix(1, BOTH, 2)
    for trial, rate in zip(trials, [0.24, 0.33, 0.25, 0.345], strict=True):
        trial.imgs_per_sec = rate
    drawn = [text.get_text() for text in texts(compose(rows(tmp_path, trials), CAPTION))]
    for expected in (
        "0.245",
        "0.338",
        "+37.8 %",
        "[+34.6, +40.9]\npubl. +41.7 %",
        "one repeat",
        "95 % Student interval",
        "published",
    ):
        assert expected in drawn


def test_the_bound_is_a_labelled_line_in_every_panel(tmp_path: Path) -> None:
    drawing = compose(rows(tmp_path, matrix(2, BOTH, 1), topology=True), CAPTION)
    drawn = [text.get_text() for text in texts(drawing)]
    assert {"bound 0.483", "bound 4.270", "bound: no schedule is above"} <= set(drawn)
    for axes, bound in zip(drawing.axes, (0.483, 4.270), strict=True):
        assert axes.get_ylim()[1] > bound
        heights = [line.get_ydata() for line in axes.lines]
        assert any(list(y) == pytest.approx([bound] * 2, abs=1e-3) for y in heights)  # type: ignore[arg-type]


def test_without_a_bound_no_line_is_drawn(tmp_path: Path) -> None:
    drawn = [
        text.get_text() for text in texts(compose(rows(tmp_path, matrix(1, BOTH, 1)), CAPTION))
    ]
    assert not any("bound" in text for text in drawn)


def test_a_bound_below_a_bar_is_drawn_where_it_is(tmp_path: Path) -> None:
    # A measurement above the bound is wrong, and the figure has to show that it is.
    drawing = compose(rows(tmp_path, [FakeTrial(imgs_per_sec=0.9)], topology=True), CAPTION)
    (axes,) = drawing.axes
    assert axes.get_ylim()[1] > 0.9
    assert "bound 0.483" in [text.get_text() for text in texts(drawing)]


def test_bad_verdicts_are_marked_in_words(tmp_path: Path) -> None:
    trials = matrix(2, BOTH, 1)
    trials[0].idle = 0.01
    trials[3].idle = 0.1
    drawn = [text.get_text() for text in texts(compose(rows(tmp_path, trials), CAPTION))]
    assert {"✕ unusable", "? doubtful", "unusable", "doubtful"} <= set(drawn)
    assert {"✕ +41.7 %", "? +31.0 %"} <= set(drawn)


def test_missing_schedule_leaves_a_note(tmp_path: Path) -> None:
    trials = matrix(2, BOTH, 1)
    del trials[1]
    drawn = [text.get_text() for text in texts(compose(rows(tmp_path, trials), CAPTION))]
    assert drawn.count("no result") == 1


def test_equal_rows_give_equal_files(tmp_path: Path) -> None:
    got = rows(tmp_path, matrix(1, BOTH, 3))
    first, second = draw(got, CAPTION), draw(got, CAPTION)
    assert first == second
    assert first.png.startswith(b"\x89PNG")
    assert first.svg.startswith(b"<?xml")
    assert b"dc:date" not in first.svg


def test_many_speed_ups_stand_above_their_bars_and_not_in_brackets(tmp_path: Path) -> None:
    names = ["none", "a", "b", "c", "d"]
    few, many = (
        panel_height(rows(tmp_path / str(count), [FakeTrial(schedule=n) for n in names[:count]]))
        for count in (4, 5)
    )
    assert many < few
