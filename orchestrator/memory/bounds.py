"""What every order of a graph holds at least, found without looking for one (min cuts)."""

from __future__ import annotations

import math
from collections.abc import Callable

from orchestrator.memory.blocks import Blocks
from orchestrator.memory.graph import Operations, numbers_of

_MOST = 2**31 - 1  # of all capacities together, for scipy's maximum flow


def certain_bounds(blocks: Blocks) -> list[int]:
    """Per operation, what is held at least while it runs, in bytes.

    Its own output, and every output of operations before it in any order that it needs, or one
    after it in any order.
    """
    operations = blocks.operations
    bounds = []
    for number, size in enumerate(operations.sizes):
        above, below = _around(blocks, number)
        later = below | 1 << number
        bounds.append(
            size
            + sum(
                operations.sizes[before]
                for before in numbers_of(above)
                if (users := operations.user_masks[before]) & later or not users
            )
        )
    return bounds


def lower_bound(blocks: Blocks, late: Callable[[], bool] = lambda: False) -> int:
    """No order has a lower peak, in bytes.

    Of each operation, the least that can be held while it runs, over all sets of others that can
    have run: a minimum cut of the graph between what runs before it and what runs after it.

    Args:
        blocks: fused, so that more is known of what runs before what.
        late: whether to leave it at what is known.
    """
    bounds = certain_bounds(blocks)
    most = max(bounds, default=0)
    for number in sorted(range(len(bounds)), key=lambda one: -bounds[one]):
        if late():
            break
        most = max(most, _cut(blocks, number))
    return most


def _around(blocks: Blocks, number: int) -> tuple[int, int]:
    """The operations that run before one in any order, and after it, as sets of bits."""
    block = blocks.block_of[number]
    members = blocks.members[block]
    place = members.index(number)
    above, below = blocks.above[block], blocks.below[block]
    for one in members[:place]:
        above |= 1 << one
    for one in members[place + 1 :]:
        below |= 1 << one
    return above, below


def _cut(blocks: Blocks, number: int) -> int:
    """What is held at least while an operation runs, by a minimum cut.

    On one side of the cut is what has run. An output costs its size if it has been written and
    something that needs it is on the other side.
    """
    import numpy as np
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_flow

    operations = blocks.operations
    above, below = _around(blocks, number)
    below |= 1 << number
    unit = _unit(operations)
    # 0: has run; 1: has not; then the free operations, then an output for each that may be held.
    free = [one for one in range(len(operations)) if not (above | below) >> one & 1]
    node = {one: 2 + place for place, one in enumerate(free)}
    count, certain = 2 + len(free), operations.sizes[number]
    edges: dict[tuple[int, int], int] = {}
    for one in (*numbers_of(above), *free):
        users, size = operations.user_masks[one], operations.sizes[one]
        begin = node.get(one, 0)
        if begin:
            for before in operations.needs[one]:
                if before in node:
                    edges[begin, node[before]] = _MOST
        if not begin and (users & below or not users):
            certain += size
        elif users & below or not users:
            edges[begin, 1] = edges.get((begin, 1), 0) + size // unit
        elif undecided := [node[user] for user in operations.needed_by[one] if user in node]:
            edges[begin, count] = size // unit
            edges |= {(count, user): _MOST for user in undecided}
            count += 1
    if not edges:
        return certain
    rows, columns = np.array(list(edges)).T
    capacities = np.array([min(one, _MOST) for one in edges.values()], dtype=np.int32)
    graph = csr_array((capacities, (rows, columns)), shape=(count, count))
    return certain + unit * int(maximum_flow(graph, 0, 1).flow_value)


def _unit(operations: Operations) -> int:
    """The bytes that capacities count: they are exact if that is no more than what all share."""
    common = math.gcd(*operations.sizes) or 1
    return max(common, sum(operations.sizes) // (_MOST // 2) + 1)
