"""The order of operations that holds the least: known orders, fusion, search, integer programme."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from orchestrator.memory.backward import backward_beam
from orchestrator.memory.beam import beam
from orchestrator.memory.bounds import certain_bounds, lower_bound
from orchestrator.memory.fusion import fuse
from orchestrator.memory.graph import Operations
from orchestrator.memory.orders import as_numbered, breadth_first, depth_first
from orchestrator.memory.programme import Programme, solve
from orchestrator.memory.search import search
from orchestrator.memory.training import least_training

Way = Literal["its only order", "a known order", "a beam", "exact search", "the integer programme"]

_EFFORT = 2_000_000
"""Of a search: some seconds, the same on every machine."""
_WIDTH = 8
_WIDEST = 1024
_SHARE = 0.8
"""Of the time that is left, what a wider beam may be expected to take."""
_LAST = 0.93
"""Of all the time, when the last beam ends; what comes then is the best for training."""
_Beam = Callable[..., tuple[int, ...] | None]
_BEAMS: tuple[_Beam, ...] = (beam, backward_beam)
_MOST_VARIABLES = 20_000
"""Of an integer programme: a larger one has no answer within minutes."""


@dataclass(frozen=True)
class LeastMemory:
    """The order that holds the least, as far as it is known.

    Attributes:
        order: of the operations; of those with that peak, the one that holds the least in
            training, as far as that can be found.
        peak: what it holds at most, in bytes.
        bound: no order holds less at most, in bytes.
        way: how the order was found.
        blocks: of how many blocks it is, after fusion.
        variables: of the integer programme; 0: there was none.
        all_variables: that it would have without time windows.
    """

    order: tuple[int, ...]
    peak: int
    bound: int
    way: Way
    blocks: int
    variables: int = 0
    all_variables: int = 0

    @property
    def gap(self) -> float:
        """By how much of the peak a better order could be below it; 0: none is better."""
        return (self.peak - self.bound) / self.peak if self.peak else 0.0


def least_memory(
    operations: Operations,
    *,
    seconds: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> LeastMemory:
    """Find the order that holds the least.

    Args:
        operations: what is ordered.
        seconds: for how long to look for a better order or a higher bound where the search alone
            does not close the gap; None: not at all, and the answer is the same on every machine.
        clock: in seconds.
    """
    return _Plan(operations, seconds, clock).made()


class _Plan:
    """What is known so far."""

    def __init__(
        self, operations: Operations, seconds: float | None, clock: Callable[[], float]
    ) -> None:
        self._operations = operations
        self._clock = clock
        self._began = clock()
        self._seconds = seconds
        self._blocks = fuse(operations)
        self._order: tuple[int, ...] = ()
        self._peak = self._variables = self._all_variables = 0
        self._beam = _BEAMS[0]  # that found the lowest peak
        self._beam_seconds = 0.0
        self._way: Way = "its only order"
        self._bound = max(certain_bounds(self._blocks), default=0)

    def made(self) -> LeastMemory:
        """The answer."""
        for _ in self._steps():
            if self._bound >= self._peak:
                break
        if not self._operations.has_one_order:
            # Many orders hold as little; a training holds all outputs, and tells them apart.
            settled = least_training(self._operations, self._peak, _EFFORT // 10)
            self._order = settled or self._order
        return LeastMemory(
            self._order,
            self._peak,
            min(self._bound, self._peak),
            self._way,
            len(self._blocks),
            self._variables,
            self._all_variables,
        )

    def _steps(self) -> Iterator[None]:
        operations = self._operations
        self._take(
            as_numbered(operations),
            "its only order" if operations.has_one_order else "a known order",
        )
        for known in (depth_first, breadth_first):
            self._take(known(operations), "a known order")
        yield
        for one in _BEAMS:
            peak = self._peak
            seconds = self._search_beam(one, _WIDTH, self._never)
            if self._peak < peak or not self._beam_seconds:
                self._beam, self._beam_seconds = one, seconds
            yield
        self._search()
        yield
        if self._seconds is None:
            return
        self._raise(lower_bound(self._blocks, self._after(0.3)))
        yield
        self._solve()
        yield
        width, seconds = _WIDTH, self._beam_seconds
        # The peak does not fall with every step, so that each of the widths is worth its try.
        while width < _WIDEST:
            fitting = int(width * _SHARE * self._left() / max(seconds, 1e-3))
            if fitting <= width:
                return
            width = min(2 * width, fitting, _WIDEST)
            seconds = self._search_beam(self._beam, width, self._after(_LAST))
            yield

    def _take(self, order: tuple[int, ...], way: Way) -> None:
        peak = self._operations.peak(order)
        if not self._order or peak < self._peak:
            self._order, self._peak, self._way = order, peak, way

    def _raise(self, bound: int) -> None:
        self._bound = max(self._bound, bound)

    def _search_beam(self, beam: _Beam, width: int, late: Callable[[], bool]) -> float:
        """Take what a beam finds; the seconds that it took."""
        began = self._clock()
        found = beam(self._blocks, width, late=late)
        if found is not None:
            self._take(self._blocks.operations_of(found), "a beam")
        return self._clock() - began

    def _search(self) -> None:
        late = self._never if self._seconds is None else self._after(0.2)
        found = search(self._blocks, _EFFORT, below=self._peak, late=late)
        self._raise(found.bound)
        if found.order is not None:
            self._take(self._blocks.operations_of(found.order), "exact search")

    def _solve(self) -> None:
        if len(self._blocks) ** 2 > 4 * _MOST_VARIABLES:
            return
        programme = Programme(self._blocks)
        if programme.variables > _MOST_VARIABLES:
            return
        solved = solve(programme, seconds=self._left() / 2, least=self._bound, most=self._peak)
        self._variables, self._all_variables = programme.variables, programme.all_variables
        self._raise(solved.bound)
        if solved.order is not None:
            self._take(self._blocks.operations_of(solved.order), "the integer programme")

    def _left(self) -> float:
        return max(0.1, (self._seconds or 0.0) - (self._clock() - self._began))

    def _never(self) -> bool:
        return False

    def _after(self, share: float) -> Callable[[], bool]:
        """Whether that share of the time is over."""
        end = self._began + share * (self._seconds or 0.0)
        return lambda: self._clock() >= end
