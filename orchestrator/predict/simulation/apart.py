"""Paces that are expected of workers that do not wait for each other.

Each worker is simulated alone (`pipeline`) on the network that the others leave it: of every link
on its way the goodput less what they carry there on average, and at least its equal share. What
they carry follows from their paces, so this is repeated until the paces stay. Where links are all
but empty that is each worker by itself. Of n workers without compute, each of which pulls all and
then pushes all over one link, it makes n / (n + 1) iterations in the time of one model, which is
what mean value analysis says of such a closed network (Reiser and Lavenberg 1980).

In the long run a staleness bound ties all to the slowest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isclose

from orchestrator.predict.network.server_loads import ServerLoad

ROUNDS = 16
_ALIKE = 1e-3  # of a pace, from one round to the next

Alone = Callable[[str, float, float], float]
"""(worker, seconds of a model's pull, and of its push) -> the worker's seconds per iteration."""


def paces(
    loads: Sequence[ServerLoad], workers: Sequence[str], alone: Alone, *, tied: bool
) -> float:
    """Iterations per second, all workers together.

    Args:
        loads: of all directed links.
        workers: their names.
        alone: how long an iteration takes a worker.
        tied: whether a staleness bound holds the fast ones back.
    """
    if tied:
        return len(workers) * _slowest(loads, workers, alone)
    paces = dict.fromkeys(workers, 0.0)
    for _ in range(ROUNDS):
        before = dict(paces)
        for name in workers:  # each on what the others do by now, which converges
            paces[name] = 1 / alone(name, *_seconds(name, loads, paces))
        if all(isclose(paces[name], before[name], rel_tol=_ALIKE) for name in workers):
            break
    return sum(paces.values())


def _slowest(loads: Sequence[ServerLoad], workers: Sequence[str], alone: Alone) -> float:
    """The pace that the slowest worker can keep while all others have it, too; by bisection."""

    def possible(pace: float) -> float:
        every = dict.fromkeys(workers, pace)
        return min(1 / alone(name, *_seconds(name, loads, every)) for name in workers)

    low, high = 0.0, possible(0.0)
    for _ in range(ROUNDS):
        pace = (low + high) / 2
        low, high = (pace, high) if possible(pace) >= pace else (low, pace)
    return (low + high) / 2


def _seconds(
    worker: str, loads: Sequence[ServerLoad], paces: Mapping[str, float]
) -> tuple[float, float]:
    """Seconds of one model to a worker and from it, on what the others leave."""
    longest = {"pull": 0.0, "push": 0.0}
    for load in loads:
        if worker in load.workers:
            others = sum(paces[name] for name in load.workers if name != worker)
            left = max(1 - others * load.model_seconds, 1 / len(load.workers))
            seconds = load.model_seconds / left
            longest[load.direction] = max(longest[load.direction], seconds)
    return longest["pull"], longest["push"]
