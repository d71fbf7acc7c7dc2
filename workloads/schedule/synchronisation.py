"""What workers wait for before they continue, decided as their pushes are applied.

A synchronisation is a state machine that knows neither threads nor bytes. It is told which units
have been applied, and says what the parameter server does next:

- `StepBarrier`: the next iteration is released when all units of all workers are applied, and
  workers ask for the parameters.
- `PerUnit`: a unit is sent to all workers, without their asking, as soon as it has been applied.
- `Paces` and `Turns` (see `workloads.schedule.paces`): every push is applied by itself and
  answered to its worker alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from typing import ClassVar, NamedTuple


class Answer(NamedTuple):
    """Send the parameters of a unit to workers, for an iteration."""

    workers: tuple[int, ...]
    unit: int
    iteration: int


class Release(NamedTuple):
    """Let workers begin an iteration; where they take turns, let one push it."""

    workers: tuple[int, ...]
    iteration: int


class Last(NamedTuple):
    """Tell workers that an iteration is their last one."""

    workers: tuple[int, ...]
    iteration: int


Action = Answer | Release | Last


class Synchronisation(ABC):
    """The progress of all workers in one training.

    Args:
        workers: how many there are.
        units: how many a model has.
        iterations: that every worker does at least.

    Attributes:
        together: whether gradients of all workers are applied together, so that the result is the
            same, bit for bit, whatever comes first.
        asked: whether a worker asks for parameters, once it has been released.
        finished: iterations that every worker has finished.
        last: per worker, the number of its last iteration; None: it is not known yet.
        behind: histogram: how many updates by others had been applied to a unit between a worker's
            getting its parameters and the applying of its push; None: never any.
    """

    together: ClassVar[bool] = True
    asked: ClassVar[bool] = False

    def __init__(self, workers: int, units: int, iterations: int) -> None:
        self._all = tuple(range(workers))
        self._units = units
        self._iterations = iterations
        self.finished = 0
        self.last: list[int | None] = [iterations - 1] * workers
        self.behind: Counter[int] | None = None

    @property
    def over(self) -> bool:
        """Whether every worker has finished its last iteration."""
        return self.finished == self._iterations

    @abstractmethod
    def may_start(self, worker: int, iteration: int) -> bool:
        """Whether a worker may have parameters of an iteration, some of them at least."""

    @abstractmethod
    def begin(self) -> Sequence[Action]:
        """What is done when the training begins; call it once, before `applied`."""

    @abstractmethod
    def applied(self, worker: int, unit: int, iteration: int) -> Sequence[Action]:
        """Note that a unit has been applied; return what is done now.

        Args:
            worker: whose push it was; of gradients that are applied together, the last one's.
            unit: its number.
            iteration: of the push.
        """


class _Together(Synchronisation):
    """A unit is applied when all workers have pushed it.

    No unit of an iteration is complete before all of the one before are: a worker's first push of
    it comes after its forward pass, which needs all of them.
    """

    def __init__(self, workers: int, units: int, iterations: int) -> None:
        super().__init__(workers, units, iterations)
        self._missing = units  # of the oldest iteration that is not over

    def _count(self) -> bool:
        """Count a unit; whether it was the last one of its iteration."""
        self._missing -= 1
        if self._missing:
            return False
        self._missing = self._units
        self.finished += 1
        return True


class StepBarrier(_Together):
    """The next iteration starts everywhere when all gradients of all workers are applied."""

    asked = True

    def may_start(self, worker: int, iteration: int) -> bool:
        """Whether the barrier before an iteration is open."""
        return iteration <= min(self.finished, self._iterations - 1)

    def begin(self) -> Sequence[Action]:
        """Release the first iteration."""
        return [Release(self._all, 0)]

    def applied(self, worker: int, unit: int, iteration: int) -> Sequence[Action]:
        """Release the next iteration once all units are applied."""
        if self._count() and not self.over:
            return [Release(self._all, self.finished)]
        return ()


class PerUnit(_Together):
    """Every unit has its own barrier; a layer's forward pass waits for its parameters only."""

    def may_start(self, worker: int, iteration: int) -> bool:
        """Whether a unit of the iteration before has been applied."""
        begun = self.finished + (self._missing < self._units)
        return iteration <= min(begun, self._iterations - 1)

    def begin(self) -> Sequence[Action]:
        """Send everything to all workers."""
        return [Answer(self._all, unit, 0) for unit in range(self._units)]

    def applied(self, worker: int, unit: int, iteration: int) -> Sequence[Action]:
        """Send the unit to all workers, if there is a next iteration."""
        self._count()
        if iteration + 1 < self._iterations:
            return [Answer(self._all, unit, iteration + 1)]
        return ()
