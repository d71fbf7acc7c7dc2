"""The orders that schedules name; their sources are those of the schedules.

What needs numpy imports it where it is used: every command loads this module, and most
never ask for these orders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from orchestrator.orders import planned
from orchestrator.orders.order import Order, Setting
from workloads.models.profiles import Model

_RANDOM_STREAM = 3  # keeps these random numbers apart from others of the same seed


class Random(Order):
    """Pulls in a new permutation each iteration, from (seed, repeat, worker, iteration)."""

    enforced = False
    barrier = True
    steady = False

    def pulls(self, setting: Setting, worker: int, iteration: int) -> Sequence[int]:
        """A permutation of all tensors."""
        import numpy as np

        key = [setting.seed, _RANDOM_STREAM, setting.repeat, worker, iteration]
        generator = np.random.default_rng(key)
        return [int(tensor) for tensor in generator.permutation(len(setting.model.tensors))]


class Generation(Order):
    """First in, first out: gradients as they are computed, answers as their units are applied."""

    enforced = False
    barrier = False


class LayerWorker(Order):
    """As `layer`, and the server sends a unit to all workers before it sends the next one."""

    over_workers = True
    barrier = False


class Planned(LayerWorker):
    """As `layer-worker`, and all workers push in one order that is planned beforehand."""

    together = True

    def pushes(self, setting: Setting, worker: int) -> Sequence[float]:
        """The same for all workers: planned for the slowest."""
        return planned.push_ranks(
            setting.units, setting.slowest.backward_seconds, setting.seconds_per_byte
        )


class Worker(Order):
    """One worker after the other, in the topology's order: while one pushes, the next one pulls."""

    over_workers = True
    turns = True

    def answers(self, setting: Setting, worker: int) -> Sequence[float]:
        """All of a worker's before the next one's; equal ones as they are asked for or applied."""
        return [worker] * len(setting.units)

    def pushes(self, setting: Setting, worker: int) -> Sequence[float]:
        """First in, first out."""
        return [0] * len(setting.units)


class Tic(Order):
    """TicTac's timing-independent order of pulls."""

    barrier = True

    def pulls(self, setting: Setting, worker: int, iteration: int) -> Sequence[int]:
        """The same in every iteration."""
        from orchestrator.orders.tictac import tic_order

        return tic_order(setting.model, setting.graph)


class Tac(Order):
    """TicTac's timing-aware order of pulls."""

    barrier = True

    def pulls(self, setting: Setting, worker: int, iteration: int) -> Sequence[int]:
        """The same in every iteration."""
        return _tac_order(
            setting.model,
            tuple(map(tuple, setting.graph)),
            tuple(size * setting.seconds_per_byte for size in setting.tensor_bytes),
            tuple(setting.workers[worker].forward_seconds),
        )


@lru_cache(maxsize=64)
def _tac_order(
    model: Model,
    graph: tuple[tuple[int, ...], ...],
    transfer_seconds: tuple[float, ...],
    compute_seconds: tuple[float, ...],
) -> tuple[int, ...]:
    # Workers that are alike have one order, which takes a while to find.
    from orchestrator.orders.tictac import tac_order

    return tac_order(model, graph, transfer_seconds, compute_seconds)


ORDERS: Mapping[str, Order] = {
    "random": Random(),
    "generation": Generation(),
    "layer": Order(),
    "layer-worker": LayerWorker(),
    "worker": Worker(),
    "planned": Planned(),
    "tic": Tic(),
    "tac": Tac(),
}
