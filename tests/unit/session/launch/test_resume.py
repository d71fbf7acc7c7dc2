"""Runs that go on: after a kill at any point, and when they may not."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import signal
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from orchestrator.analysis import read_run, summarise
from orchestrator.analysis.tables.summary_files import row_json
from orchestrator.emulation.limits.run_groups import NO_GROUPS
from orchestrator.emulation.switches.choice import SwitchChoice
from orchestrator.errors import DmlbedError, InputError, MachineError, RunError
from orchestrator.records.goodput import GoodputRecord
from orchestrator.records.network import NetworkRecord
from orchestrator.session.inner import run as conductor
from orchestrator.session.inner.run import conduct
from orchestrator.session.inner.trial import Outcome
from orchestrator.session.launch.resume import Resumed, check_same, check_switch, read_plan
from orchestrator.session.plan.run_plan import RunPlan
from orchestrator.session.plan.trials import Trial
from orchestrator.session.store import results
from orchestrator.session.store.attempts import Attempts
from orchestrator.session.store.results import ResultsDirectory
from orchestrator.spec import Experiment, Sweep, load_experiment
from tests.unit.analysis.builder import FakeTrial, network_record
from tests.unit.session.examples import ROOT, experiment

# The package's name `resume` is the function.
resume = importlib.import_module("orchestrator.session.launch.resume")
SWITCH = SwitchChoice("linux-bridge", "asked for")
DISTURBED = "001-squeezenet-none-1"
ALL = [DISTURBED, f"{DISTURBED}.2", "002-squeezenet-switch-priority-1"]


def planned(folder: Path) -> RunPlan:
    made = replace(experiment(folder, models="squeezenet", repeats=1), retries=2)
    return RunPlan.made(made, SWITCH, folder / "out" / "tiny")


class Machine:
    """Everything around the conductor. What a trial records hangs on the trial alone.

    Attributes:
        dies_after: how many steps it takes until SIGKILL; None: it lives.
        steps: taken so far: trials begun, and files and directories that were written.
        fails: names of attempts that fail.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._records = count()
        self.dies_after: int | None = None
        self.steps = 0
        self.tried: list[str] = []
        self.fails: set[str] = set()
        self.goodputs = 0
        quiet = Console(file=io.StringIO())

        @contextlib.contextmanager
        def opened(*_: object) -> Iterator[Any]:
            testbed = SimpleNamespace(
                description=str, warnings=list, losses=lambda _: [], check=lambda: None
            )
            yield SimpleNamespace(testbed=testbed, deployment=None)

        sync = results._sync

        def syncing(path: Path) -> None:
            self._step()
            sync(path)

        for name, value in (
            ("messages", lambda: quiet),
            ("answers", lambda: quiet),
            ("opened", opened),
            ("run_trial", self._run_trial),
            ("measure_goodput", self._goodput),
            ("report", lambda _: SimpleNamespace(table="", usable=True)),
            ("Attempts", partial(Attempts, wait=lambda _: True)),
        ):
            monkeypatch.setattr(conductor, name, value)
        monkeypatch.setattr(results, "_sync", syncing)

    def _step(self) -> None:
        self.steps += 1
        if self.steps == self.dies_after:
            os.kill(os.getpid(), signal.SIGKILL)

    def _goodput(self, *_: object) -> GoodputRecord:
        self.goodputs += 1
        return GoodputRecord(left_out="it would take too long")

    def _run_trial(self, made: Experiment, trial: Trial, *_: object) -> Outcome:
        self._step()
        self.tried.append(trial.directory)
        if trial.directory in self.fails:
            return Outcome("worker0: killed", 1.0, network_record())
        disturbed = trial.directory == DISTURBED
        fake = FakeTrial(
            trial.model, trial.schedule, trial.repeat, trial.index, trial.attempt,
            imgs_per_sec=trial.index + trial.attempt / 4, iterations=made.iterations,
            warm_up=made.warm_up, cool_down=made.cool_down,
            idle=0.01 if disturbed else 0.6, others=1.9 if disturbed else 0.0,
        )  # fmt: skip
        place = fake.write(self._folder / f"records-{os.getpid()}-{next(self._records)}")
        records = {path.name: path.read_bytes() for path in place.iterdir()}
        network = NetworkRecord.model_validate_json(records["network.json"])
        lines = {name.removesuffix(".jsonl"): data for name, data in records.items()}
        return Outcome(
            None, 1.0, network, {name: lines[name] for name in lines if ".json" not in name}
        )

    def dies_running(self, plan: RunPlan, *, goes_on: bool) -> bool:
        """Run a plan in a process of its own; whether it was killed."""
        child = os.fork()
        if child == 0:
            try:
                conduct(plan, NO_GROUPS, "text", goes_on=goes_on)
                os._exit(0)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
        return os.WIFSIGNALED(status)


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
    points = machine.steps
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
        assert rows(plan) == rows(whole)
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


# From here on: what comes before the box.


class Outside:
    """What resume starts, in place of boxes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.carried_out: list[tuple[RunPlan, str, bool]] = []
        self.run: list[Any] = []
        self.screen, self.printed = io.StringIO(), io.StringIO()
        obstacles = {"linux-bridge": "", "ovs-user": "ovs-vsctl missing", "ovs-kernel": "no"}
        for name, text in (("messages", self.screen), ("answers", self.printed)):
            console = Console(file=text, width=200, force_terminal=False)
            monkeypatch.setattr(resume, name, lambda console=console: console)
        for name, value in (
            ("obstacles", lambda: obstacles),
            ("carry_out", self._carry_out),
            ("run", self.run.append),
            ("check_machine", lambda *_: None),
            ("check_memory", lambda *_: None),
            ("say", lambda text: self.screen.write(f"{text}\n")),
            ("report", lambda _: SimpleNamespace(table="the table", usable=True)),
            ("resolve", self._resolve),
        ):
            monkeypatch.setattr(resume, name, value)

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
    assert outside.screen.getvalue() == (
        f"going on with {plan.directory}: 2 of 2 trials are left\n"
    )


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
    swept = replace(planned(tmp_path).experiment, sweep=Sweep("batch", (1, 2)))
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
