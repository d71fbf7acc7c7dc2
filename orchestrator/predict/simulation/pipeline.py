"""Iteration times without a barrier, by simulation of one bottleneck that all workers share.

The rules are the dependencies of one synchronous iteration (as in P3 and ByteScheduler): forward(l)
waits for forward(l-1) and all pulls of layer l; backward(l) for backward(l+1), and the first
backward for the last forward; layer l is pushed after backward(l); a unit is pulled for the next
iteration as soon as all workers have pushed it.

All workers are alike and in step: they push a unit together, and it is pushed by all when the
bottleneck has carried it n times. So one queue for each direction of the bottleneck is enough, with
whole units served one after the other, and the computation of one worker. A queue serves units in
the order in which they come (fifo), or always the waiting unit of the first layer (layer), or of
the first flow, of those that `geryon` splits a model into (flow), without breaking off the unit
that it is at. There are no constants but those of the topology, the model and the device.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate, islice, pairwise
from math import isclose
from typing import Literal

from orchestrator.spec import CodedModel
from workloads.models.devices import DeviceModel
from workloads.models.profiles import Model
from workloads.schedule.flows import flow_of
from workloads.schedule.library import get_schedule

Order = Literal["fifo", "layer", "flow"]
_Kind = Literal["pull", "push", "pulled", "pushed", "forward", "backward"]

# Iterations are alike after one to three of them; the mean of many is for those that alternate.
_ALIKE = 4
_WARM_UP = 10
_MEASURED = 20


@dataclass(frozen=True)
class Work:
    """What an iteration consists of, in the real system's seconds.

    Attributes:
        forward: of every layer.
        backward: of every layer.
        units: of every layer, the bytes of its units: its tensors, or slices of them.
        pull: seconds in which the bottleneck carries a byte to all workers.
        push: seconds in which it carries a byte from all workers.
        pull_delay: seconds from the bottleneck to a worker.
        push_delay: seconds from the bottleneck to the parameter server.
        pushed: of every layer, the bytes of its units as gradients, where these are others.
    """

    forward: tuple[float, ...]
    backward: tuple[float, ...]
    units: tuple[tuple[int, ...], ...]
    pull: float
    push: float
    pull_delay: float = 0.0
    push_delay: float = 0.0
    pushed: tuple[tuple[int, ...], ...] | None = None


def work(
    model: Model,
    device: DeviceModel,
    batch: int,
    seconds_per_byte: tuple[float, float],
    slice_bytes: int | None = None,
    *,
    sent: CodedModel | None = None,
) -> Work:
    """The work of an iteration.

    Args:
        model: what is trained.
        device: of every worker.
        batch: images per worker.
        seconds_per_byte: in which the bottleneck carries a byte to (from) all workers.
        slice_bytes: size of a unit; None: every tensor is one.
        sent: the units' bytes where codecs make others of them.
    """
    units = tuple(
        tuple(unit for tensor in layer.tensors for unit in _cut(tensor.bytes, slice_bytes))
        for layer in model.layers
    )

    def as_sent(sizes: Iterable[int]) -> tuple[tuple[int, ...], ...]:
        one_by_one = iter(sizes)
        return tuple(tuple(islice(one_by_one, len(of_layer))) for of_layer in units)

    return Work(
        tuple(device.forward_seconds(layer, batch) for layer in model.layers),
        tuple(device.backward_seconds(layer, batch) for layer in model.layers),
        as_sent(sent.pulls) if sent else units,
        *seconds_per_byte,
        pushed=as_sent(sent.pushes) if sent else None,
    )


def pipelined_seconds(work: Work, order: Order) -> float:
    """Seconds of an iteration of the steady state without a barrier."""
    ends: list[float] = []
    for end in _Pipeline(work, order).forward_ends():
        ends.append(end)
        last = [after - before for before, after in pairwise(ends[-_ALIKE - 1 :])]
        if len(last) == _ALIKE and isclose(min(last), max(last), rel_tol=1e-9):
            return last[-1]
        if len(ends) > _WARM_UP + _MEASURED:
            break
    return (ends[-1] - ends[_WARM_UP]) / _MEASURED


def _cut(length: int, slice_bytes: int | None) -> list[int]:
    if slice_bytes is None:
        return [length]
    return [min(slice_bytes, length - offset) for offset in range(0, length, slice_bytes)]


def _ranks(work: Work, order: Order) -> list[list[int]]:
    """Per layer and unit, its place in a queue; the least is served first."""
    if order != "flow":
        by_layer = order == "layer"
        return [[by_layer * layer] * len(units) for layer, units in enumerate(work.units)]
    flows, whole = get_schedule("geryon").flow_count, sum(map(sum, work.units))
    ends = accumulate(unit for units in work.units for unit in units)
    return [[flow_of(next(ends), whole, flows) for _ in units] for units in work.units]


class _Direction:
    """One direction of the bottleneck: what waits there, and whether it is busy."""

    def __init__(
        self,
        seconds_per_byte: float,
        units: tuple[tuple[int, ...], ...],
        ranks: list[list[int]],
    ) -> None:
        self.seconds_per_byte = seconds_per_byte
        self.units = units
        self._ranks = ranks
        self.waiting: list[tuple[int, int, int, int]] = []
        self._come = 0
        self.busy = False

    def put(self, layer: int, unit: int) -> None:
        """A layer's unit of that number comes."""
        heapq.heappush(self.waiting, (self._ranks[layer][unit], self._come, layer, unit))
        self._come += 1

    def take(self) -> tuple[int, int]:
        """What is served next (layer, its unit); of a direction that is not busy."""
        self.busy = True
        _, _, layer, unit = heapq.heappop(self.waiting)
        return layer, unit


