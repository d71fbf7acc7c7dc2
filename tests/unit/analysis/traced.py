"""Spans of a made trial, and the same trial with a record of it rewritten."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from orchestrator.analysis.measures.utilisation import Full, full
from orchestrator.analysis.reading.records import read_run
from orchestrator.analysis.reading.spans import TrialSpans, read_spans
from orchestrator.records.directory import TrialDirectory
from orchestrator.spec import Way
from tests.unit.analysis.builder import write_run
from tests.unit.analysis.fake_trial import FakeTrial

Limits = dict[Way, Full]


def traced(tmp_path: Path, **changes: Any) -> tuple[TrialSpans, Limits]:
    made = FakeTrial(**{"spans": True, "rates": 8, **changes})
    run = read_run(write_run(tmp_path, [made], topology=True))
    (trial,) = run.trainings
    place = tmp_path / "trials" / trial.trial.directory
    return read_spans(TrialDirectory(place), trial), full(run.experiment, trial.trial.scale.rates)


def rewritten(
    tmp_path: Path, process: str, change: Callable[[dict[str, Any]], object], event: str = "spans"
) -> Path:
    """A trial with changed spans of one process; returns its directory."""
    write_run(tmp_path, [FakeTrial(spans=True, rates=8)], topology=True)
    place = tmp_path / "trials/000-alexnet-none-0"
    file = place / f"{process}.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    for line in lines:
        if line["event"] == event:
            change(line)
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return place
