"""The rows of programs, beside trainings and alone."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from orchestrator.analysis import Summary, read_run, report, summarise
from orchestrator.analysis.render.figure import compose
from orchestrator.analysis.report import caption
from orchestrator.analysis.tables.table import SummaryTable
from tests.unit.analysis.builder import reference, write_run
from tests.unit.analysis.fake_trial import FakeTrial
from tests.unit.analysis.programs import (
    HEADERS,
    HOSTS,
    MB_PER_SEC,
    SEGMENT,
    lines_of,
    write_program,
)
from tests.unit.analysis.render.drawn_texts import texts


def test_a_program_stands_beside_the_trainings_of_its_model(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [FakeTrial(imgs_per_sec=0.25), FakeTrial(schedule="p3")])
    write_program(run, index=3, lines={"worker0": lines_of([9, 0.5, 0.5])}, repeat=0)
    reported = report(run)
    row = reported.rows[2]
    assert [row[key] for key in ("model", "schedule", "program")] == ["alexnet", None, "own"]
    assert row["imgs_per_sec"] == row["throughput"] == pytest.approx(0.5)
    assert row["speedup_pct"] == pytest.approx(100)
    assert row["iteration_seconds_median"] is None
    payload = 1_000_000 * (SEGMENT - HEADERS)
    assert f"worker0->worker1={payload}" in row["payload_by_pair"]
    assert "worker0->worker2=0" in row["payload_by_pair"]
    assert reported.rows[0]["program"] is None
    *_, line = csv.DictReader(io.StringIO((run / "summary.csv").read_text()))
    assert (line["program"], line["schedule"], line["batch"], line["seed"]) == ("own", "", "", "")


def test_a_program_that_trains_a_model_has_the_bound_of_an_all_reduce(tmp_path: Path) -> None:
    """Above it, it sends less, which is no doubt; a training's bound stays what it was."""
    run = write_run(tmp_path / "run", [FakeTrial(imgs_per_sec=0.25)])
    write_program(run, index=2, lines={"worker0": lines_of([9, 1.2, 1.2])}, repeat=0)
    kept = json.loads((run / "run.json").read_text())
    throughput = {"unit": "imgs/sec"}
    own = {"model": "alexnet", "hosts": HOSTS, "throughput": throughput}
    kept["experiment"] = {**reference(), "programs": {"own": own}}
    (run / "run.json").write_text(json.dumps(kept))
    training, program = report(run).rows
    assert training["bound_imgs_per_sec"] == pytest.approx(0.483, rel=1e-2)
    assert program["bound_imgs_per_sec"] == pytest.approx(1.087, rel=1e-2)
    assert program["share_of_bound_pct"] == pytest.approx(100 * 1.2 / 1.087, rel=1e-2)
    assert not any("bound" in reason for reason in program["reasons"])


def test_another_unit_is_compared_with_nothing(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [FakeTrial()])
    write_program(run, index=2, lines={"worker0": lines_of([9, 5])}, throughput=MB_PER_SEC)
    row = report(run).rows[1]
    assert (row["imgs_per_sec"], row["throughput"], row["unit"]) == (None, 5, "MB/s")
    assert row["speedup_pct"] is None


def test_what_has_one_unit_is_called_by_it(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [FakeTrial()])
    write_program(run, index=2, lines={"worker0": lines_of([9, 5])}, throughput=MB_PER_SEC)
    read = read_run(run)
    summary = summarise(replace(read, trials=read.trials[1:]))
    assert caption(read, summary).title.endswith(": MB/s of own")
    heads = shown(summary)
    assert "MB/s" in heads
    assert "imgs/sec" not in heads
    (figure,) = compose(summary.rows, caption(read, summary)).axes
    assert figure.get_ylabel() == "MB/s"


def test_mixed_units_have_no_title_and_each_figure_its_own(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [FakeTrial(), FakeTrial(schedule="p3")])
    write_program(run, index=3, lines={"worker0": lines_of([9, 5])}, throughput=MB_PER_SEC)
    read = read_run(run)
    summary = summarise(read)
    assert caption(read, summary).title.endswith(": throughput under none and p3 and of own")
    assert re.search(r"throughput.*5.000 MB/s", shown(summary), re.DOTALL)
    assert "0.240 imgs/sec" in shown(summary)
    drawing = compose(summary.rows, caption(read, summary))
    assert len(drawing.axes) == 2
    # A program is not planned where the schedules are, nor they where it is.
    assert not any("no result" in text.get_text() for text in texts(drawing))


def shown(summary: Summary) -> str:
    console = Console(width=200, file=io.StringIO())
    with console.capture() as written:
        console.print(SummaryTable(summary.rows))
    return written.get()
