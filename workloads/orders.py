"""In which order a host sends tensors: the order of a schedule, made out for a model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workloads import planned
from workloads.graphs import graph_of
from workloads.layout import Layout
from workloads.models import BYTES_PER_ELEMENT, Model
from workloads.schedules import Schedule
from workloads.tictac import tac_order, tic_order

_ORDER_STREAM = 3  # keeps these random numbers apart from others of the same seed


def random_order(tensors: int, key: Sequence[int]) -> tuple[int, ...]:
    """A permutation of all tensors from a key: (seed, repeat, worker, iteration)."""
    seed, *rest = key
    generator = np.random.default_rng([seed, _ORDER_STREAM, *rest])
    return tuple(int(tensor) for tensor in generator.permutation(tensors))


def pull_order(
    schedule: Schedule,
    model: Model,
    *,
    seconds_per_byte: float,
    layer_seconds: Sequence[float],
) -> tuple[int, ...]:
    """The order in which a worker asks for all tensors, where it is the same in every iteration.

    Args:
        schedule: has a step barrier.
        model: what is trained.
        seconds_per_byte: of a transfer, while all workers pull.
        layer_seconds: per layer, of the worker's forward pass.

    Raises:
        ValueError: the schedule's order is a random one.
    """
    if schedule.order == "layer":
        return tuple(range(len(model.tensors)))
    if schedule.order == "tic":
        return tic_order(model, graph_of(model))
    if schedule.order == "tac":
        transfers = [
            BYTES_PER_ELEMENT * tensor.elements * seconds_per_byte for tensor in model.tensors
        ]
        return tac_order(model, graph_of(model), transfers, layer_seconds)
    raise ValueError(f"{schedule.order!r} is another order in every iteration")


def answer_ranks(schedule: Schedule, layout: Layout) -> tuple[int, ...]:
    """Per unit, its place in the parameter server's send queues.

    The least goes first, equal ones first in, first out. With a step barrier all pulls are asked
    for at once, in order, and answered as they come.
    """
    if schedule.barrier or not schedule.at_host:
        return (0,) * len(layout.units)
    return tuple(unit.tensor for unit in layout.units)


def push_ranks(
    schedule: Schedule,
    layout: Layout,
    *,
    seconds_per_byte: float,
    backward_seconds: Sequence[float],
) -> tuple[int, ...]:
    """Likewise for a worker's pushes; seconds and bytes as in `planned.push_ranks`."""
    if schedule.order == "planned":
        return planned.push_ranks(layout, backward_seconds, seconds_per_byte)
    return answer_ranks(schedule, layout)
