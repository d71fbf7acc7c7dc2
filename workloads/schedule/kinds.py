"""The synchronisations that a schedule may choose, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from workloads.schedule.paces import Paces, Turns
from workloads.schedule.synchronisation import PerUnit, StepBarrier, Synchronisation

SynchronisationName = Literal[
    "step-barrier", "per-tensor", "per-slice", "stale-synchronous", "asynchronous"
]

KINDS: Mapping[SynchronisationName, type[Synchronisation]] = {
    "step-barrier": StepBarrier,
    "per-tensor": PerUnit,
    "per-slice": PerUnit,
    "stale-synchronous": Paces,
    "asynchronous": Paces,
}


def synchronisation_of(
    name: SynchronisationName,
    *,
    workers: int,
    units: int,
    iterations: int,
    staleness: int | None = None,
    turns: bool = False,
) -> Synchronisation:
    """Return the synchronisation of one training, before it begins.

    Args:
        name: as schedules name it.
        workers: how many there are.
        units: how many a model has.
        iterations: that every worker does at least.
        staleness: how many iterations a worker may be ahead of the slowest one; None: any number.
        turns: where pushes are applied by themselves: one worker after the other pushes.
    """
    kind = KINDS[name]
    if kind is not Paces:
        return kind(workers, units, iterations)
    return (Turns if turns else Paces)(workers, units, iterations, staleness)
