"""The conductor: trial after trial, a report however it ends, and its exit code."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import signal
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from orchestrator.emulation.limits.run_groups import NO_GROUPS
from orchestrator.emulation.switches.choice import SwitchChoice
from orchestrator.errors import MachineError, RunError, UnusableError
from orchestrator.records.goodput import GoodputRecord
from orchestrator.records.network import ControllerRecord, LossRecord
from orchestrator.session.inner import run as conductor
from orchestrator.session.inner.observed import Outcome
from orchestrator.session.inner.program import guarded
from orchestrator.session.inner.run import conduct
from orchestrator.session.inner.trial import trial_record
from orchestrator.session.plan.run_plan import Answer, RunPlan
from orchestrator.session.plan.trials import Trial
from orchestrator.session.store import reported
from orchestrator.session.store.attempts import Attempts
from orchestrator.session.store.results import ResultsDirectory
from orchestrator.spec import Experiment
from tests.unit.analysis.record_builder import network_record
from tests.unit.session.examples import FAILED_ORDER, experiment, experiment_of_failing_order
from tests.unit.session.inner.test_trial import Stage as TrialStage

ANSWER = {"run": "results/tiny/1", "rows": [{"model": "googlenet"}]}


class FakeTestbed:
    """A testbed without a network."""

    work_directory = "/run/t/work"

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def __enter__(self) -> FakeTestbed:
        self._stage.log.append("up")
        if self._stage.does_not_come_up:
            raise self._stage.does_not_come_up
        return self

    def __exit__(self, *_: object) -> None:
        self._stage.log.append("down")

    def description(self) -> str:
        return "4 hosts"

    def warnings(self) -> tuple[str, ...]:
        return ()

    def losses(self, _since_ns: int) -> tuple[LossRecord, ...]:
        return self._stage.losses_before

    def check(self) -> None:
        if self._stage.gone_after == self._stage.tried:
            raise RunError("host worker1 of the testbed is gone")


class Stage:
    """Everything around the conductor; a test says how each trial ends.

    Attributes:
        outcomes: by trial index, what it ends with; the others finish.
        usable: what the report says.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.out = folder / "out"
        switch = SwitchChoice("linux-bridge", "asked for")
        self.plan = RunPlan.made(experiment(folder, repeats=1), switch, self.out / "tiny")
        self.answer: Answer = "text"
        self.tried_trials: list[Trial] = []
        self.outcomes: dict[int, str | BaseException] = {}
        self.does_not_come_up: BaseException | None = None
        self.gone_after: int | None = None
        self.tried = 0
        self.usable = True
        self.losses: tuple[LossRecord, ...] = ()
        self.losses_before: tuple[LossRecord, ...] = ()
        self.goodput = GoodputRecord(failed="worker0: killed\nits last output: none")
        self.reports: list[Path] = []
        self.given_to_caller: list[Path | None] = []
        self.log: list[str] = []
        self.screen = io.StringIO()
        self.printed = io.StringIO()
        for name, text in (("messages", self.screen), ("answers", self.printed)):
            console = Console(file=text, width=100, force_terminal=False)
            monkeypatch.setattr(reported, name, lambda console=console: console)
        messages = Console(file=self.screen, width=100, force_terminal=False)
        monkeypatch.setattr(conductor, "messages", lambda: messages)

        @contextlib.contextmanager
        def opened(*_: object) -> Iterator[SimpleNamespace]:
            with FakeTestbed(self) as testbed:
                yield SimpleNamespace(testbed=testbed, deployment=None)

        monkeypatch.setattr(conductor, "opened", opened)
        monkeypatch.setattr(conductor, "run_trial", self._run_trial)
        monkeypatch.setattr(conductor, "measure_goodput", lambda *_: self.goodput)
        monkeypatch.setattr(reported, "report", self._report)
        monkeypatch.setattr(
            ResultsDirectory,
            "give_to_caller",
            lambda results: self.given_to_caller.append(results.path),
        )
        # The conductor's process ignores Ctrl-C at its end; that of the tests must not.
        monkeypatch.setattr(signal, "signal", lambda *_: None)

    def _run_trial(self, made: Experiment, trial: Trial, *_: object) -> Outcome:
        self.tried += 1
        self.tried_trials.append(trial)
        end = self.outcomes.get(trial.index)
        if isinstance(end, BaseException):
            raise end
        network = network_record(controller=ControllerRecord(losses=self.losses))
        record = trial_record(made, trial, end, 1.0, network.switch)
        return Outcome(record, network, {"ps": b""})

    def _report(self, path: Path) -> SimpleNamespace:
        self.reports.append(path)
        return SimpleNamespace(
            table="the table", as_json=lambda: ANSWER, usable=self.usable, why_unusable="why"
        )

    def conduct(self) -> None:
        conduct(self.plan, NO_GROUPS, self.answer)

    def guarded(self) -> int:
        return guarded(self.conduct, lambda: "stopped, as it says")

    def kept(self) -> list[str]:
        return sorted(path.name for path in self.out.glob("tiny/*/trials/*"))


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(tmp_path, monkeypatch)


