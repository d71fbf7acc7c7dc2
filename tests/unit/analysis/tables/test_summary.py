"""Rows, their JSON and the CSV of trials."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from orchestrator.analysis import Row, read_run, summarise
from orchestrator.analysis.report import report
from orchestrator.analysis.tables.summary_files import row_json, rows_json, trials_csv
from orchestrator.spec import EVERY_CHOICE
from tests.unit.analysis.builder import PUBLISHED, matrix, write_run
from tests.unit.analysis.fake_trial import FakeTrial
from tests.unit.analysis.record_builder import caps_record


def rows(tmp_path: Path, trials: list[FakeTrial]) -> tuple[Row, ...]:
    return summarise(read_run(write_run(tmp_path, trials, PUBLISHED))).rows


def test_row_has_what_a_program_reads(tmp_path: Path) -> None:
    trials = [
        FakeTrial("alexnet", schedule, repeat, imgs_per_sec=rate)
        for repeat, pair in enumerate([(0.20, 0.30), (0.25, 0.35)])
        for schedule, rate in zip(["none", "switch-priority"], pair, strict=True)
    ]
    none, switch = (row_json(row) for row in rows(tmp_path, trials))
    first = ["model", "schedule", "imgs_per_sec", "repeats", "speedup_pct", "verdict"]
    assert list(none)[:9] == [*EVERY_CHOICE, *first[2:]]
    # It is the measured job's, with all that ran beside it, if anything did.
    assert none["job"] is none["beside"] is none["program"] is None
    assert [none[key] for key in first] == [
        "alexnet",
        "none",
        pytest.approx(0.225),
        2,
        None,
        "ok",
    ]
    assert switch["speedup_pct"] == pytest.approx(45.0)  # of 50 % and 40 %
    assert switch["speedup_pct_interval"] == pytest.approx([45 - 63.531, 45 + 63.531], abs=0.001)
    assert switch["published_speedup_pct"] == pytest.approx(41.67, abs=0.005)
    assert switch["deviation_pct"] == pytest.approx(100 * (0.325 / 0.34 - 1))


def test_speed_ups_are_against_the_experiments_baseline(tmp_path: Path) -> None:
    trials = [
        FakeTrial("alexnet", schedule, imgs_per_sec=rate)
        for schedule, rate in (("none", 0.2), ("p3", 0.25), ("switch-priority", 0.3))
    ]
    run = read_run(write_run(tmp_path, trials, PUBLISHED, baseline="p3"))
    none, p3, switch = summarise(run).rows
    assert p3.speedup is None
    assert none.speedup is not None
    assert none.speedup.mean == pytest.approx(-20)
    assert switch.speedup is not None
    assert switch.speedup.mean == pytest.approx(20)
    assert switch.published_speedup is None  # p3 is not published
    assert report(tmp_path).rows[2]["speedup_pct"] == pytest.approx(20)


def test_published_speedups_are_those_of_the_publication(tmp_path: Path) -> None:
    got = rows(tmp_path, matrix(5, ["none", "switch-priority"], 1))
    assert [round(row.published_speedup or 0, 2) for row in got if row.speedup] == [
        41.67,
        30.99,
        25.48,
        29.63,
        1.30,
    ]


def test_rows_stand_in_the_order_of_the_experiment(tmp_path: Path) -> None:
    write_run(tmp_path, matrix(2, ["none", "switch-priority"], 1))
    path = tmp_path / "run.json"
    run = json.loads(path.read_text())
    run["experiment"]["models"].reverse()
    run["experiment"]["schedules"].reverse()
    path.write_text(json.dumps(run))
    got = summarise(read_run(tmp_path)).rows
    assert [(row.model, row.schedule) for row in got] == [
        ("googlenet", "switch-priority"),
        ("googlenet", "none"),
        ("alexnet", "switch-priority"),
        ("alexnet", "none"),
    ]


def test_without_the_baseline_there_is_no_speedup(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, [FakeTrial(schedule="switch-priority")])
    assert row.speedup is None


def test_model_without_published_values(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, [FakeTrial("vgg19")])
    assert (row.published_mean, row.deviation, row.published_speedup) == (None, None, None)


def test_worst_trial_shows_in_the_row(tmp_path: Path) -> None:
    trials = [FakeTrial(repeat=0), FakeTrial(repeat=1, idle=0.1, drops=10, pull=[4, 3, 3])]
    (row,) = rows(tmp_path, trials)
    assert row.verdict.level == "doubtful"
    assert row.verdict.reasons == ("repeat 1: little idle CPU: 10 % on average",)
    assert row.idle_mean == pytest.approx(0.35)
    assert (row.idle_worst, row.drops) == (0.1, 10)
    assert row.pull_shares == (0.3, 0.4)


def test_json_is_strict_and_complete(tmp_path: Path) -> None:
    got = rows(tmp_path, matrix(3, ["none"], 1))
    assert json.loads(rows_json(got)) == [row_json(row) for row in got]


def test_csv_has_a_line_per_trial_and_the_same_columns_always(tmp_path: Path) -> None:
    trials = [FakeTrial(repeat=repeat) for repeat in range(3)]
    trials[1].outcome, trials[1].error = "failed", "killed"
    run = read_run(write_run(tmp_path / "a", trials))
    lines = list(csv.DictReader(io.StringIO(trials_csv(summarise(run), run.failed))))
    assert [line["verdict"] for line in lines] == ["ok", "failed", "ok"]
    assert (lines[1]["repeat"], lines[1]["imgs_per_sec"]) == ("1", "")
    assert lines[1]["reasons"] == "001-alexnet-none-1: killed"
    assert lines[0]["drops_by_port"] == "switch0->switch1=0;switch1->switch0=0"
    assert lines[0]["iteration_seconds"] == "12.5;12.5;12.5;12.5;12.5"
    other = read_run(write_run(tmp_path / "b", [FakeTrial(workers=5, cpu=[], payload=0)]))
    header = trials_csv(summarise(other), ()).splitlines()[0]
    assert header.split(",") == list(lines[0])


def test_csv_names_the_hosts_of_caps(tmp_path: Path) -> None:
    own = caps_record(2, throttled=1.0, seconds=20.0, memory_peak_bytes=2048, oom_kills=1)
    run = read_run(write_run(tmp_path, [FakeTrial(caps={"ps": own, "worker0": own}), FakeTrial()]))
    capped, without = csv.DictReader(io.StringIO(trials_csv(summarise(run), run.failed)))
    columns = ("throttled_share_worst", "throttled_shares", "memory_peak_bytes", "oom_kills")
    assert [capped[name] for name in columns] == [
        "0.05",
        "ps=0.05;worker0=0.05",
        "ps=2048;worker0=2048",
        "2",
    ]
    assert [without[name] for name in columns] == ["0", "", "", "0"]


def test_an_order_that_its_scale_leaves_no_room_is_doubtful(tmp_path: Path) -> None:
    """By the trials' own scale: at D = 2 the same are as they should be."""
    for time, level in ((0.2, "doubtful"), (2.0, "ok")):
        trials = [
            FakeTrial("squeezenet", schedule, imgs_per_sec=rate, rates=64, time=time)
            for schedule, rate in (("none", 0.2), ("switch-priority", 0.22))
        ]
        run = write_run(tmp_path / f"{time}", trials, topology=True)
        none, ordered = summarise(read_run(run)).rows
        assert (none.verdict.level, ordered.verdict.level) == ("ok", level)
        if level == "doubtful":
            (reason,) = ordered.verdict.reasons
            assert reason.startswith("its order has little effect: TCP's windows at switch0->swit")
            assert reason.endswith("(D = 0.67 is enough at R = 64)")
