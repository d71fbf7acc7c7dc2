"""Trials in which not every iteration exchanges: rounds are what is alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.analysis import TrialMeasure, judge_run, judge_trial, read_trial
from orchestrator.analysis.measures.measure import measure
from orchestrator.errors import RunError
from tests.unit.analysis.fake_trial import FakeTrial
from workloads.schedule.library import get_schedule
from workloads.schedule.schedule import Schedule

LOCAL = replace(get_schedule("none"), averaging="local", every=4)
EXCHANGING = dict.fromkeys((7, 11, 15), 5.0)  # takes five times as long as the others
ROUNDS: dict[str, Any] = {"iterations": 12, "warm_up": 4, "cool_down": 1, "communication": LOCAL}


def trial(**changes: Any) -> FakeTrial:
    return replace(FakeTrial(slow=EXCHANGING), **{**ROUNDS, **changes})


def measured(folder: Path, given: FakeTrial) -> TrialMeasure:
    return measure(read_trial(given.write(folder)))


def test_a_round_is_what_iterations_are_compared_by(tmp_path: Path) -> None:
    got = measured(tmp_path / "alike", trial())
    one = min(got.iteration_seconds)
    assert got.iteration_seconds == pytest.approx([one, one, one, 5 * one] * 3)
    assert got.round_seconds == pytest.approx([2 * one] * 3)
    assert got.iteration_seconds_median == pytest.approx(2 * one)
    assert not [why for why in judge_trial(got).reasons if "median" in why]
    slow = measured(tmp_path / "slow", trial(slow={**EXCHANGING, 13: 6.0}))
    (why,) = [why for why in judge_trial(slow).reasons if "median" in why]
    assert why == "the 4 iterations from 12 on took 1.6 x the median"


def test_the_server_counts_the_exchanges(tmp_path: Path) -> None:
    read = read_trial(trial(competing_seconds=1.0).write(tmp_path))
    (server,) = read.servers
    assert [one.iteration for one in server.iterations] == [0, 1, 2, 3, 4]
    assert read.trial.measured_rounds == (1, 2, 3)
    assert len(measure(read).pull_rates) == 3


def test_an_exchange_that_is_not_recorded_is_missed(tmp_path: Path) -> None:
    file = trial().write(tmp_path) / "ps.jsonl"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(line for line in lines if '"iteration": 4' not in line))
    with pytest.raises(RunError, match="4 iterations recorded, 5 expected"):
        read_trial(file.parent)


@pytest.mark.parametrize(
    ("other", "agree"),
    [(LOCAL, True), (replace(LOCAL, every=2), False), (get_schedule("none"), False)],
)
def test_only_trials_of_one_averaging_must_end_alike(
    tmp_path: Path, other: Schedule, agree: bool
) -> None:
    both = [
        measured(tmp_path / "one", trial(parameters="aa")),
        measured(tmp_path / "other", trial(parameters="bb", communication=other, repeat=2)),
    ]
    reasons = [why for verdict in judge_run(both, [None, None]) for why in verdict.unusable]
    assert any("final parameters differ" in why for why in reasons) == agree
