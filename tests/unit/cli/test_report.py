"""`dmlbed report`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from orchestrator.analysis.tables.sweep import curves
from orchestrator.cli.main import cli
from tests.unit.analysis.builder import PUBLISHED, matrix, write_run
from tests.unit.analysis.fake_trial import FakeTrial
from tests.unit.analysis.sweeps import BATCHES, fake_trials, swept, write_sweep


def report(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "120"}).invoke(cli, ["report", *arguments])


def test_a_run_is_drawn_again(tmp_path: Path) -> None:
    write_run(tmp_path, matrix(1, ["none", "switch-priority"], 2), PUBLISHED)
    result = report(str(tmp_path))
    assert (result.exit_code, result.stderr) == (0, "")
    assert "switch-priority" in result.stdout
    assert result.stdout.splitlines()[-1] == f"figure: {tmp_path}/figure.png"
    for name in ("figure.png", "figure.svg", "summary.csv", "summary.json"):
        assert (tmp_path / name).stat().st_size > 0


def test_json_is_all_that_stdout_carries(tmp_path: Path) -> None:
    write_run(tmp_path, matrix(1, ["none", "switch-priority"], 2), PUBLISHED)
    result = report(str(tmp_path), "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    answer = json.loads(result.stdout)
    assert answer["run"] == str(tmp_path)
    assert [row["schedule"] for row in answer["rows"]] == ["none", "switch-priority"]
    keys = {"model", "schedule", "imgs_per_sec", "repeats", "speedup_pct", "verdict"}
    assert all(keys <= set(row) for row in answer["rows"])


def test_json_names_what_is_damaged(tmp_path: Path) -> None:
    trials = matrix(1, ["none"], 4)
    trials[0].outcome, trials[0].error = "failed", "worker0: killed"
    write_run(tmp_path, trials)
    places = sorted((tmp_path / "trials").iterdir())
    (places[1] / "ps.jsonl").write_text("{")
    shutil.rmtree(places[2])
    answer = json.loads(report(str(tmp_path), "--json").stdout)
    assert [one["trial"] for one in answer["failed"]] == [places[0].name, places[1].name]
    assert answer["failed"][0]["reason"] == "worker0: killed"
    assert "ps.jsonl:1: not JSON" in answer["failed"][1]["reason"]
    assert answer["missing"] == 1


def test_a_sweep_is_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves, "GRID", 3)
    experiment = swept(BATCHES, ["googlenet"], ["none", "p3"])
    trials = fake_trials(experiment, {"none": 0.5, "p3": 0.9})
    sweep = write_sweep(tmp_path / "sweep", experiment, trials)
    result = report(str(sweep))
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-1] == f"figure: {sweep}/figure.png"
    assert (sweep / "sweep.csv").stat().st_size > 0
    answer = json.loads(report(str(sweep), "--json").stdout)
    assert answer["run"] == str(sweep)
    assert len(answer["rows"]) == 6
    assert (answer["failed"], answer["missing"], answer["points_without_result"]) == ([], 0, {})
    # Every point is a run.
    assert report(str(sweep / "batch-9")).exit_code == 0


@pytest.mark.parametrize("kind", ["missing", "empty", "file"])
def test_a_directory_that_is_no_run(tmp_path: Path, kind: str) -> None:
    place = tmp_path / kind
    if kind == "empty":
        place.mkdir()
    if kind == "file":
        place.touch()
    result = report(str(place))
    assert (result.exit_code, result.stdout) == (2, "")
    what = "not there" if kind == "missing" else "not a run: no run.json in it"
    assert result.stderr.startswith(f"{place}: {what} (")
    assert result.stderr.count("\n") == 1


def test_a_run_without_a_finished_trial(tmp_path: Path) -> None:
    failed = FakeTrial()
    failed.outcome, failed.error = "failed", "worker0: killed"
    write_run(tmp_path, [failed])
    result = report(str(tmp_path))
    assert (result.exit_code, result.stdout) == (4, "")
    assert "nothing to report: " in result.stderr
    assert "worker0: killed" in result.stderr
    assert not (tmp_path / "figure.png").exists()
