"""Iterations around the measured ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.spec import Experiment, Overrides, load_experiment

PUBLISHED = Path(__file__).parents[3] / "topologies/ps-10g-1g-3workers.yaml"


def loaded(folder: Path, schedules: str, warm_up: int, cool_down: int) -> Experiment:
    file = folder / "short.yaml"
    file.write_text(
        f"name: short\ntopology: {PUBLISHED}\nmodels: [alexnet]\nschedules: [{schedules}]\n"
        f"iterations: 4\nwarm_up: {warm_up}\ncool_down: {cool_down}\ncustom_schedules:\n"
        "  mine: {averaging: elastic, every: 1, alpha: 0.3, beta: 0.9}\n"
        "  slow: {averaging: elastic, every: 4, alpha: 0.3, beta: 0.9}\n"
    )
    return load_experiment(file)


@pytest.mark.parametrize(
    ("schedules", "asked", "got"),
    [
        ("none, tic", (0, 0), (0, 0)),  # from release to release all is inside
        ("none, fifo", (0, 0), (1, 1)),  # all trials of an experiment, to compare their parameters
        ("p3", (0, 3), (1, 3)),
        ("r2sp", (2, 0), (2, 1)),
        ("fifo", (1, 1), (1, 1)),
        ("none, mine", (0, 0), (1, 1)),  # elastic: what comes overlaps in spite of a barrier
        ("none, slow", (2, 1), (4, 1)),  # its first round has all that it waits for
        ("none, slow", (5, 1), (5, 1)),
    ],
)
def test_without_a_barrier_there_is_one_on_both_sides(
    tmp_path: Path, schedules: str, asked: tuple[int, int], got: tuple[int, int]
) -> None:
    experiment = loaded(tmp_path, schedules, *asked)
    assert (experiment.warm_up, experiment.iterations, experiment.cool_down) == (got[0], 4, got[1])
    assert bool(experiment.added) == (asked != got)


def test_what_was_added_is_said(tmp_path: Path) -> None:
    assert loaded(tmp_path, "none, fifo, p3", 0, 0).added == (
        "warm_up: 1 instead of 0, cool_down: 1 instead of 0: without a step barrier (fifo, p3)"
        " a push overlaps with the next iteration"
    )


def test_what_elastic_averaging_adds_is_said(tmp_path: Path) -> None:
    assert loaded(tmp_path, "none, slow", 2, 1).added == (
        "warm_up: 4 instead of 2: under elastic averaging (slow) the first round waits for nothing"
    )


def test_the_schedules_that_are_run_decide(tmp_path: Path) -> None:
    loaded(tmp_path, "none, fifo", 0, 0)
    only = load_experiment(tmp_path / "short.yaml", Overrides(schedules=["none"]))
    assert (only.warm_up, only.cool_down, only.added) == (0, 0, "")
