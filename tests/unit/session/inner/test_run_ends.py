"""How a run ends: what is kept and reported, and its exit code."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from orchestrator.errors import MachineError, RunError, UnusableError
from orchestrator.session.plan.trials import Trial
from orchestrator.session.store import reported
from orchestrator.session.store.results import ResultsDirectory
from tests.unit.session.inner.conducted import Stage


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(tmp_path, monkeypatch)


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
