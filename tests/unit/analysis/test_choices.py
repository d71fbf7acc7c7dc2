"""A further choice gets from the plan through records and rows to the tables by its one entry."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, fields
from pathlib import Path

import pytest
from rich.console import Console

from orchestrator.analysis import read_run, report
from orchestrator.analysis.caption import Caption
from orchestrator.analysis.render.figure import compose
from orchestrator.analysis.tables.table import SummaryTable
from orchestrator.records.trial import TrialRecord
from orchestrator.session.plan.trials import plan_trials
from orchestrator.spec import EVERY_CHOICE, Choices, Experiment
from tests.unit.analysis.builder import write_run
from tests.unit.analysis.fake_trial import FakeTrial
from tests.unit.session.examples import experiment

FLAVOURS = ("plain", "ring")


@dataclass(frozen=True)
class WithFlavours(Experiment):
    flavours: tuple[str, ...] = FLAVOURS


@pytest.fixture(autouse=True)
def _flavour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EVERY_CHOICE, "flavour", "flavours")


def planned(tmp_path: Path) -> WithFlavours:
    (tmp_path / "file").mkdir()
    made = experiment(tmp_path / "file", models="alexnet")
    return WithFlavours(**{one.name: getattr(made, one.name) for one in fields(made)})


def run_of(tmp_path: Path) -> Path:
    """What the plan's trials leave: rings are twice as fast, and gain 10 % instead of 20 %."""
    rates = {
        ("plain", "none"): 0.20,
        ("plain", "switch-priority"): 0.24,
        ("ring", "none"): 0.40,
        ("ring", "switch-priority"): 0.44,
    }
    trials = [
        FakeTrial(
            one.model,
            one.schedule,
            one.repeat - 1,
            imgs_per_sec=rates[one.choices["flavour"], one.schedule],
            chosen={"flavour": one.choices["flavour"]},
        )
        for one in plan_trials(planned(tmp_path))
    ]
    return write_run(tmp_path / "run", trials)


def test_it_is_planned_and_counted(tmp_path: Path) -> None:
    made = planned(tmp_path)
    trials = plan_trials(made)
    assert [(*one.choices.values(), one.repeat) for one in trials] == [
        ("alexnet", "none", "plain", 1),
        ("alexnet", "switch-priority", "plain", 1),
        ("alexnet", "none", "ring", 1),
        ("alexnet", "switch-priority", "ring", 1),
        ("alexnet", "switch-priority", "plain", 2),
        ("alexnet", "none", "plain", 2),
        ("alexnet", "switch-priority", "ring", 2),
        ("alexnet", "none", "ring", 2),
    ]
    assert trials[1].directory == "002-alexnet-switch-priority-plain-1"
    assert made.trials == 8
    assert made.resolved()["flavours"] == list(FLAVOURS)


def test_it_is_recorded_and_missed(tmp_path: Path) -> None:
    directory = run_of(tmp_path)
    run = read_run(directory)
    first = run.trials[0].trial
    assert first.choices == Choices(model="alexnet", schedule="none", flavour="plain")
    assert TrialRecord.model_validate_json(first.model_dump_json()) == first
    assert run.missing == 0


def test_rows_compare_schedules_of_one_flavour(tmp_path: Path) -> None:
    made = report(run_of(tmp_path))
    assert list(made.rows[0])[:7] == [*EVERY_CHOICE, "imgs_per_sec"]
    rows = [(row["flavour"], row["schedule"], row["speedup_pct"]) for row in made.rows]
    assert rows == [
        ("plain", "none", None),
        ("plain", "switch-priority", pytest.approx(20)),
        ("ring", "none", None),
        ("ring", "switch-priority", pytest.approx(10)),
    ]
    lines = list(csv.DictReader(io.StringIO((tmp_path / "run/summary.csv").read_text())))
    assert list(lines[0])[:8] == ["index", *EVERY_CHOICE, "repeat"]
    assert [line["flavour"] for line in lines[:3]] == ["plain", "plain", "ring"]


def test_the_table_and_the_figure_tell_flavours_apart(tmp_path: Path) -> None:
    rows = report(run_of(tmp_path)).summary.rows
    text = io.StringIO()
    Console(file=text, width=120).print(SummaryTable(rows))
    assert "schedule        flavour" in text.getvalue()
    panels = compose(rows, Caption("", "")).axes
    assert [one.get_xlabel() for one in panels if one.get_xlabel()] == [
        "alexnet plain",
        "alexnet ring",
    ]


def test_a_run_without_it_has_null(tmp_path: Path) -> None:
    made = report(write_run(tmp_path, [FakeTrial()]))
    assert made.rows[0]["flavour"] is None
    (line,) = csv.DictReader(io.StringIO((tmp_path / "summary.csv").read_text()))
    assert (line["flavour"], line["repeat"]) == ("", "0")


def test_a_record_without_a_model_is_named(tmp_path: Path) -> None:
    directory = write_run(tmp_path, [FakeTrial(), FakeTrial(repeat=1)])
    file = next(directory.glob("trials/001*")) / "trial.json"
    file.write_text(file.read_text().replace('"model"', '"modle"'))
    (failed,) = read_run(directory).failed
    assert "names no model" in str(failed)


def test_equal_choices_are_equal_in_any_order() -> None:
    one, other = Choices(schedule="none", model="a"), Choices(model="a", schedule="none")
    assert (one, hash(one), str(one)) == (other, hash(other), "a none")
    assert one.common == Choices(model="a")
    assert one.under("p3") == Choices(model="a", schedule="p3")
