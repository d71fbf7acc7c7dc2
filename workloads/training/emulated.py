"""Emulated computation: real gradients, and the time that a device would take for them.

Time passes by waiting, not by burning CPU, so that a small machine can stand for many cores. Waits
end at planned moments: each layer ends its duration after the planned end of the one before (or
after its parameters' arrival, if that is later), so that waking late does not add up.
"""

from __future__ import annotations

import time
from bisect import insort
from collections.abc import Callable

import numpy as np

from workloads.models.coding import NO_CODING, CodingSeconds
from workloads.models.devices import DeviceModel
from workloads.models.profiles import Layer, Model
from workloads.process.process_records import CodingTime
from workloads.schedule.averaging import Rounds
from workloads.schedule.units import Layout
from workloads.training.clock import Clock
from workloads.training.compute import Compute, Gate
from workloads.transport.memory import Arena, Floats

TILE_ELEMENTS = 65536  # 256 KiB: stays in the cache while a tensor streams through
_TARGET_STREAM = 2  # keeps these random numbers apart from others of the same seed


class Pacer:
    """Plans when layers end, one after the other.

    Attributes:
        planned_end: of the last one (ns).
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.planned_end = 0

    def plan(self, earliest: int, duration: int) -> None:
        """Add a layer that may start at `earliest` and takes `duration`, both in ns."""
        self.planned_end = max(self.planned_end, earliest) + duration

    def wait(self) -> int:
        """Wait for the planned end of the last layer; return the time."""
        self._clock.sleep_until(self.planned_end)
        return self._clock.now()


class Objective:
    """A worker's share of the objective: half the squared distance of p to the worker's target.

    The target is TILE_ELEMENTS normal values from (seed, worker), repeated along each flattened
    tensor. The gradient, p - target, is as large as any and costs one pass over the memory.

    Attributes:
        cpu_ns: processor time of that pass so far, of the thread that does it.
    """

    def __init__(self, seed: int, worker: int) -> None:
        generator = np.random.default_rng([seed, _TARGET_STREAM, worker])
        self._tile = generator.standard_normal(TILE_ELEMENTS, dtype=np.float32)
        self.cpu_ns = 0

    def to_gradient(self, values: Floats) -> None:
        """Turn a tensor's parameters into their gradient, in place.

        In place, because nobody reads parameters after the backward pass of their layer: the next
        iteration pulls new ones.
        """
        begin = time.thread_time_ns()
        whole = len(values) - len(values) % TILE_ELEMENTS
        tiles = values[:whole].reshape(-1, TILE_ELEMENTS)
        np.subtract(tiles, self._tile, out=tiles)
        rest = values[whole:]
        np.subtract(rest, self._tile[: len(rest)], out=rest)
        self.cpu_ns += time.thread_time_ns() - begin


class Emulated(Compute):
    """Waits as long as a device would compute, and makes gradients of an objective meanwhile.

    Args:
        model: whose layers are computed.
        device: how long each takes.
        batch: images per iteration.
        stretch: D, by which times are multiplied.
        layout: of the model's tensors.
        arena: where they are.
        objective: whose gradients are made.
        clock: that is waited by.
        coding: seconds that the device takes per layer to decode its parameters and to encode its
            gradients.
        rounds: at whose beginnings parameters come, and at whose ends gradients leave.
        steps: whether the worker changes parameters of its own when a layer has its gradient.
        warm_up: iterations before those for which it counts how late this machine is.
    """

    def __init__(
        self,
        model: Model,
        device: DeviceModel,
        *,
        batch: int,
        stretch: float,
        layout: Layout,
        arena: Arena,
        objective: Objective,
        clock: Clock,
        coding: CodingSeconds = NO_CODING,
        rounds: Rounds,
        steps: bool = False,
        warm_up: int = 0,
    ) -> None:
        def stretched(seconds: Callable[[Layer], float]) -> list[int]:
            return [round(seconds(layer) * stretch * 1e9) for layer in model.layers]

        self._decoding, self._encoding = stretched(coding.decode), stretched(coding.encode)
        self._forward = stretched(lambda layer: device.forward_seconds(layer, batch))
        self._backward = stretched(lambda layer: device.backward_seconds(layer, batch))
        self._not_coded = [0] * len(model.layers)
        self._rounds = rounds
        self._iteration = -1
        self._steps = steps
        self._warm_up = warm_up
        self._planned_ns = self._excess_ns = self._steps_excess_ns = self._late_ns = 0
        self._graph = model.graph
        self._needed_by: list[list[int]] = [[] for _ in model.layers]
        for layer, inputs in enumerate(self._graph):
            for before in inputs:
                self._needed_by[before].append(layer)
        self._layer_tensors = layout.layer_tensors
        self._arena = arena
        self._objective = objective
        self._clock = clock
        self._pacer = Pacer(clock)

    @property
    def cpu_ns(self) -> int:
        """Processor time of the gradients so far."""
        return self._objective.cpu_ns

    @property
    def coding(self) -> CodingTime | None:
        """The device's time for coding so far, and by how much this machine's was longer."""
        if not any(self._encoding) and not any(self._decoding):
            return None
        return CodingTime(self._planned_ns, self._excess_ns, self._counted)

    @property
    def steps(self) -> CodingTime | None:
        """By how much this machine was late with steps, for which the device takes no time."""
        return CodingTime(0, self._steps_excess_ns, self._counted) if self._steps else None

    @property
    def _counted(self) -> int:
        return max(0, self._iteration + 1 - self._warm_up)

    def forward(self, gate: Gate) -> None:
        """Wait for as long as each layer takes, after those that it needs and its parameters."""
        self._iteration += 1
        begins = self._rounds.begins(self._iteration)
        decoding = self._decoding if begins else self._not_coded
        needed = [len(inputs) for inputs in self._graph]
        ready = [layer for layer, inputs in enumerate(needed) if not inputs]
        while ready:
            layer, not_before = gate.wait(ready)
            begin = self._clock.now()
            self._pacer.plan(not_before, self._forward[layer] + decoding[layer])
            self._done(decoding[layer], steps=False)
            gate.computed("forward", layer, begin, self._pacer.wait())
            ready.remove(layer)
            for after in self._needed_by[layer]:
                needed[after] -= 1
                if not needed[after]:
                    insort(ready, after)

    def backward(self, gate: Gate) -> None:
        """Make each layer's gradient, and wait for as long as its backward pass takes.

        From the last layer to the first; a layer's gradient leaves when its time is over.
        """
        exchanges = self._rounds.exchanges(self._iteration)
        encoding = self._encoding if exchanges else self._not_coded
        for layer in reversed(range(len(self._graph))):
            begin = self._clock.now()
            self._pacer.plan(0, self._backward[layer] + encoding[layer])
            for tensor in self._layer_tensors[layer]:
                self._objective.to_gradient(self._arena.tensor(tensor))
                gate.prepare(tensor)
            self._done(encoding[layer], steps=self._steps)
            gate.computed("backward", layer, begin, self._pacer.wait())
            for tensor in self._layer_tensors[layer]:
                gate.give(tensor)

    def _done(self, planned_ns: int, *, steps: bool) -> None:
        """Note what a layer's coding took, or its step, if any: how late this machine is with it.

        A layer that is coded and has a step is late by its coding, which takes longer.

        Args:
            planned_ns: what the device takes for its coding.
            steps: whether its parameters were changed.
        """
        late = max(0, self._clock.now() - self._pacer.planned_end)
        later = max(0, late - self._late_ns)
        self._late_ns = late
        if self._iteration < self._warm_up:
            return
        if planned_ns:
            self._planned_ns += planned_ns
            self._excess_ns += later
        elif steps:
            self._steps_excess_ns += later
