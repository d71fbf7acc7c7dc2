"""Paces that are expected of workers that do not wait for each other.

Each worker is simulated alone (`pipeline`) on the network that the others leave it: of every link
on its way the goodput less what they carry there on average, and at least its equal share. What
they carry follows from their paces, so this is repeated until the paces stay. Where links are all
but empty that is each worker by itself; where workers are alike and fill a link, each has its share
of it, as if they were in step.

In the long run a staleness bound ties all to the slowest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isclose

from orchestrator.bounds.loads import LinkLoad

ROUNDS = 16
_ALIKE = 1e-3  # of a pace, from one round to the next

Alone = Callable[[str, float, float], float]
"""A worker's seconds per iteration, if a model takes so many seconds to it, and from it."""


def paces(loads: Sequence[LinkLoad], workers: Sequence[str], alone: Alone, *, tied: bool) -> float:
    """Iterations per second, all workers together.

    Args:
        loads: of all directed links.
        workers: their names.
        alone: how long an iteration takes a worker.
        tied: whether a staleness bound holds the fast ones back.
    """
    found = dict.fromkeys(workers, 0.0)
    for _ in range(ROUNDS):
        new = {name: 1 / alone(name, *_seconds(name, loads, found)) for name in workers}
        if tied:
            new = dict.fromkeys(workers, min(new.values()))
        if all(isclose(new[name], found[name], rel_tol=_ALIKE) for name in workers):
            break
        # Half of the way: two that fill a link would else take turns in leaving it to each other.
        found = {name: (new[name] + (found[name] or new[name])) / 2 for name in workers}
    return sum(new.values())


def _seconds(
    worker: str, loads: Sequence[LinkLoad], found: Mapping[str, float]
) -> tuple[float, float]:
    """Seconds of one model to a worker and from it, on what the others leave."""
    longest = {"pull": 0.0, "push": 0.0}
    for load in loads:
        if worker in load.workers:
            others = sum(found[name] for name in load.workers if name != worker)
            left = max(1 - others * load.model_seconds, 1 / len(load.workers))
            seconds = load.model_seconds / left
            longest[load.direction] = max(longest[load.direction], seconds)
    return longest["pull"], longest["push"]
