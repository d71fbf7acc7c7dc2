"""Shares of the bound, from what a run keeps of its experiment."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.analysis import read_run, report, summarise
from orchestrator.analysis.measures.bound_share import (
    bound_imgs_per_sec,
    demand_imgs_per_sec,
    share_of_gain,
)
from orchestrator.analysis.tables.summary_files import row_json
from orchestrator.predict import bound_of, goodput_bps
from orchestrator.spec import load_experiment
from tests.unit.analysis.builder import PUBLISHED, matrix, reference, write_run
from tests.unit.analysis.fake_trial import FakeTrial
from workloads.schedule.library import get_schedule

ROOT = Path(__file__).parents[4]
BOTH = ["none", "switch-priority"]


@pytest.mark.parametrize(
    ("model", "batch", "expected"),
    [("alexnet", 1, 0.4833), ("googlenet", 1, 4.270), ("mobilenet", 1, 3.215)],
)
def test_the_reference_run(model: str, batch: int, expected: float) -> None:
    bound = bound_imgs_per_sec(reference(), model, batch)
    assert bound == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("name", ["small", "loop", "square"])
def test_what_a_run_keeps_of_its_experiment_is_enough(tmp_path: Path, name: str) -> None:
    topology = ROOT / f"tests/golden/good/{name}.yaml"
    file = tmp_path / "on.yaml"
    file.write_text(f"name: on\ntopology: {topology}\nmodels: [alexnet]\nschedules: [none]\n")
    experiment = load_experiment(file)
    kept = json.loads(json.dumps(experiment.resolved()))
    for model in experiment.models:
        assert bound_imgs_per_sec(kept, model, experiment.batch) is not None


@pytest.mark.parametrize(
    "experiment",
    [
        {},
        {"topology": None, "devices": {}},
        {"topology": {"name": "t"}, "devices": {}},
        {**reference(), "devices": {}},
        {
            **reference(),
            "devices": {"published-worker-6-cores-2GHz": {"name": "x", "seconds_per_gmac": "?"}},
        },
    ],
)
def test_without_topology_or_devices_nobody_knows(experiment: dict[str, Any]) -> None:
    assert bound_imgs_per_sec(experiment, "alexnet", 1) is None


@pytest.mark.parametrize(
    ("schedule", "of", "u"),
    [
        ("ring", "any aggregation", 4 / 3),
        ("split", "any aggregation", 1.2),
        ("fp16", "what is sent", 1.5),
    ],
)
def test_what_a_trial_sent_has_a_bound_of_its_own(schedule: str, of: str, u: float) -> None:
    """From what run.json and trial.json keep: resolved choices, and the demands."""
    experiment = load_experiment(ROOT / "experiments/published.yaml")
    kept = json.loads(json.dumps(experiment.resolved()))
    demands = experiment.demands(schedule, "alexnet").all
    chosen = experiment.schedule(schedule)
    rate = demand_imgs_per_sec(kept, "alexnet", 1, demands, chosen)
    whole = bound_imgs_per_sec(kept, "alexnet", 1)
    assert rate is not None
    assert whole is not None
    assert rate == pytest.approx(whole * 3 / u, rel=1e-3)
    assert bound_of(chosen) == of
    # A goodput that was measured counts.
    slow = dict.fromkeys((f"switch1->worker{n}" for n in range(3)), 1e8)
    slower = demand_imgs_per_sec(kept, "alexnet", 1, demands, chosen, goodputs=slow)
    assert slower is not None
    assert slower < rate / 2


def test_a_coded_row_is_held_against_what_it_sent(tmp_path: Path) -> None:
    demands = load_experiment(ROOT / "experiments/published.yaml").demands("fp16", "alexnet").all
    coded = get_schedule("fp16")
    trials = [
        FakeTrial(schedule="none", imgs_per_sec=0.2),
        FakeTrial(schedule="fp16", imgs_per_sec=0.4, communication=coded, demands=demands),
    ]
    rows = {
        row.schedule: row
        for row in summarise(read_run(write_run(tmp_path, trials, topology=True))).rows
    }
    none, fp16 = (rows[name].bound_imgs_per_sec for name in ("none", "fp16"))
    assert none is not None
    assert fp16 == pytest.approx(2 * none, rel=1e-3)
    assert row_json(rows["fp16"])["bound_of"] == "what is sent"


def test_a_model_of_another_version_has_no_bound() -> None:
    assert bound_imgs_per_sec(reference(), "transformer", 1) is None


def test_keys_of_newer_versions_are_ignored() -> None:
    experiment = reference()
    experiment["topology"]["hosts"][0]["colour"] = "green"
    experiment["devices"]["published-worker-6-cores-2GHz"]["provenance"] = "measured"
    assert bound_imgs_per_sec(experiment, "alexnet", 1) == pytest.approx(0.4833, rel=1e-3)


def test_share_of_gain() -> None:
    assert share_of_gain(2.0, 3.0, 4.0) == pytest.approx(50)
    assert share_of_gain(2.0, 1.5, 4.0) == pytest.approx(-25)
    assert share_of_gain(4.0, 5.0, 4.0) is None


@given(st.floats(0.1, 10), st.floats(0.1, 10))
def test_baseline_and_bound_are_0_and_100_percent(baseline: float, more: float) -> None:
    bound = baseline + more
    assert share_of_gain(baseline, baseline, bound) == 0
    assert share_of_gain(baseline, bound, bound) == pytest.approx(100)


def test_rows_have_them(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path, matrix(1, BOTH, 3), PUBLISHED, topology=True))
    none, switch = (row_json(row) for row in summarise(run).rows)
    bound = pytest.approx(0.4833, rel=1e-3)
    assert [none["bound_imgs_per_sec"], switch["bound_imgs_per_sec"]] == [bound, bound]
    for row in (none, switch):
        share = 100 * row["imgs_per_sec"] / row["bound_imgs_per_sec"]
        assert row["share_of_bound_pct"] == pytest.approx(share)
    assert none["share_of_gain_pct"] is None
    way = switch["bound_imgs_per_sec"] - none["imgs_per_sec"]
    assert switch["share_of_gain_pct"] == pytest.approx(
        100 * (switch["imgs_per_sec"] - none["imgs_per_sec"]) / way
    )


def measured(run: Path, *shares: float) -> Path:
    """Let a run have measured these shares of what the trunk's rates carry, pull and push."""
    ports = [
        {
            "port": port,
            "direction": way,
            "payload_bytes": 10**8,
            "seconds": 2.0,
            "bps": share * goodput_bps(10**9),
            "nominal_bps": goodput_bps(10**9),
        }
        for port, way, share in zip(
            ("switch0->switch1", "switch1->switch0"), ("pull", "push"), shares, strict=True
        )
    ]
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**record, "goodput": {"ports": ports}}))
    return run


