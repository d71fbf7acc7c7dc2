"""Disturbed attempts: what rows are made of, and that all of them stay to be seen."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from rich.console import Console

from orchestrator.analysis import read_run, report, summarise
from orchestrator.analysis.tables.row import Row
from orchestrator.analysis.tables.summary_files import row_json, trials_csv
from tests.unit.analysis.builder import write_run
from tests.unit.analysis.fake_trial import FakeTrial

LOOP = "other programs used 1.0 of 2 cores for"


def row(tmp_path: Path, trials: list[FakeTrial]) -> Row:
    (only_row,) = summarise(read_run(write_run(tmp_path, trials))).rows
    return only_row


def test_a_row_is_made_of_undisturbed_attempts(tmp_path: Path) -> None:
    of_undisturbed = row(
        tmp_path,
        [
            FakeTrial(repeat=0, others=1.0, imgs_per_sec=0.1),
            FakeTrial(repeat=0, attempt=2, others=0.0, imgs_per_sec=0.24),
            FakeTrial(repeat=1, others=0.0, imgs_per_sec=0.26),
            # All attempts of this one: the row is made of the other repeats.
            FakeTrial(repeat=2, others=1.0, idle=0.0, imgs_per_sec=0.3),
            FakeTrial(repeat=2, attempt=2, others=1.0, idle=0.0, imgs_per_sec=0.3),
        ],
    )
    assert of_undisturbed.imgs_per_sec.mean == pytest.approx(0.25)
    assert of_undisturbed.imgs_per_sec.count == 2
    assert of_undisturbed.verdict.level == "ok"
    assert [(trial.repeat, trial.attempt) for trial in of_undisturbed.left_out] == [
        (0, 1),
        (2, 1),
        (2, 2),
    ]
    lines = row_json(of_undisturbed)["left_out"]
    assert lines[1].startswith(f"repeat 2, attempt 1 is left out: {LOOP}")


def test_where_all_were_disturbed_the_least_disturbed_count_with_their_verdict(
    tmp_path: Path,
) -> None:
    least_disturbed = row(
        tmp_path,
        [
            FakeTrial(repeat=0, others=1.2, imgs_per_sec=0.1),
            FakeTrial(repeat=0, attempt=2, others=1.0, imgs_per_sec=0.2),
            FakeTrial(repeat=0, attempt=3, others=1.4, imgs_per_sec=0.4),
            FakeTrial(repeat=1, others=1.0, idle=0.01, imgs_per_sec=0.3),
        ],
    )
    assert least_disturbed.imgs_per_sec.mean == pytest.approx(0.25)
    assert least_disturbed.verdict.level == "unusable"
    assert [(trial.repeat, trial.attempt) for trial in least_disturbed.left_out] == [(0, 1), (0, 3)]


def test_attempts_are_pairs_of_the_repeat(tmp_path: Path) -> None:
    trials = [
        FakeTrial(schedule="none", repeat=0, others=0.0, imgs_per_sec=0.2),
        FakeTrial(schedule="switch-priority", repeat=0, others=1.0, imgs_per_sec=0.9),
        FakeTrial(schedule="switch-priority", repeat=0, attempt=2, imgs_per_sec=0.3),
        FakeTrial(schedule="none", repeat=1, others=0.0, imgs_per_sec=0.2),
        FakeTrial(schedule="switch-priority", repeat=1, others=0.0, imgs_per_sec=0.3),
    ]
    _, faster = summarise(read_run(write_run(tmp_path, trials))).rows
    assert faster.speedup is not None
    assert faster.speedup.mean == pytest.approx(50)
    assert faster.speedup.count == 2


def test_without_a_pair_left_means_are_compared(tmp_path: Path) -> None:
    trials = [
        FakeTrial(schedule="none", repeat=0, others=0.0, imgs_per_sec=0.2),
        FakeTrial(schedule="switch-priority", repeat=0, others=1.0, imgs_per_sec=0.9),
        FakeTrial(schedule="none", repeat=1, others=1.0, imgs_per_sec=0.9),
        FakeTrial(schedule="switch-priority", repeat=1, others=0.0, imgs_per_sec=0.3),
    ]
    _, faster = summarise(read_run(write_run(tmp_path, trials))).rows
    assert faster.speedup is not None
    assert faster.speedup.mean == pytest.approx(50)
    assert faster.speedup.interval is None


def test_every_attempt_is_a_line_of_the_csv(tmp_path: Path) -> None:
    trials = [
        FakeTrial(others=1.0),
        FakeTrial(attempt=2, others=0.0),
        FakeTrial(repeat=1),  # of a version that did not look
    ]
    run = read_run(write_run(tmp_path, trials))
    assert run.missing == 0
    lines = list(csv.DictReader(io.StringIO(trials_csv(summarise(run), run.failed))))
    assert [(line["index"], line["attempt"], line["counted"]) for line in lines] == [
        ("0", "1", "no"),
        ("0", "2", "yes"),
        ("1", "1", "yes"),
    ]
    assert lines[0]["disturbed"].startswith(LOOP)
    assert (lines[1]["disturbed"], lines[2]["disturbed"]) == ("", "")
    columns = ("cores", "testbed_cores_mean", "other_programs_cores_mean", "hypervisor_cores_mean")
    assert [lines[0][name] for name in columns] == ["2", "0.5", "1", "0"]
    assert [lines[2][name] for name in columns] == ["", "", "", ""]


def test_attempts_are_shown_under_the_table(tmp_path: Path) -> None:
    trials = [FakeTrial(others=1.0), FakeTrial(attempt=2, others=0.0)]
    summary = report(write_run(tmp_path, trials))
    console = Console(file=io.StringIO(), width=100)
    console.print(summary.table)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert f"alexnet none, repeat 0, attempt 1 is left out: {LOOP}" in text
    assert summary.usable
