"""A sweep through the command line: a testbed for every point, and what it leaves behind."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.system.experiments import (
    assert_ended_well,
    run_directory,
    stored_trials,
    write_experiment,
)
from tests.system.program import ROOT, Running, dmlbed, dmlbed_argv

pytestmark = [pytest.mark.system, pytest.mark.beside]

COMBINED = {"run.json", "sweep.csv", "sweep.json", "figure.png", "figure.svg"}


def test_two_points_of_a_grid(tmp_path: Path) -> None:
    slices = "{schedules: [switch-priority], values: [64 KiB]}"
    star = ROOT / "topologies" / "star.yaml"
    sweep_keys = f"sweep: {{workers: [2, 1], slice: {slices}}}\n"
    experiment = write_experiment(tmp_path, topology=star, more=sweep_keys)
    done = dmlbed("run", experiment, "--json", "--out", tmp_path / "out")
    assert_ended_well(done.returncode, done.stdout + done.stderr)
    sweep = run_directory(tmp_path / "out")
    answer = json.loads(done.stdout)
    assert Path(answer["run"]) == sweep
    assert answer["rows"] == json.loads((sweep / "sweep.json").read_text())

    assert {path.name for path in sweep.iterdir()} == {
        *COMBINED,
        "workers-2-slice-64KiB",
        "workers-1-slice-64KiB",
    }
    lines = list(csv.DictReader((sweep / "sweep.csv").open()))
    assert [(line["point"], line["workers"], line["schedule"]) for line in lines] == [
        ("workers-1-slice-64KiB", "1", "none"),
        ("workers-1-slice-64KiB", "1", "switch-priority"),
        ("workers-2-slice-64KiB", "2", "none"),
        ("workers-2-slice-64KiB", "2", "switch-priority"),
    ]
    for line in lines:
        assert float(line["imgs_per_sec"]) > 0
        assert float(line["predicted_imgs_per_sec"]) > 0
        assert (line["second_variable"], line["second_value"]) == ("slice", "65536")
    # Every point is a complete run, with its own workers.
    for label, workers in (("workers-2-slice-64KiB", 2), ("workers-1-slice-64KiB", 1)):
        trials = stored_trials(sweep / label)
        assert [trial.schedule for trial in trials] == ["none", "switch-priority"]
        for trial in trials:
            assert trial.record["outcome"] == "finished"
            assert len(trial.record["workers"]) == workers
        plan = json.loads((sweep / label / "run.json").read_text())["experiment"]
        assert plan["custom_schedules"]["switch-priority"]["slice_bytes"] == 64 * 1024
        assert len({trial.parameters for trial in trials}) == 1
    assert dmlbed("report", sweep / "workers-1-slice-64KiB").returncode == 0

    before = (sweep / "sweep.csv").read_bytes()
    for name in COMBINED - {"run.json"}:
        (sweep / name).unlink()
    again = dmlbed("report", sweep)
    assert again.returncode == 0, again.stderr
    assert (sweep / "sweep.csv").read_bytes() == before
    assert {path.name for path in sweep.iterdir()} >= COMBINED


def test_ctrl_c_keeps_the_points_that_had_finished(tmp_path: Path) -> None:
    experiment = write_experiment(tmp_path, schedules="none", more="sweep: {batch: [1, 2, 3]}\n")
    with Running(dmlbed_argv("run", experiment, "--out", tmp_path / "out")) as running:
        running.wait_for("point 2 of 3: batch-2")
        running.wait_for("building the testbed")
        running.press_ctrl_c()
        assert running.end() == 130, running.said()
    sweep = run_directory(tmp_path / "out")
    assert {path.name for path in sweep.iterdir()} == {*COMBINED, "batch-1"}
    assert "2 has no result: not run" in "".join(running.stdout)
