"""An order: the one of a schedule's choices that is code. Write your own as a subclass of `Order`.

An order never sees the training. It is asked before it, in the orchestrator, and what it answers
goes to the hosts as numbers: they need nothing but those, and neither its module nor its libraries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from workloads.models.devices import DeviceModel
from workloads.models.profiles import Graph, Model
from workloads.schedule.units import Layout


class Unit(NamedTuple):
    """What is ordered: a tensor, or a slice of one.

    Attributes:
        number: among all units, in forward order.
        tensor: the number of its tensor in `Model.tensors`.
        layer: the number of its layer in `Model.layers`.
        bytes: its size in the real system (the emulation's, scaled back).
    """

    number: int
    tensor: int
    layer: int
    bytes: float


class Computation(NamedTuple):
    """How long a worker computes, in the real system's seconds.

    Attributes:
        forward_seconds: per layer of the model.
        backward_seconds: per layer of the model; the last layer is the first to be computed.
    """

    forward_seconds: tuple[float, ...]
    backward_seconds: tuple[float, ...]


@dataclass(frozen=True)
class Setting:
    """What an order is made for. All times and bytes are the real system's.

    Attributes:
        model: what is trained: layers and tensors, in forward order.
        graph: per layer, the layers whose output it needs.
        units: what is ordered, in forward order.
        workers: how long each of them computes, in the topology's order.
        seconds_per_byte: of a pull or a push, while all workers do the same.
        shared: whether a link that all workers share limits their pulls, and not their own links.
        barrier: whether there is a step barrier.
        seed: the experiment's.
        repeat: the number of the trial's repeat, from 0.
    """

    model: Model
    graph: Graph
    units: tuple[Unit, ...]
    workers: tuple[Computation, ...]
    seconds_per_byte: float
    shared: bool
    barrier: bool
    seed: int
    repeat: int

    @property
    def slowest(self) -> Computation:
        """How long the worker computes whose backward pass is longest."""
        return max(self.workers, key=lambda worker: sum(worker.backward_seconds))

    @property
    def tensor_bytes(self) -> tuple[int, ...]:
        """Per tensor, its size in bytes."""
        return tuple(tensor.bytes for tensor in self.model.tensors)


class Order:
    """What the next forward pass needs first goes first: the order of the layers.

    Override what is to differ. Ranks are numbers, one per unit: of what a send queue holds, the
    least goes first, and equal ones go first in, first out.

    Attributes:
        over_workers: ranks of answers to different workers are compared: where a link that they
            share limits the pulls, the parameter server has one send queue for all workers. Else it
            has one per worker: in a single queue, a unit whose connection is full would hold up
            the units for the other workers.
        turns: where pushes are applied by themselves (stale-synchronous, asynchronous), one worker
            after the other pushes, each all of an iteration; there is no queue for all then.
        enforced: False: hosts send first in, first out, and the schedule's `place` is not theirs.
        barrier: True: for schedules with a step barrier only; False: only for those without.
        together: True: only for schedules that apply the gradients of all workers together.
        steady: `pulls` is asked for iteration 0, and its answer is used for all. Say False where it
            depends on the iteration.
    """

    over_workers: ClassVar[bool] = False
    turns: ClassVar[bool] = False
    enforced: ClassVar[bool] = True
    barrier: ClassVar[bool | None] = None
    together: ClassVar[bool] = False
    steady: ClassVar[bool] = True

    def pulls(self, setting: Setting, worker: int, iteration: int) -> Sequence[int]:
        """In which order a worker asks for all tensors; used with a step barrier only.

        All are asked for at once. After 1,000 iterations the answers are used again from the first.
        """
        return range(len(setting.model.tensors))

    def answers(self, setting: Setting, worker: int) -> Sequence[float]:
        """Ranks of the parameter server's answers to a worker.

        With a step barrier: among what has been asked for; equal ones go as they were.
        """
        if setting.barrier:
            return [0] * len(setting.units)
        return [unit.tensor for unit in setting.units]

    def pushes(self, setting: Setting, worker: int) -> Sequence[float]:
        """Ranks of a worker's pushes."""
        if setting.barrier:
            return [0] * len(setting.units)
        return [unit.tensor for unit in setting.units]


def computation(model: Model, device: DeviceModel, batch: int) -> Computation:
    """How long a worker with that device computes."""
    return Computation(
        tuple(device.forward_seconds(layer, batch) for layer in model.layers),
        tuple(device.backward_seconds(layer, batch) for layer in model.layers),
    )


def setting_of(
    model: Model,
    layout: Layout,
    *,
    stretch: float,
    workers: Sequence[Computation],
    seconds_per_byte: float,
    shared: bool,
    barrier: bool,
    seed: int,
    repeat: int,
) -> Setting:
    """The setting of a trial.

    Args:
        model: what is trained.
        layout: its units, at the trial's scale.
        stretch: R/D, the real system's bytes per byte of the layout.
        workers: see `Setting`, as for all that follow.
    """
    units = tuple(
        Unit(unit.number, unit.tensor, layout.tensor_layers[unit.tensor], unit.length * stretch)
        for unit in layout.units
    )
    return Setting(
        model=model,
        graph=model.graph,
        units=units,
        workers=tuple(workers),
        seconds_per_byte=seconds_per_byte,
        shared=shared,
        barrier=barrier,
        seed=seed,
        repeat=repeat,
    )
