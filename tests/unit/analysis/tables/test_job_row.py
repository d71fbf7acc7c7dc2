"""The rows of jobs beside the measured one."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console

from orchestrator.analysis import read_run, summarise
from orchestrator.analysis.report import caption, report
from orchestrator.records.trial import BesideRecord
from orchestrator.spec import Neighbour, Placement, Training
from tests.unit.analysis.builder import write_run
from tests.unit.analysis.fake_trial import SECOND, FakeTrial
from tests.unit.analysis.measures.test_beside import NOISE
from workloads.process.process_records import ProcessRecord, WorkerIteration
from workloads.process.traffic_records import DeliveredRecord, OfferedRecord

OTHER = Neighbour(
    "other", 2, alone=True, training=Training("alexnet", "none", Placement(("ps",), ("a",)), 1)
)
LONG = 1000  # seconds


def traffic(delivered: int = 10**6) -> tuple[BesideRecord, dict[str, Sequence[ProcessRecord]]]:
    """8 Mbit/s offered on the clock, and so many bytes a second delivered."""
    record = BesideRecord(job=NOISE, error=None, processes=("noise.ps", "noise.worker0"))
    offered = [OfferedRecord(0, LONG * SECOND, LONG * 10**6, 1, 0)]
    arrived = [DeliveredRecord(0, LONG * SECOND, LONG * delivered)]
    return record, {"noise.ps": offered, "noise.worker0": arrived}


def training(seconds: int) -> tuple[BesideRecord, dict[str, Sequence[ProcessRecord]]]:
    """A worker whose iterations last so long on the clock, until it fails."""
    error = "other.a: killed by signal SIGKILL\nits last output"
    record = BesideRecord(job=OTHER, error=error, processes=("other.a",))
    times = [(n, n * seconds * SECOND, (n + 1) * seconds * SECOND) for n in range(LONG // seconds)]
    own = [WorkerIteration(n, begin, begin, begin, begin, end, end) for n, begin, end in times]
    return record, {"other.a": own}


def run_of(tmp_path: Path) -> Path:
    nothing, jobs = {"beside": "nothing"}, {"beside": "jobs"}
    alone = {**nothing, "job": "other"}
    trials = [
        FakeTrial(imgs_per_sec=0.4, chosen=nothing),
        FakeTrial(imgs_per_sec=0.3, chosen=jobs, beside=[traffic(900_000), training(5)]),
        # 0.2 imgs/s of the clock; it is measured as the experiment's own job, by its own records.
        FakeTrial(imgs_per_sec=0.2, chosen=alone, workers=1),
    ]
    return write_run(tmp_path / "run", trials)


def test_every_job_has_a_row_and_the_measured_one_its_slow_down(tmp_path: Path) -> None:
    made = report(run_of(tmp_path))
    rows = made.rows
    assert [(row["job"], row["beside"]) for row in rows] == [
        (None, "nothing"),
        (None, "jobs"),
        ("other", "nothing"),
        ("noise", "alexnet none beside jobs"),
        ("other", "alexnet none beside jobs"),
    ]
    assert rows[1]["slowdown_pct"] == pytest.approx(25)
    assert rows[0]["slowdown_pct"] is None
    noise, other = rows[3:]
    # D is 0.5 and R is 1 in these trials.
    assert noise["offered_bps"] == pytest.approx(8e6)
    assert noise["delivered_bps"] == pytest.approx(7.2e6)
    assert noise["loss_pct"] == pytest.approx(10)
    assert noise["imgs_per_sec"] is None
    assert other["imgs_per_sec"] == pytest.approx(1 / 5 * 0.5)
    assert other["slowdown_pct"] == pytest.approx(50)


def test_every_attempt_has_a_line_for_each_job_beside(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    report(run)
    lines = list(csv.DictReader(io.StringIO((run / "summary.csv").read_text())))
    noise, other = (line for line in lines if line["beside"] == "alexnet none beside jobs")
    assert [(line["index"], line["job"], line["counted"]) for line in (noise, other)] == [
        ("1", "noise", "yes"),
        ("1", "other", "yes"),
    ]
    assert float(noise["delivered_bps"]) == pytest.approx(7.2e6)
    assert float(noise["loss_pct"]) == pytest.approx(10)
    assert float(other["imgs_per_sec"]) == pytest.approx(0.1, rel=0.01)
    assert (other["schedule"], other["verdict"]) == ("none", "doubtful")
    assert "it failed: other.a: killed by signal SIGKILL" in other["reasons"]
    # Columns that only jobs beside fill are behind those of all, and always there.
    assert list(lines[0])[-3:] == ["offered_bps", "delivered_bps", "loss_pct"]


def test_the_figure_names_the_jobs_beside(tmp_path: Path) -> None:
    run = read_run(run_of(tmp_path))
    assert ", jobs beside: noise and other, verdict of" in caption(run, summarise(run)).text


def test_a_job_that_failed_is_marked_in_its_row_and_in_the_one_it_ran_beside(
    tmp_path: Path,
) -> None:
    rows = report(run_of(tmp_path)).rows
    assert [row["verdict"] for row in rows] == ["ok", "doubtful", "ok", "doubtful", "doubtful"]
    assert "the job other beside it failed: other.a: killed by signal SIGKILL" in rows[1]["reasons"]
    assert rows[4]["reasons"][0].endswith("it failed: other.a: killed by signal SIGKILL")


def test_the_table_shows_the_jobs_below_what_they_ran_beside(tmp_path: Path) -> None:
    text = io.StringIO()
    Console(file=text, width=140).print(report(run_of(tmp_path)).table)
    printed = text.getvalue()
    assert "slow-" in printed
    (noise,) = (line for line in printed.splitlines() if line.startswith("noise"))
    assert noise.split()[-4:] == ["7.2", "Mbit/s", "10.00", "doubtful"]


def test_where_the_measured_job_failed_the_others_figures_are_kept_and_marked(
    tmp_path: Path,
) -> None:
    failed = FakeTrial(
        repeat=1, outcome="failed", error="worker1: killed\nits last output", beside=[traffic()]
    )
    made = report(write_run(tmp_path / "run", [FakeTrial(), failed]))
    measured, noise = made.rows
    assert (measured["job"], measured["verdict"]) == (None, "ok")
    assert (noise["job"], noise["verdict"]) == ("noise", "doubtful")
    assert noise["reasons"] == ["the measured job failed: worker1: killed"]
    assert noise["delivered_bps"] == pytest.approx(8e6)
