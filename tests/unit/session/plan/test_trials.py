"""Which trials run, in which order, and what they are thought to take."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from orchestrator.predict import no_overlap_seconds
from orchestrator.session.plan.trials import (
    TESTBED_SECONDS,
    TRIAL_OVERHEAD_SECONDS,
    Trial,
    iteration_seconds,
    plan_trials,
    run_seconds,
)
from orchestrator.spec import Choices
from tests.unit.session.examples import experiment, look_of
from workloads.models.profiles import load_model


def test_the_order_of_the_trials(tmp_path: Path) -> None:
    trials = plan_trials(experiment(tmp_path))
    assert [(trial.model, trial.schedule, trial.repeat) for trial in trials] == [
        ("googlenet", "none", 1),
        ("googlenet", "switch-priority", 1),
        ("squeezenet", "none", 1),
        ("squeezenet", "switch-priority", 1),
        ("googlenet", "switch-priority", 2),
        ("googlenet", "none", 2),
        ("squeezenet", "switch-priority", 2),
        ("squeezenet", "none", 2),
    ]
    assert [trial.index for trial in trials] == list(range(1, 9))


def test_schedules_are_neighbours_and_take_turns_at_being_first(tmp_path: Path) -> None:
    trials = plan_trials(experiment(tmp_path, repeats=4))
    first = Counter(
        a.schedule
        for a, b in pairwise(trials)
        if (a.model, a.repeat) == (b.model, b.repeat) and a.schedule != b.schedule
    )
    assert first == {"none": 4, "switch-priority": 4}


def test_directories_sort_as_they_run(tmp_path: Path) -> None:
    assert Trial(7, Choices(model="vgg19", schedule="none"), 2).directory == "007-vgg19-none-2"
    names = [trial.directory for trial in plan_trials(experiment(tmp_path, repeats=30))]
    assert len(names) == 120
    assert names == sorted(names)


def test_an_iteration_is_estimated_in_emulated_seconds(tmp_path: Path) -> None:
    made = experiment(tmp_path)
    real = no_overlap_seconds(made.exchange, load_model("googlenet"), made.devices, 1)
    assert iteration_seconds(made, "googlenet", "none") == pytest.approx(real / 2)
    # R slows the links as much as it takes bytes away.
    slowed = experiment(tmp_path, scale="{rates: 4, time: 0.5}")
    assert iteration_seconds(slowed, "googlenet", "none") == pytest.approx(real / 2)


def test_warm_up_cool_down_and_overheads_count(tmp_path: Path) -> None:
    made = experiment(tmp_path)
    trials = plan_trials(made)
    # One iteration to warm up, two to measure and one to cool down.
    assert trials[0].seconds == pytest.approx(
        4 * iteration_seconds(made, "googlenet", "none") + TRIAL_OVERHEAD_SECONDS
    )
    assert run_seconds(made) == pytest.approx(
        TESTBED_SECONDS + look_of(made).total + 4 * (trials[0].seconds + trials[2].seconds)
    )
