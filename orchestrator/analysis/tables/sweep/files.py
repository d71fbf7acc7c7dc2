"""sweep.json and sweep.csv: a line for every point and combination of choices."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from orchestrator.analysis.tables.summary_files import row_json
from orchestrator.analysis.tables.sweep.rows import Cell, Place, compute_over_links
from orchestrator.spec.experiment.choices import CHOICES

_LISTS = ("imgs_per_sec_interval", "speedup_pct_interval", "pull_shares", "push_shares")


def sweep_rows(places: Sequence[Place]) -> tuple[dict[str, Any], ...]:
    """The lines, for a program to read; all seconds and rates are the real system's."""
    return tuple(_line(place, cell) for place in places for cell in place.cells.values())


def rows_json(rows: Sequence[dict[str, Any]]) -> str:
    """sweep.json."""
    return json.dumps(list(rows), indent=2, allow_nan=False) + "\n"


def rows_csv(rows: Sequence[dict[str, Any]]) -> str:
    """sweep.csv: the same; intervals and shares have a column for each end, lists semicolons."""
    flat = [_flat(row) for row in rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(flat[0]))
    writer.writeheader()
    writer.writerows(flat)
    return text.getvalue()


def _line(place: Place, cell: Cell) -> dict[str, Any]:
    bound = place.case.bound
    values = row_json(cell.row)
    return {
        "point": place.label,
        **place.named,
        **{name: values.pop(name) for name in CHOICES},
        "workers": len(place.case.exchange.workers),
        "batch": place.case.batch,
        "compute_over_links": compute_over_links(place.case),
        "u_seconds": bound.u_seconds,
        "compute_seconds": bound.compute_seconds,
        "limits": place.limits,
        **_memory(place),
        "standing": cell.standing,
        "predicted_imgs_per_sec": cell.predicted,
        "prediction_why_not": cell.why_not,
        **values,
    }


def _memory(place: Place) -> dict[str, Any]:
    """What a worker holds at most, in bytes; nothing where no order of operations is varied."""
    if place.memory is None:
        return {}
    batch = place.case.batch
    return {
        "forward_outputs_bytes": batch * place.memory.inference,
        "training_outputs_bytes": batch * place.memory.training,
    }


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in row.items():
        if key in _LISTS:
            low, high = value or ("", "")
            flat |= {f"{key}_low": _text(low), f"{key}_high": _text(high)}
        else:
            flat[key] = _text(value)
    return flat


def _text(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, list):
        return "; ".join(value)
    return f"{value:.6g}" if isinstance(value, float) else value
