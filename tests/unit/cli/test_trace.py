"""`dmlbed trace`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from orchestrator.cli.main import cli
from tests.unit.analysis.builder import write_run
from tests.unit.analysis.fake_trial import FakeTrial
from tests.unit.analysis.sweeps import BATCHES, fake_trials, swept, write_sweep

NAMES = ((0, "none"), (1, "switch-priority"))


def trace(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "80"}).invoke(cli, ["trace", *arguments])


@pytest.fixture
def run(tmp_path: Path) -> Path:
    trials = [
        FakeTrial("squeezenet", schedule, spans=True, rates=8, iterations=2, warm_up=1)
        for schedule in ("none", "switch-priority")
    ]
    return write_run(tmp_path / "run", trials, topology=True)


def test_every_trial_gets_a_trace_and_a_figure(run: Path) -> None:
    result = trace(str(run))
    assert (result.exit_code, result.stderr) == (0, "")
    places = [run / "trials" / f"00{n}-squeezenet-{s}-0" for n, s in NAMES]
    files = [place / name for place in places for name in ("trace.json", "trace.png")]
    assert result.stdout.splitlines() == [str(file) for file in files]
    assert all(file.stat().st_size > 0 for file in files)
    document = json.loads(files[0].read_text())
    assert document["otherData"]["model"] == "squeezenet"


def test_one_trial(run: Path) -> None:
    result = trace(str(run), "--trial", "1")
    assert (result.exit_code, result.stderr) == (0, "")
    assert len(result.stdout.splitlines()) == 2
    written = sorted(file.parent.name for file in run.rglob("trace.*"))
    assert written == ["001-squeezenet-switch-priority-0"] * 2


def test_a_trial_with_all_its_attempts(tmp_path: Path) -> None:
    trials = [FakeTrial("squeezenet", attempt=number, spans=True) for number in (1, 2)]
    result = trace(str(write_run(tmp_path, trials, topology=True)), "--trial", "0")
    assert (result.exit_code, result.stderr) == (0, "")
    written = sorted(file.parent.name for file in tmp_path.rglob("trace.json"))
    assert written == ["000-squeezenet-none-0", "000-squeezenet-none-0.2"]


def test_a_trial_that_is_not_there(run: Path) -> None:
    result = trace(str(run), "--trial", "7")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"--trial: no finished trial 7 in {run} (finished: 0, 1)\n"


def test_a_sweep_is_no_run_but_its_points_are(tmp_path: Path) -> None:
    experiment = swept(BATCHES, ["squeezenet"], ["none"])
    sweep = write_sweep(tmp_path / "sweep", experiment, fake_trials(experiment, {"none": 0.9}))
    result = trace(str(sweep))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"{sweep}: a sweep, not a run (name one of its points, such as {sweep}/batch-1)\n"
    )


def test_a_run_of_an_older_version(tmp_path: Path) -> None:
    write_run(tmp_path, [FakeTrial()], topology=True)
    result = trace(str(tmp_path))
    assert (result.exit_code, result.stdout) == (2, "")
    place = tmp_path / "trials/000-alexnet-none-0"
    assert result.stderr == f"{place}: recorded by a version without spans (run it again)\n"
    assert not list(tmp_path.rglob("trace.*"))


def test_a_directory_that_is_no_run(tmp_path: Path) -> None:
    result = trace(str(tmp_path))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "not a run: no run.json in it" in result.stderr
