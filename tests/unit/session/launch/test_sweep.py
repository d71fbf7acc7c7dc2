"""A sweep: every point as a run of its own, a report however it ends, and its exit code."""

from __future__ import annotations

import importlib
import io
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from orchestrator.emulation.switches.choice import SwitchChoice
from orchestrator.errors import (
    DmlbedError,
    Interrupted,
    MachineError,
    ReaderGoneError,
    RunError,
    UnusableError,
)
from orchestrator.session.launch.sweep import run_sweep
from orchestrator.session.plan.run_plan import RunPlan
from orchestrator.session.testbed.box import ReportedError
from orchestrator.spec import Point, Sweep, Variable
from tests.unit.session.examples import experiment

MODULE = importlib.import_module("orchestrator.session.launch.sweep")
ANSWER = {"run": "results/tiny/1", "rows": [{"model": "googlenet"}]}


class Stage:
    """A sweep of three points; a test says how each ends, and which leave results.

    Attributes:
        ends: by label, what running it raises; the others end well.
        empty: labels of points that leave nothing.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        swept = replace(experiment(folder), sweep=Sweep((Variable("batch", (4, 1, 2)),)))
        self.out = folder / "out"
        switch = SwitchChoice("linux-bridge", "asked for")
        self.plan = RunPlan.made(swept, switch, self.out / "tiny")
        self.as_json = False
        self.run_points: list[tuple[Point, Path]] = []
        self.ends: dict[str, BaseException] = {}
        self.empty: set[str] = set()
        self.reports: list[Path] = []
        self.report_fails = False
        self.screen = io.StringIO()
        self.printed = io.StringIO()
        for name, text in (("messages", self.screen), ("answers", self.printed)):
            console = Console(file=text, width=100, force_terminal=False)
            monkeypatch.setattr(MODULE, name, lambda console=console: console)
        monkeypatch.setattr("orchestrator.analysis.report_sweep", self._report)

    def _run_point(self, point: Point, place: Path) -> None:
        self.run_points.append((point, place))
        if point.label not in self.empty:
            place.mkdir(exist_ok=True)
        if point.label in self.ends:
            raise self.ends[point.label]

    def _report(self, directory: Path) -> SimpleNamespace:
        self.reports.append(directory)
        if self.report_fails:
            raise RunError("nothing to report")
        return SimpleNamespace(table="the table", as_json=lambda: ANSWER)

    def run(self, *, goes_on: bool = False) -> None:
        run_sweep(self.plan, self._run_point, as_json=self.as_json, goes_on=goes_on)

    def labels(self) -> list[str]:
        return [point.label for point, _ in self.run_points]

    def directory(self) -> Path:
        (directory,) = self.out.glob("tiny/*")
        return directory


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(tmp_path, monkeypatch)


def test_a_sweep_that_ends_well(stage: Stage) -> None:
    stage.run()
    directory = stage.directory()
    assert stage.labels() == ["batch-4", "batch-1", "batch-2"]
    assert [place for _, place in stage.run_points] == [
        directory / label for label in ("batch-4", "batch-1", "batch-2")
    ]
    assert [point.experiment.batch for point, _ in stage.run_points] == [4, 1, 2]
    assert stage.reports == [directory]
    screen = stage.screen.getvalue()
    assert screen.startswith("point 1 of 3: batch-4\npoint 2 of 3: batch-1\n")
    answer = f"the table\nfigure: {directory}/figure.png\nsweep: {directory}\n"
    assert stage.printed.getvalue() == answer


def test_the_record_of_a_sweep(stage: Stage) -> None:
    stage.run()
    record = json.loads((stage.directory() / "run.json").read_text())
    assert record["experiment"]["sweep"] == {
        "variables": [{"key": "batch", "values": [4, 1, 2]}],
    }
    assert record["digest"] in stage.directory().name
    assert RunPlan.from_record(record, stage.directory()) == stage.plan


def test_a_sweep_that_goes_on_stays_where_it_is(stage: Stage) -> None:
    stage.ends = {"batch-1": KeyboardInterrupt()}
    with pytest.raises(Interrupted):
        stage.run()
    assert f"`dmlbed run {stage.directory()}` continues it\n" in stage.screen.getvalue()
    before = (stage.directory() / "run.json").read_bytes()
    stage.ends = {}
    stage.run(goes_on=True)
    assert stage.labels() == ["batch-4", "batch-1", "batch-4", "batch-1", "batch-2"]
    assert stage.reports == [stage.directory()] * 2
    assert (stage.directory() / "run.json").read_bytes() == before


def test_json_is_one_object_for_all(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.as_json = True
    stage.run()
    assert json.loads(capsys.readouterr().out) == ANSWER
    assert "the table" in stage.screen.getvalue()


def test_a_point_whose_reader_has_gone_went_well(stage: Stage) -> None:
    stage.ends = {"batch-1": ReaderGoneError()}
    stage.run()
    assert len(stage.run_points) == 3


@pytest.mark.parametrize(
    ("ends", "code"),
    [
        ({"batch-4": ReportedError(5)}, 5),
        ({"batch-4": ReportedError(4), "batch-2": UnusableError("figures")}, 4),
        ({"batch-1": MachineError("carries no scale"), "batch-2": ReportedError(5)}, 3),
        ({"batch-1": MachineError("carries no scale"), "batch-2": RunError("killed")}, 4),
    ],
)
def test_points_that_fail_do_not_stop_the_others(
    stage: Stage, ends: dict[str, BaseException], code: int
) -> None:
    stage.ends = ends
    with pytest.raises(DmlbedError) as error:
        stage.run()
    assert error.value.exit_code == code
    assert len(stage.run_points) == 3
    assert stage.reports == [stage.directory()]
    named = [label for label in ("batch-4", "batch-1", "batch-2") if label in ends]
    assert str(error.value) == f"{len(ends)} of 3 points did not end well: {', '.join(named)}"
    for label, end in ends.items():
        assert isinstance(end, DmlbedError)
        for line in end.lines():
            assert f"{label}: {line}\n" in stage.screen.getvalue()


@pytest.mark.parametrize(
    "end", [ReportedError(130), Interrupted("stopped at once"), KeyboardInterrupt()]
)
def test_ctrl_c_keeps_what_had_finished_and_reports_it(stage: Stage, end: BaseException) -> None:
    stage.ends["batch-1"] = end
    stage.empty = {"batch-1"}
    with pytest.raises(DmlbedError) as error:
        stage.run()
    assert error.value.exit_code == 130
    assert stage.labels() == ["batch-4", "batch-1"]
    assert stage.reports == [stage.directory()]
    assert (stage.directory() / "batch-4").is_dir()


def test_a_stop_is_said_even_if_the_report_fails(stage: Stage) -> None:
    stage.ends["batch-1"] = KeyboardInterrupt()
    stage.report_fails = True
    with pytest.raises(Interrupted, match="stopped; what had finished is kept"):
        stage.run()


def test_a_report_that_fails_is_an_error_of_its_own_only_if_nothing_else_was(stage: Stage) -> None:
    stage.report_fails = True
    with pytest.raises(RunError, match="nothing to report"):
        stage.run()
    stage.ends["batch-1"] = ReportedError(4)
    with pytest.raises(DmlbedError, match="1 of 3 points did not end well"):
        stage.run()


def test_nothing_stays_of_a_sweep_without_results(stage: Stage) -> None:
    labels = ("batch-4", "batch-1", "batch-2")
    stage.empty = set(labels)
    stage.ends = {label: MachineError("carries no scale") for label in labels}
    with pytest.raises(DmlbedError) as error:
        stage.run()
    assert error.value.exit_code == 3
    assert (stage.reports, list(stage.out.iterdir())) == ([], [])


def test_two_sweeps_in_one_second_do_not_meet(stage: Stage) -> None:
    stage.run()
    stage.run()
    assert len(list(stage.out.glob("tiny/*"))) == 2