def test_a_run_that_ends_well(stage: Stage) -> None:
    stage.conduct()
    assert stage.kept() == [
        "001-googlenet-none-1",
        "002-googlenet-switch-priority-1",
        "003-squeezenet-none-1",
        "004-squeezenet-switch-priority-1",
    ]
    (run,) = stage.out.glob("tiny/*")
    assert stage.reports == [run]
    assert stage.given_to_caller == [run]
    assert stage.log == ["up", "down"]
    assert "[4/4] squeezenet switch-priority" in stage.screen.getvalue()
    # What `dmlbed run ... > log` keeps.
    assert stage.printed.getvalue() == f"the table\nfigure: {run}/figure.png\nrun: {run}\n"


def test_the_record_of_the_run(stage: Stage) -> None:
    stage.conduct()
    (run,) = stage.out.glob("tiny/*")
    record = json.loads((run / "run.json").read_text())
    assert run.name == f"{run.name[:15]}-{record['digest']}"
    assert record["experiment"] == stage.plan.experiment.to_json()
    assert record["switch"]["kind"] == "linux-bridge"
    assert {"dmlbed", "python", "numpy", "kernel"} <= set(record["versions"])
    assert GoodputRecord.model_validate(record["goodput"]) == stage.goodput


def test_a_goodput_that_was_not_measured_is_told_and_the_run_goes_on(stage: Stage) -> None:
    stage.conduct()
    screen = stage.screen.getvalue()
    assert "goodput: not measured, bounds take the rates\n" in screen
    reason = "the goodput could not be measured, bounds take the rates: worker0: killed\n"
    assert screen.count(f"doubtful: {reason}") == 1
    assert len(stage.kept()) == 4


