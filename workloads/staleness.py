"""Workers at paces of their own: who may go on, how far behind their gradients are, who is through.

Without bulk synchrony every push is applied by itself, as soon as it is there, and answered to its
worker alone. Stale-synchronous parallel (Ho et al., NIPS'13) lets a worker start iteration k only
when every worker has finished iteration k - 1 - bound; asynchronous training never waits.

All must train as long as anybody is measured, so workers go on until the slowest one has done its
iterations. A worker's last iteration is known when no other one is short of its own: then it ends
what it has begun. (Where they push in turns, paces differ by less than an iteration, and all do the
same number of them.)

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
        iterations: that every worker does at least.
        goes_on: whether a worker that has done them goes on while another one has not.

    Attributes:
        finished: iterations that every worker has finished.
        last: per worker, the number of its last iteration; None: it is not known yet.
        behind: histogram: how many updates by others had been applied to a unit between a worker's
            getting its parameters and the applying of its push.
    """

    def __init__(
        self, workers: int, units: int, bound: int | None, iterations: int, *, goes_on: bool
    ) -> None:
        self._units = units
        self._bound = bound
        self._iterations = iterations
        self._applied = [0] * workers  # units, per worker
        self._begun = [0] * workers  # the last iteration of which a worker got anything
        self._updates = [0] * units
        self._seen = [[0] * units for _ in range(workers)]
        self._held: deque[Answer] = deque()
        self.finished = 0
        self.last: list[int | None] = [None if goes_on else iterations - 1] * workers
        self._see_who_is_last()
        self.behind: Counter[int] = Counter()

    @property
    def over(self) -> bool:
        """Whether every worker has finished its last iteration."""
        return all(
            last is not None and applied == (last + 1) * self._units
            for last, applied in zip(self.last, self._applied, strict=True)
        )

    def applied(self, worker: int, unit: int, iteration: int) -> list[Answer]:
        """Note that a worker's push of a unit has been applied; return who is answered now."""
        self.behind[self._updates[unit] - self._seen[worker][unit]] += 1
        self._updates[unit] += 1
        self._applied[worker] += 1
        self.finished = min(self._applied) // self._units
        self._see_who_is_last()
        self._held.append(Answer(worker, unit, iteration + 1))
        now = [answer for answer in self._held if self._may_start(answer.iteration)]
        if len(now) < len(self._held):
            self._held = deque(a for a in self._held if not self._may_start(a.iteration))
        else:
            self._held.clear()
        now = [answer for answer in now if self._is_wanted(answer)]
        for answer in now:
            self._seen[answer.worker][answer.unit] = self._updates[answer.unit]
            self._begun[answer.worker] = answer.iteration
        return now

    def _may_start(self, iteration: int) -> bool:
        return self._bound is None or iteration <= self.finished + self._bound

    def _is_wanted(self, answer: Answer) -> bool:
        last = self.last[answer.worker]
        return last is None or answer.iteration <= last

    def _see_who_is_last(self) -> None:
        """A worker that need not wait for others ends with what it has begun, or must do."""
        asked = self._iterations * self._units
        short = [worker for worker, applied in enumerate(self._applied) if applied < asked]
        for worker, last in enumerate(self.last):
            if last is None and not set(short) - {worker}:
                self.last[worker] = max(self._iterations - 1, self._begun[worker])
