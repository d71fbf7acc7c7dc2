"""Widths that meet a budget and remove few parameters (pure).

The search takes a little off one width after the other: where most of what is over the budget goes
for each parameter that is lost. A time need not fall evenly with a width, so that it looks at steps
of several sizes. In the end it gives back what fits, and exchanges channels between widths.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import inf
from typing import TypeAlias

from orchestrator.shrink.widths import Shapes, Width
from workloads.models.profiles import Layer, Model

Cost: TypeAlias = Callable[[Layer], float]
"""Of a layer; a model's is the sum over its layers."""

_Known: TypeAlias = Callable[[int, tuple[int, ...]], float]

_PARTS = 16
"""A width is changed in so many steps."""
_AHEAD = (1, 2, 4)
"""Steps that are looked at at once."""
_ROUNDS = 3
"""Of exchanges, at most."""


@dataclass(frozen=True)
class Shrunk:
    """A model with other widths.

    Attributes:
        model: it.
        chosen: channels by width, of those that have fewer now.
        reached: whether the budget is met; if not, no width can give more.
    """

    model: Model
    chosen: dict[Width, int]
    reached: bool


def parameters(model: Model) -> int:
    """How many a model has."""
    return sum(tensor.elements for tensor in model.tensors)


def shrink(shapes: Shapes, seconds: Cost, budget: float, *, least: float) -> Shrunk:
    """Make a model faster by fewer channels, as one does who knows how long layers take.

    Args:
        shapes: of the model.
        seconds: that a layer takes.
        budget: seconds that the model may take.
        least: share of its channels that each width keeps.
    """
    search = _Search(shapes, seconds, budget, least)
    first = search.run()
    if not first.reached:
        return first
    # What another way of choosing leads to is a better start at times.
    other = _Search(shapes, seconds, budget, least)
    other.shrink_by_macs()
    both = [search, other] if other.reached else [search]
    for one in both:
        one.improve()
    return max((one.result() for one in both), key=lambda one: parameters(one.model))


def shrink_by_macs(shapes: Shapes, seconds: Cost, budget: float, *, least: float) -> Shrunk:
    """The same as one does who counts multiply-accumulates, until the budget happens to be met."""
    search = _Search(shapes, seconds, budget, least)
    search.shrink_by_macs()
    return search.result()


class _Search:
    """Widths on their way down.

    Args:
        shapes: of the model.
        seconds: that a layer takes.
        budget: seconds that the model may take.
        least: share of its channels that each width keeps.
    """

    def __init__(self, shapes: Shapes, seconds: Cost, budget: float, least: float) -> None:
        self._shapes = shapes
        self._budget = budget
        self._least = least
        self._chosen = {width: width.channels for width in shapes.widths}
        self._touched = {width: shapes.touched(width) for width in shapes.widths}
        self._seconds = self._remembered(seconds)
        self._macs = self._remembered(lambda layer: layer.macs)
        self._counted = self._remembered(lambda layer: sum(t.elements for t in layer.tensors))
        self._time = sum(map(seconds, shapes.model.layers))

    def _remembered(self, cost: Cost) -> _Known:
        """The cost of a layer by its number, and the channels of it and of what it needs."""
        shapes = self._shapes

        @cache
        def of(number: int, channels: tuple[int, ...]) -> float:
            out = [0] * len(shapes.model.layers)
            for place, count in zip(self._places(number), channels, strict=True):
                out[place] = count
            return cost(shapes.layer(number, out))

        return of

    def _places(self, number: int) -> tuple[int, ...]:
        return (number, *self._shapes.model.layers[number].needs)

    @property
    def reached(self) -> bool:
        """Whether the budget is met."""
        return self._time <= self._budget

    def result(self) -> Shrunk:
        """The model with the widths so far."""
        fewer = {w: count for w, count in self._chosen.items() if count < w.channels}
        return Shrunk(self._shapes.with_widths(fewer), fewer, self.reached)

    def run(self) -> Shrunk:
        """Shrink by seconds until the budget is met."""
        while not self.reached and self._step(self._seconds, lambda: self._time - self._budget):
            pass
        return self.result()

    def shrink_by_macs(self) -> None:
        """Shrink by multiply-accumulates until the budget is met."""
        while not self.reached and self._step(self._macs, lambda: inf):
            pass

    def improve(self) -> None:
        """Exchange channels of one width for those of others while that keeps more parameters."""
        self._give_back()
        for _ in range(_ROUNDS):
            exchanged = [self._exchange(width) for width in self._chosen]
            if not any(exchanged):
                return

    def _exchange(self, width: Width) -> bool:
        before, time = dict(self._chosen), self._time
        fewer = self._chosen[width] - _part(width)
        if fewer < max(1, self._least * width.channels):
            return False
        gained = self._difference(self._counted, width, fewer)
        self._take(width, fewer)
        gained += self._give_back()
        if gained > 0 and self._chosen != before:
            return True
        self._chosen, self._time = before, time
        return False

    def _take(self, width: Width, channels: int) -> None:
        self._time += self._difference(self._seconds, width, channels)
        self._chosen[width] = channels

    def _difference(self, cost: _Known, width: Width, channels: int) -> float:
        """By how much the cost rises if a width gets so many channels."""
        now = self._shapes.channels(self._chosen)
        then = list(now)
        for number in width.layers:
            then[number] = channels
        rise = 0.0
        for number in self._touched[width]:
            places = self._places(number)
            rise += cost(number, tuple(then[place] for place in places))
            rise -= cost(number, tuple(now[place] for place in places))
        return rise

    def _step(self, cost: _Known, wanted: Callable[[], float]) -> bool:
        """Shrink the width that saves most for each parameter lost; False: none saves anything."""
        best: tuple[float, Width, int] | None = None
        for width, now in self._chosen.items():
            for ahead in _AHEAD:
                channels = now - ahead * _part(width)
                if channels < max(1, self._least * width.channels):
                    break
                saved = min(-self._difference(cost, width, channels), wanted())
                worth = saved / max(-self._difference(self._counted, width, channels), 1)
                if saved > 0 and (best is None or worth > best[0]):
                    best = (worth, width, channels)
        if best is not None:
            self._take(*best[1:])
        return best is not None

    def _give_back(self) -> float:
        """Widen while there is time, first what has most parameters for it; returns how many."""
        gained = 0.0
        while True:
            best: tuple[float, Width, int, float] | None = None
            for width, now in self._chosen.items():
                channels = min(width.channels, now + _part(width))
                if channels == now:
                    continue
                longer = self._difference(self._seconds, width, channels)
                if self._time + longer <= self._budget:
                    more = self._difference(self._counted, width, channels)
                    worth = more / max(longer, 1e-12)
                    if best is None or worth > best[0]:
                        best = (worth, width, channels, more)
            if best is None:
                return gained
            self._take(*best[1:3])
            gained += best[3]


def _part(width: Width) -> int:
    """The channels of a step."""
    return max(1, width.channels // _PARTS)
