"""One order of pushes for all workers, planned from the model, its compute times and the path.

A gradient is applied when all workers have pushed it. Where every worker sends what is most urgent
at its own moment, a layer that comes out of the backward pass overtakes what waits, a millisecond
earlier here than there: the workers push different slices, few are complete, and the parameter
server has nothing to answer while the trunk towards it is full. What was not answered then is
answered at the end of the iteration, when no worker has anything to push.

So the same choice, most urgent first, is made once, in a simulation, and all workers keep its
order. A unit that is not ready when its turn comes is passed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush

from orchestrator.orders.order import Unit


def push_ranks(
    units: Sequence[Unit], backward_seconds: Sequence[float], seconds_per_byte: float
) -> tuple[int, ...]:
    """Per unit, its place in the planned order of pushes.

    Args:
        units: of all layers, in forward order.
        backward_seconds: per layer; from the last layer to the first, one at a time.
        seconds_per_byte: of a worker's pushes, while all workers push.
    """
    of_layer: list[list[int]] = [[] for _ in backward_seconds]
    for unit in units:
        of_layer[unit.layer].append(unit.number)
    ready: list[tuple[float, int]] = []  # when, which layer
    computed = 0.0
    for layer in reversed(range(len(backward_seconds))):
        computed += backward_seconds[layer]
        ready.append((computed, layer))
    ready.reverse()  # the first to be ready is the last one in the list
    ranks = [0] * len(units)
    waiting: list[int] = []  # units, the most urgent first: they are numbered in forward order
    now = 0.0
    for rank in range(len(units)):
        while ready and (ready[-1][0] <= now or not waiting):
            when, layer = ready.pop()
            now = max(now, when) if not waiting else now
            for number in of_layer[layer]:
                heappush(waiting, number)
        number = heappop(waiting)
        ranks[number] = rank
        now += units[number].bytes * seconds_per_byte
    return tuple(ranks)
