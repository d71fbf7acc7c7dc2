"""Bounded staleness: who may start an iteration, how stale gradients are, who has finished.

Without bulk synchrony every push is applied by itself, as soon as it is there, and answered to its
worker alone. Stale-synchronous parallel (Ho et al., NIPS'13) lets a worker start iteration k only
when every worker has finished iteration k - 1 - bound; asynchronous training never waits.

All must train while one is measured, so workers continue until the slowest one has done its
iterations. A worker's last iteration is known when all others have theirs: then it ends
what it has begun. (Where they push in turns, paces differ by less than an iteration, and all do the
same number of them.)
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence

from workloads.schedule.synchronisation import Action, Answer, Last, Release, Synchronisation


class Paces(Synchronisation):
    """Each worker runs at its own pace, or at most some iterations ahead of the slowest one.

    Args:
        workers: how many there are.
        units: how many a model has.
        iterations: that every worker does at least.
        bound: how many iterations a worker may be ahead of the slowest one; None: any number.
        goes_on: whether a worker that has done them goes on while another one has not.
    """

    together = False

    def __init__(
        self,
        workers: int,
        units: int,
        iterations: int,
        bound: int | None = None,
        *,
        goes_on: bool = True,
    ) -> None:
        super().__init__(workers, units, iterations)
        self._bound = bound
        self._applied = [0] * workers  # units, per worker
        self._begun = [0] * workers  # the last iteration of which a worker got anything
        self._updates = [0] * units
        self._seen = [[0] * units for _ in range(workers)]
        self._held: deque[Answer] = deque()
        self._behind: Counter[int] = Counter()
        self.behind = self._behind
        if goes_on:
            self.last = [None] * workers

    @property
    def over(self) -> bool:
        """Whether every worker has finished its last iteration."""
        return None not in self.last and all(
            applied == ((last or 0) + 1) * self._units
            for last, applied in zip(self.last, self._applied, strict=True)
        )

    def may_start(self, worker: int, iteration: int) -> bool:
        """Whether an iteration is within the bound, and not after the worker's last one."""
        last = self.last[worker]
        return self._is_near(iteration) and (last is None or iteration <= last)

    def _is_near(self, iteration: int) -> bool:
        return self._bound is None or iteration <= self.finished + self._bound

    def begin(self) -> Sequence[Action]:
        """Send everything to all workers."""
        first = [Answer(self._all, unit, 0) for unit in range(self._units)]
        return [*first, *self._see_who_is_last()]

    def applied(self, worker: int, unit: int, iteration: int) -> Sequence[Action]:
        """Answer the push, and those that have waited for it."""
        self._behind[self._updates[unit] - self._seen[worker][unit]] += 1
        self._updates[unit] += 1
        self._applied[worker] += 1
        self.finished = min(self._applied) // self._units
        lasts = self._see_who_is_last()
        self._held.append(Answer((worker,), unit, iteration + 1))
        near = [answer for answer in self._held if self._is_near(answer.iteration)]
        if len(near) < len(self._held):
            self._held = deque(a for a in self._held if not self._is_near(a.iteration))
        else:
            self._held.clear()
        now = [answer for answer in near if self.may_start(answer.workers[0], answer.iteration)]
        for (to,), answered, number in now:
            self._seen[to][answered] = self._updates[answered]
            self._begun[to] = number
        return [*now, *lasts] if lasts else now

    def _see_who_is_last(self) -> list[Last]:
        """A worker that need not wait for others ends with what it has begun, or must do."""
        if None not in self.last:
            return []
        planned = self._iterations * self._units
        short = [worker for worker, applied in enumerate(self._applied) if applied < planned]
        known = []
        for worker, last in enumerate(self.last):
            if last is None and not set(short) - {worker}:
                end = self.last[worker] = max(self._iterations - 1, self._begun[worker])
                known.append(Last((worker,), end))
        return known


class Turns(Paces):
    """One worker after the other pushes an iteration, and all do the same number of them."""

    def __init__(self, workers: int, units: int, iterations: int, bound: int | None = None) -> None:
        super().__init__(workers, units, iterations, bound, goes_on=False)
        self._turn = 0
        self._missing = units  # of this turn's push

    def begin(self) -> Sequence[Action]:
        """Send everything to all workers, and let the first one push."""
        return [*super().begin(), Release(self._all[:1], 0)]

    def applied(self, worker: int, unit: int, iteration: int) -> Sequence[Action]:
        """Answer the push; after the last one of a turn, the next worker's begins."""
        actions = super().applied(worker, unit, iteration)
        self._missing -= 1
        if self._missing:
            return actions
        self._missing = self._units
        self._turn += 1
        turn_of, who = divmod(self._turn, len(self._all))
        if turn_of == self._iterations:
            return actions
        return [*actions, Release((who,), turn_of)]
