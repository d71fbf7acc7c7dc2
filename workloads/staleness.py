"""Workers at paces of their own: who may go on, and how far behind their gradients are.

Without bulk synchrony every push is applied by itself, as soon as it is there, and answered to its
worker alone. Stale-synchronous parallel (Ho et al., NIPS'13) lets a worker start iteration k only
when every worker has finished iteration k - 1 - bound; asynchronous training never waits.

Pure: what a server decides about pushes, in the order in which they are applied.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import NamedTuple


class Answer(NamedTuple):
    """Parameters of a unit that a worker gets for an iteration."""

    worker: int
    unit: int
    iteration: int


class Paces:
    """The progress of all workers.

    Args:
        workers: how many there are.
        units: how many a model has.
        bound: how many iterations a worker may be ahead of the slowest one; None: any number.

    Attributes:
        finished: iterations that every worker has finished.
        behind: histogram: how many updates by others had been applied to a unit between a worker's
            getting its parameters and the applying of its push.
    """

    def __init__(self, workers: int, units: int, bound: int | None) -> None:
        self._units = units
        self._bound = bound
        self._applied = [0] * workers  # units, per worker
        self._updates = [0] * units
        self._seen = [[0] * units for _ in range(workers)]
        self._held: deque[Answer] = deque()
        self.finished = 0
        self.behind: Counter[int] = Counter()

    def applied(self, worker: int, unit: int, iteration: int) -> list[Answer]:
        """Note that a worker's push of a unit has been applied; return who is answered now."""
        self.behind[self._updates[unit] - self._seen[worker][unit]] += 1
        self._updates[unit] += 1
        self._applied[worker] += 1
        self.finished = min(self._applied) // self._units
        self._held.append(Answer(worker, unit, iteration + 1))
        now = [answer for answer in self._held if self._may_start(answer.iteration)]
        if len(now) < len(self._held):
            self._held = deque(a for a in self._held if not self._may_start(a.iteration))
        else:
            self._held.clear()
        for answer in now:
            self._seen[answer.worker][answer.unit] = self._updates[answer.unit]
        return now

    def _may_start(self, iteration: int) -> bool:
        return self._bound is None or iteration <= self.finished + self._bound
