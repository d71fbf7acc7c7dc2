"""What jobs on one network can have, for `plan` and `bound`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.predict import MEASURED, job_bounds
from orchestrator.spec import Experiment, number_text, rate_text
from orchestrator.terminal.tables import Column, FittedTable

LEGEND = (
    "best: alone on the network, a bound; fair: max-min fair shares if all jobs send at once: what",
    "TCP tends to, and no bound; at switches that order classes, jobs without a class have what is",
    "left",
)


def describe_jobs(experiment: Experiment) -> list[dict[str, Any]]:
    """Of each model and job its best and its fair share, as data; none without jobs."""
    described: list[dict[str, Any]] = []
    for model in experiment.models if experiment.jobs else ():
        # Alike for all schedules of a parameter server, and of others it may not be known.
        try:
            bounds = job_bounds(experiment, model, experiment.schedules[0])
        except ValueError:
            continue
        for name, bound in bounds.items():
            described.append(
                {
                    "model": model,
                    "job": None if name == MEASURED else name,
                    "best": bound.best,
                    "fair": bound.fair,
                    "unit": bound.unit,
                    "ports": list(bound.ports),
                }
            )
    return described


def job_bound_table(described: Sequence[Mapping[str, Any]]) -> FittedTable:
    """The same on the terminal."""
    numbers = (Column("best", right=True), Column("fair", right=True, together=True))
    table = FittedTable(
        (Column("model"), Column("job"), *numbers, Column("kept from its best by", words=True)),
        keys=2,
        merged=True,
    )
    for one in described:
        table.add(
            one["model"],
            one["job"] or "measured",
            *(_shown(one[key], one["unit"]) for key in ("best", "fair")),
            ", ".join(one["ports"]),
        )
    return table


def _shown(value: float, unit: str) -> str:
    return rate_text(round(value)) if unit == "bit/s" else f"{number_text(value, 3)} {unit}"
