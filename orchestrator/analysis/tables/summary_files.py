"""summary.csv and the rows of summary.json and `--json`, from the list of measures."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from orchestrator.analysis.reading.records import FailedTrial
from orchestrator.analysis.tables.beside_lines import BESIDE_COLUMNS, beside_lines
from orchestrator.analysis.tables.columns.declared import JudgedTrial, Value
from orchestrator.analysis.tables.columns.measures import measures, number
from orchestrator.analysis.tables.job_row import JobRow, job_json
from orchestrator.analysis.tables.row import Row
from orchestrator.analysis.tables.summary import Summary
from orchestrator.spec.experiment.choices import EVERY_CHOICE

_WHICH = ("index", "repeat", "attempt")
_FIRST = ("imgs_per_sec", "repeats", "speedup_pct", "verdict")


def row_json(row: Row) -> dict[str, Any]:
    """A row for a program to read: percent where the name says `pct`, else shares of 1."""
    values = {measure.name: measure.row(row) for measure in measures() if measure.row}
    return {name: values[name] for name in (*EVERY_CHOICE, *_FIRST)} | values


def rows_json(rows: Sequence[Row], jobs: Sequence[JobRow] = ()) -> str:
    """summary.json: the rows, then those of the jobs beside."""
    entries = [*map(row_json, rows), *map(job_json, jobs)]
    return json.dumps(entries, indent=2, allow_nan=False) + "\n"


def trials_csv(summary: Summary, failed: Sequence[FailedTrial]) -> str:
    """summary.csv: one line per attempt; failed ones have verdict `failed` and no measures.

    Behind an attempt's line are those of the jobs that ran beside it.
    The columns and their order are the same for every run; lists are separated by semicolons.
    """
    counted = {(t.index, t.attempt) for row in summary.rows for t in row.trials}
    lines: list[dict[str, Any]] = []
    for trial, verdict, bound in zip(summary.trials, summary.verdicts, summary.bounds, strict=True):
        judged = JudgedTrial(trial, verdict, bound, (trial.index, trial.attempt) in counted)
        lines.append({one.name: _text(one.trial(judged)) for one in measures() if one.trial})
        for line in beside_lines(judged):
            lines.append({name: _text(value) for name, value in line.items()})
    columns = [*(one.name for one in measures() if one.trial), *BESIDE_COLUMNS]
    for failure in failed:
        known = failure.trial.model_dump() if failure.trial else {}
        choices = known.get("choices", {})
        line = {
            **{name: choices.get(name, "") for name in EVERY_CHOICE},
            **{key: known.get(key, "") for key in _WHICH},
        }
        lines.append(
            {**line, "verdict": "failed", "reasons": f"{failure.directory}: {failure.reason}"}
        )
    lines.sort(key=lambda line: line["index"] if isinstance(line["index"], int) else 1 << 30)
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def _text(value: Value) -> str | int:
    if isinstance(value, list):
        return ";".join(str(_text(one)) for one in value)
    if isinstance(value, str | int):
        return value
    return number(value)
