"""A sweep's figure: what it shows, and that nothing overlaps."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from orchestrator.analysis.caption import Caption
from orchestrator.analysis.render.canvas import balanced, style
from orchestrator.analysis.render.sweep_figure import compose
from orchestrator.analysis.render.sweep_panel import looks
from orchestrator.analysis.tables.sweep import curves
from orchestrator.analysis.tables.sweep.curves import Expectation, expectation
from orchestrator.analysis.tables.sweep.paying import paying
from orchestrator.analysis.tables.sweep.rows import Place, places_of, read_sweep
from orchestrator.spec import Sweep, Variable
from tests.unit.analysis.render.drawn_texts import assert_apart_and_inside, texts
from tests.unit.analysis.sweeps import BATCHES, RATES, WORKERS, fake_trials, swept, write_sweep

CAPTION = Caption("sweep: which schedule wins, by batch", "measured on dmlbed, linux-bridge, " * 9)
SIX = ("none", "switch-priority", "tac", "fifo", "p3", "planned-order")
SHARES = dict(zip(SIX, (0.5, 0.7, 0.55, 0.8, 0.96, 0.97), strict=True))


@pytest.fixture(autouse=True)
def _style(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(curves, "GRID", 4)
    with style():
        yield


@cache
def expected_of(sweep: Sweep, model: str) -> Expectation:
    """A model's curves: they take a second, and depend on nothing that was measured."""
    experiment = swept(sweep, (model,), SIX)
    with tempfile.TemporaryDirectory() as folder:
        written = write_sweep(Path(folder) / "sweep", experiment, fake_trials(experiment, SHARES))
        return expectation(read_sweep(written), model)


@cache
def measured(sweep: Sweep, models: tuple[str, ...], repeats: int, idle: float) -> tuple[Place, ...]:
    """All places of a sweep, each with its predictions, which take a second as well."""
    experiment = swept(sweep, models, SIX)
    trials = fake_trials(experiment, SHARES, repeats=repeats)
    trials[sweep.first.values[0]][0].idle = idle
    with tempfile.TemporaryDirectory() as folder:
        return places_of(read_sweep(write_sweep(Path(folder) / "sweep", experiment, trials)))


def drawn(
    sweep: Sweep = BATCHES,
    models: tuple[str, ...] = ("resnet50",),
    *,
    repeats: int = 1,
    idle: float = 0.6,
) -> Figure:
    expected = {model: expected_of(sweep, model) for model in models}
    places = measured(sweep, models, repeats, idle)
    return compose(places, expected, SIX, "what is varied", CAPTION)


@pytest.mark.parametrize("sweep", [BATCHES, RATES, WORKERS], ids=lambda sweep: sweep.first.key)
@pytest.mark.parametrize("models", [("resnet50",), ("resnet50", "googlenet", "alexnet", "vgg19")])
def test_no_text_overlaps_or_leaves_the_figure(sweep: Sweep, models: tuple[str, ...]) -> None:
    drawing = drawn(sweep, models)
    assert_apart_and_inside(drawing)


def test_a_panel_has_every_point_its_curves_and_who_wins() -> None:
    (axes,) = drawn().axes
    assert axes.get_xscale() == "log"
    assert axes.get_ylim()[0] == 0
    lines = axes.get_lines()
    curves = [line for line in lines if len(line.get_xdata()) > 2]  # type: ignore[arg-type]
    assert len(curves) == len(SIX)
    bound = [line for line in lines if list(line.get_ydata()) == [100, 100]]  # type: ignore[arg-type]
    assert len(bound) == 1
    # Six schedules at three points, and above each point the two that are alike.
    assert len(lines) == len(curves) + len(bound) + 3 * (len(SIX) + 2)


def test_curves_that_lie_on_each_other_take_turns() -> None:
    (axes,) = drawn().axes
    look = looks(SIX, "none")
    dashes = {
        name: line._unscaled_dash_pattern  # type: ignore[attr-defined]
        for name in ("p3", "planned-order")
        for line in axes.get_lines()
        if len(line.get_xdata()) > 2 and line.get_color() == look[name].colour  # type: ignore[arg-type]
    }
    assert len(set(map(str, dashes.values()))) == 2


def test_every_schedule_looks_different() -> None:
    look = looks([*SIX, "tic", "bytescheduler", "fifo-sliced"], "none")
    assert len({own.colour for own in look.values()}) == 9
    assert len({own.marker for own in look.values()}) == 9


def test_what_limits_stands_in_it() -> None:
    words = [" ".join(text.get_text().split()) for text in texts(drawn())]
    assert {"link switch0 - switch1", "compute"} <= set(words)


def test_intervals_and_verdicts_are_in_the_legend_where_there_are_any() -> None:
    plain = {text.get_text() for text in texts(drawn())}
    rich = {text.get_text() for text in texts(drawn(repeats=2, idle=0.01))}
    assert rich - plain >= {"95 % Student interval", "unusable", "✕"}


def test_a_sign_at_a_point_above_the_bound_is_not_on_those_that_win(tmp_path: Path) -> None:
    experiment = swept(BATCHES, ["resnet50"], SIX)
    trials = fake_trials(experiment, {**SHARES, "p3": 1.04})
    run = read_sweep(write_sweep(tmp_path / "sweep", experiment, trials))
    drawing = compose(
        places_of(run), {"resnet50": expectation(run, "resnet50")}, SIX, "batch", CAPTION
    )
    canvas = drawing.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    canvas.draw()  # type: ignore[no-untyped-call]
    (axes,) = drawing.axes
    renderer = canvas.get_renderer()  # type: ignore[no-untyped-call]
    signs = [text for text in texts(drawing) if text.get_text() == "?"]
    assert len(signs) == 3
    _, bound = axes.transData.transform((1, 100))
    assert all(sign.get_window_extent(renderer).y0 < bound for sign in signs)


def test_one_point_is_a_figure_too() -> None:
    (axes,) = drawn(Sweep((Variable("workers", (3,)),))).axes
    low, high = axes.get_xlim()
    assert low < 3 < high


def test_a_title_does_not_break_before_its_last_word() -> None:
    title = "sweep-rate: which schedule wins, by rate of switch0 - switch1"
    assert balanced(title, 52) == [
        "sweep-rate: which schedule wins,",
        "by rate of switch0 - switch1",
    ]
    assert balanced(title, 80) == [title]
    assert balanced("", 52) == []


def test_where_a_schedule_starts_to_pay_is_marked_on_the_baseline(tmp_path: Path) -> None:
    experiment = swept(RATES, ["resnet50"], SIX)
    trials = fake_trials(experiment, SHARES)
    for trial in trials[10**10]:
        if trial.schedule == "tac":
            trial.imgs_per_sec *= 0.5
    run = read_sweep(write_sweep(tmp_path / "sweep", experiment, trials))
    places = places_of(run)
    expected = {"resnet50": expectation(run, "resnet50")}
    pays = paying(RATES.first, places, expected)
    drawing = compose(places, expected, SIX, "rate", CAPTION, pays=pays)
    (axes,) = drawing.axes
    (mark,) = [line for line in axes.get_lines() if line.get_marker() == "d"]
    ((x, y),) = np.column_stack([mark.get_xdata(), mark.get_ydata()]).tolist()
    assert 1000 < x < 10_000
    assert y == pytest.approx(50)
    assert "starts or stops to pay" in {text.get_text() for text in texts(drawing)}
    assert_apart_and_inside(drawing)
