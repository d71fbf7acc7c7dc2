"""The conductor: trial after trial, and what it tells meanwhile."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import RunError
from orchestrator.records.goodput import GoodputRecord, PortGoodput
from orchestrator.records.network import LossRecord
from orchestrator.session.inner import run as conductor
from orchestrator.session.plan.run_plan import RunPlan
from orchestrator.session.store.attempts import Attempts
from tests.unit.session.examples import FAILED_ORDER, experiment_of_failing_order
from tests.unit.session.inner.conducted import ANSWER, Stage
from tests.unit.session.inner.test_trial import Stage as TrialStage


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


@pytest.mark.parametrize(
    ("found", "end"),
    [
        ((True, 0.89, ""), 75),
        ((True, 0.98, ""), 0),
        ((False, 0.89, ""), 0),
        ((True, 0.89, "others had the CPUs"), 0),  # which says nothing of the scale
    ],
)
def test_a_remembered_scale_that_links_refute_ends_the_run_before_its_first_trial(
    stage: Stage,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    found: tuple[bool, float, str],
    end: int,
) -> None:
    remembered, share, disturbed = found

    def looked(attempt: Any, *_: object, **__: object) -> Any:
        return replace(attempt(), disturbed=disturbed)

    monkeypatch.setattr(conductor, "undisturbed", looked)
    monkeypatch.setattr(conductor, "evidence_of", lambda *_: None)
    port = PortGoodput(
        port="a->b", direction="pull", payload_bytes=10**8, seconds=2, bps=share, nominal_bps=1
    )
    stage.goodput = GoodputRecord(ports=(port,))
    stage.plan = replace(stage.plan, calibration={"remembered": remembered, "chosen": 1})
    assert stage.guarded() == end
    assert len(stage.kept()) == (0 if end else 4)
    told = " ".join(stage.screen.getvalue().split())
    assert ("it is forgotten and calibrated anew" in told) is bool(end)
    if end:
        assert (capsys.readouterr().err, stage.reports) == ("", [])
        assert list(stage.out.glob("tiny/*")) == []


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