def test_json_is_all_that_stdout_carries(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.conduct()
    assert capsys.readouterr().out == ""
    stage.answer = "json"
    stage.conduct()
    assert json.loads(capsys.readouterr().out) == ANSWER
    assert "the table" in stage.screen.getvalue()


def test_a_point_of_a_sweep_leaves_json_to_the_sweep(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.answer = "point-of-json"
    stage.conduct()
    assert capsys.readouterr().out == stage.printed.getvalue() == ""
    assert "the table" in stage.screen.getvalue()


def test_a_failed_trial_is_kept_and_counted_and_the_others_run(stage: Stage) -> None:
    stage.outcomes = {2: "worker0: killed", 3: "ps: silent"}
    with pytest.raises(RunError, match=r"^2 of 4 trials failed$"):
        stage.conduct()
    assert len(stage.kept()) == 4
    assert len(stage.reports) == 1
    assert "failed: worker0: killed" in stage.screen.getvalue()


def test_an_order_that_fails_in_some_trials_only_ends_those(
    stage: Stage,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = experiment_of_failing_order(tmp_path)
    stage.plan = RunPlan.made(made, stage.plan.switch, stage.out / "tiny")
    monkeypatch.setattr(conductor, "run_trial", lambda _, trial, *__: TrialStage(made, trial).run())
    assert stage.guarded() == 4
    assert capsys.readouterr().err == "dmlbed: 1 of 4 trials failed\n"
    (run,) = stage.out.glob("tiny/*")
    told = {
        place.name: json.loads((place / "trial.json").read_text())["error"]
        for place in run.glob("trials/*")
    }
    assert told == {
        "001-squeezenet-none-1": None,
        "002-squeezenet-own-1": None,
        "003-squeezenet-own-2": FAILED_ORDER,
        "004-squeezenet-none-2": None,
    }
    assert stage.reports == [run]
    assert f"failed: {FAILED_ORDER}" in " ".join(stage.screen.getvalue().split())


def test_a_disturbed_trial_is_repeated_and_all_attempts_are_kept(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def disturbed_by(place: Path) -> tuple[str, ...]:
        return ("others",) if place.name == "002-googlenet-switch-priority-1" else ()

    monkeypatch.setattr(conductor, "disturbed_by", disturbed_by)
    quiet = partial(Attempts, wait=lambda _: True)
    monkeypatch.setattr(conductor, "Attempts", quiet)
    stage.conduct()
    assert len(stage.kept()) == 5
    assert stage.kept()[1:3] == [
        "002-googlenet-switch-priority-1",
        "002-googlenet-switch-priority-1.2",
    ]
    assert "repeat 1/1, attempt 2, iteration" in stage.screen.getvalue()


@pytest.mark.parametrize(("retries", "expected"), [(0, 1), (2, 3), (10, 3)])
def test_the_goodput_is_tried_as_often_as_a_trial_but_three_times_at_most(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, retries: int, expected: int
) -> None:
    asked = []

    def once(attempt: Any, _say: object, *, times: int) -> Any:
        asked.append(times)
        return attempt()

    monkeypatch.setattr(conductor, "undisturbed", once)
    stage.plan = replace(stage.plan, experiment=replace(stage.plan.experiment, retries=retries))
    stage.conduct()
    assert asked == [expected]


def test_figures_that_may_not_be_used(stage: Stage) -> None:
    stage.usable = False
    with pytest.raises(UnusableError):
        stage.conduct()


def test_failed_trials_weigh_more_than_figures(stage: Stage) -> None:
    stage.usable = False
    stage.outcomes = {1: "worker0: killed"}
    with pytest.raises(RunError):
        stage.conduct()


def test_ctrl_c_keeps_and_reports_what_had_finished(stage: Stage) -> None:
    stage.outcomes = {3: KeyboardInterrupt()}
    with pytest.raises(KeyboardInterrupt):
        stage.conduct()
    assert stage.kept() == ["001-googlenet-none-1", "002-googlenet-switch-priority-1"]
    (run,) = stage.out.glob("tiny/*")
    assert stage.reports == [run]
    assert f"run: {run}" in stage.printed.getvalue()
    assert len(stage.given_to_caller) == 1
    assert stage.log == ["up", "down"]


def test_ctrl_c_before_the_first_trial_leaves_nothing(stage: Stage) -> None:
    stage.outcomes = {1: KeyboardInterrupt()}
    with pytest.raises(KeyboardInterrupt):
        stage.conduct()
    assert not stage.out.exists()
    assert stage.reports == []


def test_a_testbed_that_does_not_come_up_leaves_nothing(stage: Stage) -> None:
    stage.does_not_come_up = RunError("the SSH servers of the hosts do not come up")
    with pytest.raises(RunError, match="do not come up"):
        stage.conduct()
    assert not stage.out.exists()


def test_a_testbed_that_breaks_ends_the_run(stage: Stage) -> None:
    stage.gone_after = 2
    with pytest.raises(RunError, match="host worker1 of the testbed is gone"):
        stage.conduct()
    assert len(stage.kept()) == 2
    assert len(stage.reports) == 1


@pytest.mark.parametrize("end", [KeyboardInterrupt(), RunError("the testbed broke")])
def test_why_it_ended_is_not_hidden_by_a_report_that_fails(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, end: BaseException
) -> None:
    def nothing_to_report(_: Path) -> None:
        raise RunError("nothing to report")

    monkeypatch.setattr(reported, "report", nothing_to_report)
    stage.outcomes = {1: "worker0: killed", 2: end}
    with pytest.raises(type(end)) as error:
        stage.conduct()
    assert error.value is end
    assert len(stage.given_to_caller) == 1


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (KeyboardInterrupt(), 130, "stopped, as it says"),
        (MachineError("no sshd", "make setup"), 3, "no sshd (make setup)"),
        (RunError("1 of 4 trials failed"), 4, "1 of 4 trials failed"),
        (UnusableError("see the verdicts"), 5, "see the verdicts"),
    ],
)
def test_exit_codes(
    stage: Stage, capsys: pytest.CaptureFixture[str], error: BaseException, code: int, line: str
) -> None:
    stage.does_not_come_up = error
    assert stage.guarded() == code
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", f"dmlbed: {line}\n")


def test_a_run_that_ends_well_ends_with_0(stage: Stage) -> None:
    assert stage.guarded() == 0


def test_a_run_whose_reader_has_gone_is_kept_and_says_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("orchestrator.session.inner.program.finished", lambda status: status or 141)
    assert stage.guarded() == 141
    assert len(stage.kept()) == 4
    assert len(stage.given_to_caller) == 1
    assert capsys.readouterr().err == ""


def test_a_full_disk(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(_: ResultsDirectory, trial: Trial, _files: object) -> None:
        raise OSError(errno.ENOSPC, f"no space for {trial}")

    monkeypatch.setattr(ResultsDirectory, "store", full)
    assert stage.guarded() == 3
    assert capsys.readouterr().err == (
        "dmlbed: no space left on the disk (free some, or write elsewhere with --out)\n"
    )


def test_an_error_of_ours_is_not_hidden(stage: Stage) -> None:
    stage.outcomes = {1: OSError(errno.EBADF, "a bug")}
    with pytest.raises(OSError, match="a bug"):
        stage.guarded()


def test_a_lost_controller_is_told_and_the_run_goes_on(stage: Stage) -> None:
    stage.losses = (LossRecord(what="controller (killed by signal 9)", t_ns=1),)
    stage.conduct()
    assert stage.screen.getvalue().count(
        "lost: controller (killed by signal 9); the switches keep their rules\n"
    ) == len(stage.kept())


def test_a_controller_that_is_lost_before_the_trials_is_told(stage: Stage) -> None:
    stage.losses_before = (LossRecord(what="controller (killed by signal 9)", t_ns=1),)
    stage.conduct()
    assert stage.screen.getvalue().count("lost: controller (killed by signal 9)") == 1