class _Pipeline:
    """Events in the order of their times, equal ones in the order in which they were foreseen."""

    def __init__(self, work: Work, order: Order) -> None:
        self._work = work
        ranks = _ranks(work, order)
        self._pull = _Direction(work.pull, work.units, ranks)
        self._push = _Direction(work.push, work.pushed or work.units, ranks)
        self._directions: tuple[tuple[_Kind, _Direction], ...]
        self._directions = (("push", self._push), ("pull", self._pull))
        self._events: list[tuple[float, int, _Kind, int, int]] = []
        self._foreseen = 0
        self._missing = [len(units) for units in work.units]
        self._next_forward = 0
        self._computing = False

    def forward_ends(self) -> Iterator[float]:
        """When the forward passes end, of one iteration after the other; all are pulled at 0."""
        for layer, units in enumerate(self._work.units):
            for unit in range(len(units)):
                self._pull.put(layer, unit)
        now, last = 0.0, len(self._work.forward) - 1
        while True:
            self._begin(now)
            now, _, kind, layer, unit = heapq.heappop(self._events)
            if kind == "push":
                self._push.busy = False
                self._arrive(now, self._work.push_delay, "pushed", layer, unit)
            elif kind == "pull":
                self._pull.busy = False
                self._arrive(now, self._work.pull_delay, "pulled", layer, unit)
            elif kind in ("pushed", "pulled"):
                self._arrived(kind, layer, unit)
            elif kind == "forward" and layer < last:
                self._next_forward, self._computing = layer + 1, False
            elif kind == "forward":
                yield now
                self._at(now + self._work.backward[last], "backward", last)
            else:
                self._gradient(now, layer)

    def _arrive(self, now: float, delay: float, kind: _Kind, layer: int, unit: int) -> None:
        if delay:
            self._at(now + delay, kind, layer, unit)
        else:
            self._arrived(kind, layer, unit)

    def _arrived(self, kind: _Kind, layer: int, unit: int) -> None:
        if kind == "pushed":
            self._pull.put(layer, unit)
        else:
            self._missing[layer] -= 1

    def _begin(self, now: float) -> None:
        """Begin what can begin."""
        for kind, direction in self._directions:
            # Asked for after every event, hundreds of thousands of times: without a call.
            if direction.waiting and not direction.busy:
                layer, unit = direction.take()
                seconds = direction.units[layer][unit] * direction.seconds_per_byte
                self._at(now + seconds, kind, layer, unit)
        layer = self._next_forward
        if not self._computing and not self._missing[layer]:
            self._computing = True
            self._at(now + self._work.forward[layer], "forward", layer)

    def _gradient(self, now: float, layer: int) -> None:
        """The backward pass of a layer is done: its gradient leaves, and it is missing anew."""
        self._missing[layer] = len(self._work.units[layer])
        for unit in range(len(self._work.units[layer])):
            self._push.put(layer, unit)
        if layer:
            self._at(now + self._work.backward[layer - 1], "backward", layer - 1)
        else:
            self._next_forward, self._computing = 0, False

    def _at(self, time: float, kind: _Kind, layer: int, unit: int = 0) -> None:
        heapq.heappush(self._events, (time, self._foreseen, kind, layer, unit))
        self._foreseen += 1
