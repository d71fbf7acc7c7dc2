"""Iteration times of a ring without a parameter server, by simulation of all its members.

The rules are those of `workloads.exchange.ring_state`: sums go round up to a unit's owner, and its
new parameters from there, each hop as soon as it can; a link serves whole units, the least rank
first, and of one unit parameters before sums. A layer's forward pass waits for its own parameters,
with a step barrier for those of all. There are no constants but those of the topology, the model
and the devices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import pairwise
from math import isclose
from typing import Literal, NamedTuple

ITERATIONS = 8
"""At most; they are alike after two or three, or alternate."""
_WARM_UP = 3
_ALIKE = 2

_Kind = Literal["forward", "backward", "free", "came"]


class RingUnit(NamedTuple):
    """What goes round.

    Attributes:
        layer: whose forward pass waits for it.
        bytes: its size as parameters.
        rank: the least goes first.
        owner: the place of its owner.
        leaves: the layer with whose backward pass its gradient leaves; None: its own.
        summed: its size as a sum of gradients; None: the same.
    """

    layer: int
    bytes: float
    rank: int
    owner: int
    leaves: int | None = None
    summed: float | None = None


@dataclass(frozen=True)
class RingMember:
    """A worker in a ring; seconds are the real system's.

    Attributes:
        forward: of every layer.
        backward: of every layer.
        seconds_per_byte: of its way to the next member.
        delay: of that way.
    """

    forward: Sequence[float]
    backward: Sequence[float]
    seconds_per_byte: float
    delay: float = 0.0


def ring_seconds(
    members: Sequence[RingMember], units: Sequence[RingUnit], *, barrier: bool = False
) -> float:
    """Seconds of an iteration of the steady state.

    Args:
        members: in the order of the ring.
        units: of the model.
        barrier: whether an iteration begins when all layers' parameters are there.
    """
    ends: list[float] = []
    for end in _Ring(members, units, barrier).iteration_ends():
        ends.append(end)
        last = [after - before for before, after in pairwise(ends[-_ALIKE - 1 :])]
        if len(last) == _ALIKE and isclose(min(last), max(last), rel_tol=1e-6):
            return last[-1]
        if len(ends) == ITERATIONS:
            break
    return (ends[-1] - ends[_WARM_UP - 1]) / (len(ends) - _WARM_UP)


@dataclass
class _State:
    """How far a member is.

    Attributes:
        missing: per layer, units whose parameters have not come.
        iteration: that it is in.
        layer: whose forward pass is next; None: it computes.
        given: units whose own gradient is there, and waits for a sum.
        waiting: units whose sum is there, and waits for the own gradient.
        queue: what its link is to carry.
        busy: whether its link carries something.
    """

    missing: list[int]
    iteration: int = 0
    layer: int | None = 0
    given: set[int] = field(default_factory=set)
    waiting: set[int] = field(default_factory=set)
    queue: list[tuple[int, int, int, bool]] = field(default_factory=list)
    busy: bool = False


class _Ring:
    """Events in the order of their times, equal ones in the order in which they were foreseen."""

    def __init__(
        self, members: Sequence[RingMember], units: Sequence[RingUnit], barrier: bool
    ) -> None:
        self._members = members
        self._units = units
        self._barrier = barrier
        layers = len(members[0].forward)
        self._of_layer: list[list[int]] = [[] for _ in range(layers)]
        self._leaving: list[list[int]] = [[] for _ in range(layers)]
        for number, unit in enumerate(units):
            self._of_layer[unit.layer].append(number)
            self._leaving[unit.layer if unit.leaves is None else unit.leaves].append(number)
        self._states = [_State([0] * layers) for _ in members]
        self._events: list[tuple[float, int, _Kind, int, int, bool]] = []
        self._foreseen = 0

    def iteration_ends(self) -> Iterator[float]:
        """When the slowest backward pass of one iteration after the other ends."""
        done: dict[int, int] = {}
        for place in range(len(self._members)):
            self._compute(0.0, place)
        while True:
            now, _, kind, place, number, is_sum = heappop(self._events)
            state = self._states[place]
            if kind == "came":
                self._came(now, place, number, is_sum)
            elif kind == "free":
                state.busy = False
                self._carry(now, place)
            elif kind == "forward":
                if number + 1 < len(self._of_layer):
                    state.layer = number + 1
                    self._compute(now, place)
                else:
                    self._backward(now, place, number)
            else:
                self._gradient(now, place, number)
                if number:
                    self._backward(now, place, number - 1)
                    continue
                ended, state.iteration = state.iteration, state.iteration + 1
                state.layer = 0
                self._compute(now, place)
                done[ended] = done.get(ended, 0) + 1
                if done[ended] == len(self._members):
                    yield now

    def _compute(self, now: float, place: int) -> None:
        """Begin the next layer's forward pass if it can begin."""
        state = self._states[place]
        layer = state.layer
        if layer is None or state.missing[layer]:
            return
        if self._barrier and not layer and any(state.missing):
            return
        state.layer = None
        self._at(now + self._members[place].forward[layer], "forward", place, layer)

    def _backward(self, now: float, place: int, layer: int) -> None:
        self._at(now + self._members[place].backward[layer], "backward", place, layer)

    def _gradient(self, now: float, place: int, layer: int) -> None:
        state = self._states[place]
        state.missing[layer] = len(self._of_layer[layer])
        for number in self._leaving[layer]:
            first = (place - self._units[number].owner) % len(self._members) == 1
            if first or len(self._members) == 1:
                self._complete(now, place, number)
            elif number in state.waiting:
                state.waiting.remove(number)
                self._complete(now, place, number)
            else:
                state.given.add(number)
        self._carry(now, place)

    def _complete(self, now: float, place: int, number: int) -> None:
        """A member has the sum of a unit up to it."""
        if self._units[number].owner == place:
            self._parameters(now, place, number)
        else:
            self._put(place, number, is_sum=True)

    def _parameters(self, now: float, place: int, number: int) -> None:
        """A member has new parameters of a unit."""
        state, unit = self._states[place], self._units[number]
        state.missing[unit.layer] -= 1
        if (place + 1) % len(self._members) != unit.owner:
            self._put(place, number, is_sum=False)
        self._compute(now, place)

    def _came(self, now: float, place: int, number: int, is_sum: bool) -> None:
        state = self._states[place]
        if not is_sum:
            self._parameters(now, place, number)
        elif number in state.given:
            state.given.remove(number)
            self._complete(now, place, number)
        else:
            state.waiting.add(number)
        self._carry(now, place)

    def _put(self, place: int, number: int, *, is_sum: bool) -> None:
        rank = 2 * self._units[number].rank + is_sum
        self._foreseen += 1
        heappush(self._states[place].queue, (rank, self._foreseen, number, is_sum))

    def _carry(self, now: float, place: int) -> None:
        """Let a member's link begin with what is next, if it can."""
        state, member = self._states[place], self._members[place]
        if state.busy or not state.queue:
            return
        state.busy = True
        _, _, number, is_sum = heappop(state.queue)
        unit = self._units[number]
        size = unit.summed if is_sum and unit.summed is not None else unit.bytes
        free = now + size * member.seconds_per_byte
        self._at(free, "free", place)
        following = (place + 1) % len(self._members)
        self._at(free + member.delay, "came", following, number, is_sum)

    def _at(
        self, time: float, kind: _Kind, place: int, number: int = 0, is_sum: bool = False
    ) -> None:
        self._foreseen += 1
        heappush(self._events, (time, self._foreseen, kind, place, number, is_sum))
