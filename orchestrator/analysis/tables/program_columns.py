"""The measures of programs, and those in which trainings and programs differ."""

from __future__ import annotations

from orchestrator.analysis.measures.measure import TrialMeasure
from orchestrator.analysis.tables.declared import Measure, of
from orchestrator.analysis.tables.row import Row


def _interval(row: Row) -> list[float] | None:
    found = row.imgs_per_sec.interval
    return None if found is None else list(found)


def _sent(trial: TrialMeasure) -> str:
    return ";".join(f"{a}->{b}={count}" for (a, b), count in trial.pairs.items())


PROGRAM: tuple[Measure, ...] = (
    Measure("throughput", "unit", of(lambda t: t.imgs_per_sec), lambda r: r.imgs_per_sec.mean),
    Measure("throughput_interval", "unit", row=_interval),
    Measure("unit", trial=of(lambda t: t.unit), row=lambda r: r.unit),
    Measure(
        "payload_by_pair",
        "B",
        of(_sent),
        lambda r: [f"{a}->{b}={count:.0f}" for (a, b), count in r.pair_payload().items()],
    ),
)