def test_the_bound_is_drawn_at_the_goodput_that_was_measured(tmp_path: Path) -> None:
    run = measured(write_run(tmp_path, [FakeTrial()], topology=True), 0.99, 0.97)
    got = report(run)
    (row,) = got.rows
    # The slower of the two directions limits an iteration.
    assert row["bound_imgs_per_sec"] == pytest.approx(0.97 * 0.4833, rel=1e-3)
    (line,) = csv.DictReader((run / "summary.csv").open())
    assert float(line["bound_imgs_per_sec"]) == pytest.approx(row["bound_imgs_per_sec"], rel=1e-5)
    assert float(line["share_of_bound_pct"]) == pytest.approx(row["share_of_bound_pct"], rel=1e-5)
    assert got.table.notes == ()


def test_verdicts_of_what_is_above_the_bound_agree(tmp_path: Path) -> None:
    trials = [
        FakeTrial(schedule="r2sp", repeat=repeat, imgs_per_sec=0.4833 * share)
        for repeat, share in enumerate((1.04, 0.99))
    ]
    run = write_run(tmp_path, trials, topology=True)
    got = report(run)
    (row,) = got.rows
    reason = "faster than its bound: 104 %"
    assert (row["verdict"], row["reasons"]) == ("doubtful", [f"repeat 0: {reason}"])
    lines = list(csv.DictReader((run / "summary.csv").open()))
    assert [(line["verdict"], line["reasons"]) for line in lines] == [
        ("doubtful", reason),
        ("ok", ""),
    ]
    assert b"doubtful" in (run / "figure.svg").read_bytes()


def test_a_goodput_that_cannot_be_believed_lowers_no_bound(tmp_path: Path) -> None:
    run = measured(write_run(tmp_path, [FakeTrial()], topology=True), 0.6, 1.2)
    got = report(run)
    assert got.rows[0]["bound_imgs_per_sec"] == pytest.approx(0.4833, rel=1e-3)
    assert got.table.notes == (
        "doubtful: before the trials switch0->switch1, switch1->switch0 carried 60.0 to 120.0 % "
        "of what the rates do; bounds take the rates there",
    )


def test_without_a_bound_the_csv_has_no_share_of_it(tmp_path: Path) -> None:
    report(write_run(tmp_path, [FakeTrial()]))
    (line,) = csv.DictReader((tmp_path / "summary.csv").open())
    assert (line["bound_imgs_per_sec"], line["share_of_bound_pct"]) == ("", "")


def test_without_the_baseline_there_is_no_share_of_its_gain(tmp_path: Path) -> None:
    trials = [FakeTrial(schedule="switch-priority")]
    (row,) = report(write_run(tmp_path, trials, topology=True)).rows
    assert row["share_of_gain_pct"] is None
    assert row["share_of_bound_pct"] == pytest.approx(100 * 0.24 / 0.4833, rel=1e-3)


def test_runs_of_older_versions_are_reported_without(tmp_path: Path) -> None:
    got = report(write_run(tmp_path, matrix(2, BOTH, 2), PUBLISHED))
    keys = ("bound_imgs_per_sec", "share_of_bound_pct", "share_of_gain_pct")
    assert all(row[key] is None for row in got.rows for key in keys)
    assert b"bound" not in (tmp_path / "figure.svg").read_bytes()
