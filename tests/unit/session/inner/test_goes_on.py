"""A run that was killed goes on: what has finished is kept, what failed is tried once more."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.analysis import read_run, summarise
from orchestrator.analysis.tables.summary_files import row_json
from orchestrator.emulation.limits.run_groups import NO_GROUPS
from orchestrator.errors import RunError
from orchestrator.session.inner.run import conduct
from orchestrator.session.launch.resume import read_plan
from orchestrator.session.plan.run_plan import RunPlan
from orchestrator.session.store.results import ResultsDirectory
from tests.unit.session.mortal import ALL, Machine, planned


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def stored(plan: RunPlan) -> list[str]:
    return sorted(path.name for path in plan.directory.glob("trials/*"))


def rows(plan: RunPlan) -> list[Mapping[str, Any]]:
    return [row_json(row) for row in summarise(read_run(plan.directory)).rows]


def test_a_run_that_is_killed_at_any_point_goes_on(machine: Machine, tmp_path: Path) -> None:
    whole = planned(tmp_path)
    conduct(whole, NO_GROUPS, "text")
    assert machine.tried == stored(whole) == ALL
    points, wanted = machine.steps, rows(whole)
    assert points > 20
    for point in range(1, points + 1):
        plan = replace(whole, directory=tmp_path / f"killed-at-{point}" / "run")
        machine.steps, machine.dies_after = 0, point
        assert machine.dies_running(plan, goes_on=False)
        kept = [name for name in stored(plan) if not name.startswith(".")]
        machine.tried, machine.steps, machine.dies_after = [], 0, None
        goes_on = (plan.directory / "run.json").exists()
        assert goes_on or not kept
        if goes_on:
            assert read_plan(plan.directory) == plan
        conduct(plan, NO_GROUPS, "text", goes_on=goes_on)
        assert sorted(kept + machine.tried) == stored(plan) == ALL, point
        assert rows(plan) == wanted
        record = json.loads((plan.directory / "run.json").read_text())
        assert len(record.get("went_on", [])) == (goes_on and machine.tried != [])


def test_a_run_that_is_killed_again_and_again_ends_whole(machine: Machine, tmp_path: Path) -> None:
    plan = planned(tmp_path)
    machine.dies_after = 14  # so that one trial at most is stored each time
    for times in range(1, 20):  # noqa: B007 (is used after it)
        goes_on = (plan.directory / "run.json").exists()
        if not machine.dies_running(plan, goes_on=goes_on):
            break
    assert times > 2
    assert stored(plan) == ALL


def test_what_failed_is_tried_once_more_and_kept(machine: Machine, tmp_path: Path) -> None:
    plan = planned(tmp_path)
    machine.fails = {ALL[2]}
    with pytest.raises(RunError, match="1 of 2 trials failed"):
        conduct(plan, NO_GROUPS, "text")
    machine.fails, machine.tried = set(), []
    conduct(plan, NO_GROUPS, "text", goes_on=True)
    assert machine.tried == [f"{ALL[2]}.2"]
    assert stored(plan) == [*ALL, f"{ALL[2]}.2"]
    run = read_run(plan.directory)
    assert (run.missing, len(run.failed), run.lost) == (0, 1, ())


def test_a_trial_that_lost_a_file_is_tried_once_more(machine: Machine, tmp_path: Path) -> None:
    plan = planned(tmp_path)
    conduct(plan, NO_GROUPS, "text")
    (plan.directory / "trials" / ALL[2] / "worker1.jsonl").unlink()
    machine.tried = []
    conduct(plan, NO_GROUPS, "text", goes_on=True)
    assert machine.tried == [f"{ALL[2]}.2"]


def test_the_goodput_is_measured_once(machine: Machine, tmp_path: Path) -> None:
    plan = planned(tmp_path)
    machine.fails = {ALL[2]}
    with pytest.raises(RunError):
        conduct(plan, NO_GROUPS, "text")
    machine.fails.clear()
    conduct(plan, NO_GROUPS, "text", goes_on=True)
    assert machine.goodputs == 1


def test_two_cannot_go_on_with_one_run(machine: Machine, tmp_path: Path) -> None:
    plan = planned(tmp_path)
    conduct(plan, NO_GROUPS, "text")
    first = ResultsDirectory(plan.directory, {}, goes_on=True)
    machine.tried = []
    with pytest.raises(RunError, match=r"/out/tiny/[^/]*: this run is still going on$"):
        conduct(plan, NO_GROUPS, "text", goes_on=True)
    first.give_to_caller()
    conduct(plan, NO_GROUPS, "text", goes_on=True)
    assert machine.tried == []
