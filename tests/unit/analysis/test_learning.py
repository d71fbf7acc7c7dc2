"""Loss and accuracy of real training: measures, columns and the figure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from orchestrator.analysis import Row, read_run, report, summarise
from orchestrator.analysis.caption import Caption
from orchestrator.analysis.measures.learning import learnt
from orchestrator.analysis.render.canvas import style
from orchestrator.analysis.render.learning_figure import compose, draw_learning
from tests.unit.analysis.builder import write_run
from tests.unit.analysis.fake_trial import SECOND, FakeTrial
from tests.unit.analysis.render.drawn_texts import assert_apart_and_inside, texts

LOSSES = (2.0, 1.5, 1.0, 0.5, 0.25)
CAPTION = Caption("digits: loss and accuracy", "measured on dmlbed 0.1.0, " * 8)


def trial(schedule: str = "none", repeat: int = 0, last: float = 0.96) -> FakeTrial:
    """Iterations of 10 real seconds, those around the measured ones three times as long."""
    return FakeTrial(
        "digits-cnn", schedule, repeat, imgs_per_sec=0.3, iterations=3, warm_up=1,
        time=2.0, losses=LOSSES, accuracies={0: 0.1, 2: 0.94, 4: last}, target=0.95,
    )  # fmt: skip


def rows(folder: Path, *trials: FakeTrial) -> tuple[Row, ...]:
    return summarise(read_run(write_run(folder, trials))).rows


def test_what_was_learned_is_in_the_real_systems_time(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, trial())
    (measure,) = row.trials
    assert measure.learnt is not None
    # Workers' losses are 0, 1 and 2 above the first one's; each learns of a release 1 ms later.
    assert [loss for _, loss in measure.learnt.losses] == [loss + 1 for loss in LOSSES]
    seconds = [second for second, _ in measure.learnt.losses]
    assert seconds == pytest.approx([30, 40, 50, 60, 90], abs=0.01)
    assert [value for _, value in measure.learnt.accuracies] == [0.1, 0.94, 0.96]
    assert row.final_loss == 1.25
    assert row.accuracy == 0.96
    assert row.seconds_to_target == pytest.approx(75, abs=0.01)  # half of the last iteration


def test_time_counts_from_the_last_workers_first_iteration(tmp_path: Path) -> None:
    """A worker that has started itself may have to wait for those that still start."""
    (as_one,) = read_run(write_run(tmp_path, [trial()])).trainings
    first, *others = as_one.worker_iterations
    early = replace(first[0], started_ns=first[0].started_ns - 3 * SECOND)
    apart = replace(as_one, worker_iterations=((early, *first[1:]), *others))
    assert learnt(apart) == learnt(as_one)


@pytest.mark.parametrize(
    ("accuracies", "earlier", "to_target"),
    [
        ((0.1, 0.94, 0.96), 8 * SECOND, 4 + 75),
        # It was reached before the training was stopped, or nobody knows how long that took.
        ((0.95, 0.94, 0.96), 8 * SECOND, None),
        ((0.1, 0.94, 0.96), None, None),
    ],
)
def test_a_resumed_training_continues_the_clock(
    tmp_path: Path, accuracies: tuple[float, ...], earlier: int | None, to_target: float | None
) -> None:
    (whole,) = read_run(write_run(tmp_path, [trial()])).trainings
    judged = [
        replace(one, accuracy=accuracy)
        for one, accuracy in zip(whole.evaluations, accuracies, strict=True)
    ]
    server = replace(whole.servers[0], end=replace(whole.servers[0].end, earlier_ns=earlier))
    record = whole.trial.model_copy(update={"resumed_after": 2})
    found = learnt(replace(whole, trial=record, servers=(server,), evaluations=tuple(judged)))
    assert found is not None
    began = (earlier or 0) / (2 * SECOND)
    assert found.losses[0][0] == pytest.approx(began + 30, abs=0.01)
    if to_target is None:
        assert found.seconds_to_target is None
    else:
        assert found.seconds_to_target == pytest.approx(to_target, abs=0.01)


def test_a_target_that_one_repeat_missed_has_no_time(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, trial(), trial(repeat=1, last=0.949))
    assert row.accuracy == pytest.approx((0.96 + 0.949) / 2)
    assert row.seconds_to_target is None


def test_without_losses_nothing_was_learned(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, FakeTrial())
    assert row.trials[0].learnt is None
    assert (row.final_loss, row.accuracy, row.seconds_to_target) == (None, None, None)


def test_a_report_has_the_columns_and_the_figure_only_of_real_training(tmp_path: Path) -> None:
    real = report(write_run(tmp_path / "real", [trial(), trial("p3")]))
    assert {"learning.png", "learning.svg"} <= {path.name for path in real.files}
    console = Console(width=200, record=True)
    console.print(real.table)
    printed = console.export_text()
    assert "96.0" in printed
    assert real.rows[0]["seconds_to_target_accuracy"] == pytest.approx(75, abs=0.01)
    assert real.rows[0]["final_loss"] == 1.25
    emulated = report(write_run(tmp_path / "emulated", [FakeTrial()]))
    assert not any("learning" in path.name for path in emulated.files)
    console.print(emulated.table)
    assert "target" not in console.export_text()


@pytest.mark.parametrize("schedules", [["none"], ["none", "p3", "tic", "tac", "planned-order"]])
def test_the_figure_has_a_line_per_trial_and_no_text_overlaps(
    tmp_path: Path, schedules: list[str]
) -> None:
    trials = [trial(name, repeat) for name in schedules for repeat in range(2)]
    summary_rows = rows(tmp_path, *trials)
    with style():
        drawing = compose(summary_rows, CAPTION)
        assert_apart_and_inside(drawing)
        upper, lower = drawing.axes
        assert len(upper.lines) == len(trials)
        # Accuracy, where the target was reached, and the target itself.
        assert len(lower.lines) == 2 * len(trials) + 1
        assert {text.get_text() for text in texts(drawing)} >= set(schedules)
    assert draw_learning(summary_rows, CAPTION) == draw_learning(summary_rows, CAPTION)
