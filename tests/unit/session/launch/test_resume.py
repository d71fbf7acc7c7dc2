"""Runs that go on: after a kill at any point, and when they may not."""

from __future__ import annotations

import importlib
import io
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from orchestrator.emulation.limits.run_groups import NO_GROUPS
from orchestrator.emulation.switches.choice import SwitchChoice
from orchestrator.errors import DmlbedError, InputError, MachineError, RunError
from orchestrator.session.inner.run import conduct
from orchestrator.session.launch.resume import Resumed, check_same, check_switch, read_plan
from orchestrator.session.plan.run_plan import RunPlan
from orchestrator.session.store import reported
from orchestrator.spec import Sweep, Variable, load_experiment
from tests.unit.session.examples import ROOT
from tests.unit.session.mortal import SWITCH, Machine, planned

# The package's name `resume` is the function.
resume = importlib.import_module("orchestrator.session.launch.resume")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


class Outside:
    """What resume starts, in place of boxes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.carried_out: list[tuple[RunPlan, str, bool]] = []
        self.run: list[Any] = []
        self.screen, self.printed = io.StringIO(), io.StringIO()
        obstacles = {"linux-bridge": "", "ovs-user": "ovs-vsctl missing", "ovs-kernel": "no"}
        for name, text in (("messages", self.screen), ("answers", self.printed)):
            console = Console(file=text, width=200, force_terminal=False)
            monkeypatch.setattr(reported, name, lambda console=console: console)
        for name, value in (
            ("obstacles", lambda: obstacles),
            ("carry_out", self._carry_out),
            ("begin", lambda resolved, how: self._carry_out(resolved(), how)),
            ("run", self.run.append),
            ("check_machine", lambda *_: None),
            ("check_memory", lambda *_: None),
            ("say", lambda text: self.screen.write(f"{text}\n")),
            ("resolve", self._resolve),
        ):
            monkeypatch.setattr(resume, name, value)
        made = SimpleNamespace(table="the table", usable=True)
        monkeypatch.setattr(reported, "report", lambda _: made)

    def _carry_out(self, plan: RunPlan, how: str, *, goes_on: bool = False) -> None:
        self.carried_out.append((plan, how, goes_on))

    @staticmethod
    def _resolve(_request: object, _machine: object, switch: SwitchChoice, **how: Any) -> RunPlan:
        return RunPlan.made(how["point"], switch, how["place"].parent, {}, how["place"].name)


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> Outside:
    return Outside(monkeypatch)


def begun(folder: Path, **changes: Any) -> RunPlan:
    """The plan of a run whose directory is there, without a trial."""
    plan = replace(planned(folder), **changes)
    (plan.directory / "trials").mkdir(parents=True)
    (plan.directory / "run.json").write_text(json.dumps(plan.record()))
    return plan


def test_what_is_left_is_run_by_the_plan(outside: Outside, tmp_path: Path) -> None:
    plan = begun(tmp_path)
    resume.resume(Resumed(plan.directory, as_json=True))
    assert outside.carried_out == [(plan, "json", True)]
    assert outside.screen.getvalue() == (f"continuing {plan.directory}: 2 of 2 trials are left\n")


def test_a_run_that_has_finished_is_only_reported(
    machine: Machine, outside: Outside, tmp_path: Path
) -> None:
    plan = planned(tmp_path)
    conduct(plan, NO_GROUPS, "text")
    machine.tried = []
    resume.resume(Resumed(plan.directory))
    assert (outside.carried_out, machine.tried) == ([], [])
    assert "none is left (--again runs its plan anew, here and now)" in outside.screen.getvalue()
    assert "the table" in outside.printed.getvalue()


def test_again_runs_the_plan_anew(outside: Outside, tmp_path: Path) -> None:
    plan = begun(tmp_path, versions={"dmlbed": "0.0.1"})  # of another version, too
    resume.resume(Resumed(plan.directory, again=True, out=tmp_path / "new", force=True))
    (request,) = outside.run
    assert request.experiment == plan.experiment
    assert (request.out, request.switch, request.force) == (tmp_path / "new", plan.switch, True)
    assert outside.carried_out == []


def test_a_sweep_goes_on_where_it_was(outside: Outside, tmp_path: Path) -> None:
    swept = replace(planned(tmp_path).experiment, sweep=Sweep((Variable("batch", (1, 2)),)))
    sweep = begun(tmp_path, experiment=swept)
    first = swept.points()[0]
    point = begun(tmp_path, experiment=first.experiment, directory=sweep.directory / first.label)
    with pytest.raises(DmlbedError):  # no point has a result to report
        resume.resume(Resumed(sweep.directory))
    (one, two) = outside.carried_out
    assert one == (point, "text", True)
    assert (two[0].directory, two[1:]) == (sweep.directory / "batch-2", ("text", False))
    assert two[0].experiment == swept.points()[1].experiment


def test_the_plan_of_every_experiment_of_ours_can_be_read_again(tmp_path: Path) -> None:
    for file in sorted(ROOT.glob("experiments/*.yaml")):
        made = load_experiment(file)
        if made.sweep is None:
            made = made.with_scale(made.known_scale)
        plan = RunPlan.made(made, SWITCH, tmp_path, {"chosen": 1.0, "attempts": []}, file.stem)
        assert RunPlan.from_json(plan.to_json()) == plan
        plan.directory.mkdir()
        (plan.directory / "run.json").write_text(json.dumps(plan.record(), sort_keys=True))
        assert read_plan(plan.directory) == plan


def refusal(plan: RunPlan, **changes: Any) -> str:
    """What is said of a run whose run.json has other values."""
    kept = {**plan.record(), **changes}
    if kept["format"] is None:
        del kept["format"]
    (plan.directory / "run.json").write_text(json.dumps(kept))
    with pytest.raises((InputError, RunError)) as error:
        read_plan(plan.directory)
    return str(error.value).replace(str(plan.directory), "RUN")


def test_a_run_of_another_version(tmp_path: Path) -> None:
    plan = begun(tmp_path)
    versions = {"dmlbed": "0.0.9"}
    assert refusal(plan, format=None, versions=versions) == (
        "RUN: written by dmlbed 0.0.9, a version that kept no plan: it cannot go on, nor be run "
        "anew (run its experiment)"
    )
    assert refusal(plan, format=7, versions=versions) == (
        "RUN: written by dmlbed 0.0.9 in format 7, this version has format 2 (run its experiment)"
    )


def test_a_plan_that_was_changed_is_no_plan(tmp_path: Path) -> None:
    plan = begun(tmp_path)
    changed = {**plan.record()["experiment"], "iterations": 99}
    assert refusal(plan, experiment=changed).startswith(
        "the plan of RUN was changed by hand, or this version reads it otherwise: its digest is "
    )
    assert refusal(plan, experiment={}).startswith("the plan of RUN cannot be read: KeyError: ")
    (plan.directory / "run.json").write_text("{")
    with pytest.raises(RunError, match=r"run.json: cannot be read: "):
        read_plan(plan.directory)
    with pytest.raises(InputError, match=r"not a run: no run\.json in it"):
        read_plan(tmp_path)


def test_a_machine_or_a_version_that_has_changed_is_named(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    check_same(plan)
    other = replace(
        plan,
        versions={**plan.versions, "kernel": "5.10", "code": "0" * 12},
        machine={**plan.machine, "cores": 400, "memory_bytes": 1},
    )
    with pytest.raises(MachineError) as error:
        check_same(other)
    now = plan.versions
    assert str(error.value) == (
        f"{plan.directory} cannot go on, for its figures would not compare: it was begun with "
        f"code 000000000000, now {now['code']}; kernel 5.10, now {now['kernel']}; "
        f"cores 400, now {plan.machine['cores']} (--again runs its plan anew, here and now)"
    )


@pytest.mark.usefixtures("outside")
def test_switches_that_are_no_longer_there(tmp_path: Path) -> None:
    plan = replace(planned(tmp_path), switch=SwitchChoice("ovs-user", "asked for"))
    with pytest.raises(MachineError) as error:
        check_switch(plan)
    assert str(error.value) == (
        f"{plan.directory} was planned on ovs-user, which this machine does not have: ovs-vsctl "
        "missing (mend that, or run its experiment with another --switch)"
    )


@pytest.mark.usefixtures("outside")
def test_the_scale_of_a_run_is_as_it_is(tmp_path: Path) -> None:
    plan = begun(tmp_path)
    with pytest.raises(InputError) as error:
        resume.resume(Resumed(plan.directory, recalibrate=True, force=True))
    assert [problem.place for problem in error.value.problems] == ["--recalibrate", "--force"]
