"""The whole way from a run directory to its files."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import pytest

from orchestrator.analysis import read_run, report, summarise
from orchestrator.analysis.report import caption
from orchestrator.errors import RunError
from tests.unit.analysis.builder import PUBLISHED, matrix, write_run
from tests.unit.analysis.fake_trial import FakeTrial

FILES = ["figure.png", "figure.svg", "summary.csv", "summary.json"]


def test_report_writes_its_files_and_returns_the_rows(tmp_path: Path) -> None:
    trials = matrix(2, ["none", "switch-priority"], 2)
    trials[2].idle = 0.1
    write_run(tmp_path, trials, PUBLISHED)
    got = report(tmp_path)
    assert sorted(path.name for path in got.files) == FILES
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [*FILES, "run.json", "trials"]
    )
    assert json.loads((tmp_path / "summary.json").read_text()) == list(got.rows)
    assert len(list(csv.DictReader((tmp_path / "summary.csv").open()))) == 8
    assert (got.level, got.usable) == ("doubtful", True)


def test_one_unusable_row_makes_the_run_unusable(tmp_path: Path) -> None:
    got = report(write_run(tmp_path, [FakeTrial(), FakeTrial("resnet50", idle=0.01)]))
    assert (got.level, got.usable) == ("unusable", False)


def test_reporting_again_changes_nothing(tmp_path: Path) -> None:
    write_run(tmp_path, matrix(1, ["none"], 2), PUBLISHED)
    report(tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in FILES}
    report(tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in FILES} == before


def test_what_cannot_be_written_leaves_what_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(tmp_path, matrix(1, ["none"], 1))
    (tmp_path / "summary.csv").write_text("of an earlier report")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(RunError, match=r"summary\.csv: cannot be written: No space left on device"):
        report(tmp_path)
    assert (tmp_path / "summary.csv").read_text() == "of an earlier report"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.json", "summary.csv", "trials"]


def test_caption_says_how_it_was_measured(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path, matrix(1, ["none", "switch-priority"], 3)))
    got = caption(run, summarise(run))
    assert got.title == "published: imgs/sec under none and switch-priority"
    assert got.text == (
        "measured on dmlbed 0.1.0, linux-bridge, R = 1, D = 0.5, 3 workers, batch 1, 3 repeats of"
        " 5 iterations after 2 warm-up and before 1 cool-down, congestion control cubic, verdict"
        " ok."
    )


@pytest.mark.parametrize("level", ["doubtful", "unusable"])
def test_a_forced_scale_marks_every_figure(tmp_path: Path, level: str) -> None:
    reason = (
        "forced scale: 50 % of 1 Gbit/s both ways, 2 % idle; "
        "needed are 95 % of the rates and in priority, and 5 % idle"
    )
    write_run(tmp_path, matrix(1, ["none", "switch-priority"], 2))
    record = json.loads((tmp_path / "run.json").read_text())
    calibration: dict[str, object] = {"asked": "R=1, D=0.5"}
    calibration["forced"] = {"level": level, "reason": reason}
    (tmp_path / "run.json").write_text(json.dumps({**record, "calibration": calibration}))
    got = report(tmp_path)
    assert [(row["verdict"], row["reasons"]) for row in got.rows] == [(level, [reason])] * 2
    assert (got.level, got.usable) == (level, level == "doubtful")
    assert reason in caption(read_run(tmp_path), got.summary).text
    trials = list(csv.DictReader((tmp_path / "summary.csv").open()))
    assert {(trial["verdict"], trial["reasons"]) for trial in trials} == {(level, reason)}
    # A run at a scale that was carried is not marked.
    calibration["forced"] = None
    (tmp_path / "run.json").write_text(json.dumps({**record, "calibration": calibration}))
    assert report(tmp_path).level == "ok"


def test_caption_confesses(tmp_path: Path) -> None:
    trials = [FakeTrial(repeat=0), FakeTrial(repeat=1, idle=0.1), FakeTrial(repeat=2)]
    trials[2].outcome, trials[2].error = "failed", "killed\nits last output:\n    refused"
    run = read_run(write_run(tmp_path, trials))
    assert caption(run, summarise(run)).text.endswith(
        "verdict of 1 bar: 1 doubtful, 1 of 3 trials failed or missing."
    )
    # The run has shown all of it when it happened.
    assert report(tmp_path).table.notes == (
        "not reported: 002-alexnet-none-2: killed (more in trials/002-alexnet-none-2/trial.json)",
    )
    assert "refused" in (tmp_path / "summary.csv").read_text()
