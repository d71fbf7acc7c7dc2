"""The last line of a run whose figures may not be used."""

from __future__ import annotations

from pathlib import Path

from orchestrator.analysis import read_run, summarise
from orchestrator.analysis.tables.unusable import why_unusable
from tests.unit.analysis.builder import write_run
from tests.unit.analysis.fake_trial import FakeTrial


def last_line(tmp_path: Path, *trials: FakeTrial) -> str:
    return why_unusable(summarise(read_run(write_run(tmp_path, trials))).rows)


def test_others_who_had_the_cpus_are_named_with_the_remedy(tmp_path: Path) -> None:
    text = last_line(
        tmp_path,
        FakeTrial(repeat=0, idle=0.01, others=1.0),
        FakeTrial(repeat=1, idle=0.5, others=1.0),
        FakeTrial(schedule="fifo", repeat=0),
    )
    assert text.startswith(
        "1 of 2 rows may not be used (alexnet under none): in every attempt others had the CPUs "
        "that these trials needed (the worst: other programs used 1.0 of 2 cores for"
    )
    assert "Run it again when they have ended" in text


def test_without_others_nobody_is_blamed(tmp_path: Path) -> None:
    text = last_line(tmp_path, FakeTrial(idle=0.01))
    assert text == "1 of 1 row may not be used (alexnet under none): see the verdicts"


def test_others_who_did_not_have_what_was_missing_are_not_blamed(tmp_path: Path) -> None:
    """What they had would have been too little idle time, too."""
    text = last_line(
        tmp_path, FakeTrial(idle=0.01, others=1.0), FakeTrial(schedule="fifo", idle=0.0, others=0.0)
    )
    assert text.endswith("see the verdicts")


def test_many_rows_are_counted(tmp_path: Path) -> None:
    models = ("alexnet", "resnet50", "googlenet", "vgg19", "mobilenet")
    text = last_line(tmp_path, *(FakeTrial(model=model, idle=0.0) for model in models))
    assert text.startswith("5 of 5 rows may not be used (")
    assert ", 2 more): see the verdicts" in text
