"""Rows as people read them: what a model's throughput counts, images, samples or tokens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from orchestrator.analysis.measures.bound_share import model_in
from orchestrator.analysis.measures.statistics import Estimate
from orchestrator.analysis.tables.row import Row
from workloads.models.profiles import Model


def in_items(rows: Iterable[Row], experiment: Mapping[str, Any]) -> tuple[Row, ...]:
    """The rows with figures in their models' units, as people read them; JSON counts examples.

    Args:
        rows: of a run.
        experiment: of the same, as its run.json has it; it knows users' models.
    """
    return tuple(_in_items(row, model_in(experiment, row.choices.model)) for row in rows)


def _in_items(row: Row, model: Model | None) -> Row:
    if model is None or not row.imgs or model.unit == "imgs":
        return row

    def scaled(value: float | None) -> float | None:
        return None if value is None else model.rate(value)

    measured = row.imgs_per_sec
    return replace(
        row,
        imgs_per_sec=Estimate(
            model.rate(measured.mean), scaled(measured.half_width), measured.count
        ),
        published=tuple(map(model.rate, row.published)),
        bound_imgs_per_sec=scaled(row.bound_imgs_per_sec),
        trials=tuple(
            replace(trial, unit=model.rate_unit, imgs_per_sec=model.rate(trial.imgs_per_sec))
            for trial in row.trials
        ),
    )
