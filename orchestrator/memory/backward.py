"""A good order in little time, found from its end: of all sets that may be left, the best few.

Where many operations begin early and few results are left at the end, the end says more of what is
held than the beginning does. So the last block is chosen first, then the one before it. Taking a
block away costs the outputs that only it needs of those that have run, and saves what it writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeAlias

from orchestrator.memory.blocks import Blocks
from orchestrator.memory.graph import numbers_of


def backward_beam(
    blocks: Blocks, width: int, *, late: Callable[[], bool] = lambda: False
) -> tuple[int, ...] | None:
    """An order of blocks with a low peak, not always the least.

    Args:
        blocks: what is ordered.
        width: how many sets are kept at each step: the lowest peaks, of these those that hold
            least, and of these those after which most can be taken.
        late: whether to give up.

    Returns:
        None: it gave up.
    """
    kept = [_everything(blocks)]
    for _ in range(len(blocks)):
        found: dict[int, tuple[int, int, int, int, int]] = {}
        for place, state in enumerate(kept):
            if late():
                return None
            for block, cost in _next(state):
                peak, live = max(state.peak, state.live + cost.rise), state.live + cost.change
                one = (peak, live, -cost.opens, place, block)
                left = state.done & ~blocks.masks[block]
                found[left] = min(one, found.get(left, one))
        best = sorted(found.values())[:width]
        kept = [_without(blocks, kept[place], block) for _, _, _, place, block in best]
    return _order(kept[0].way)


class _Cost(NamedTuple):
    """What it costs to take a block away from the end of what has run.

    Attributes:
        rise: bytes that are held at most while it runs, beyond what is held after it.
        change: bytes that are held before it, beyond what is held after it.
        opens: how many blocks can be taken then, that could not before.
    """

    rise: int
    change: int
    opens: int


class _State(NamedTuple):
    """A set of blocks that have run, and the order of all others.

    Attributes:
        done: their operations, as a set of bits.
        live: bytes that are held after them.
        peak: the most that is held later.
        costs: of the blocks that can be taken away.
        way: the first of the others, and those after it.
    """

    done: int
    live: int
    peak: int
    costs: dict[int, _Cost]
    way: _Way


_Way: TypeAlias = "tuple[int, _Way] | None"


def _everything(blocks: Blocks) -> _State:
    operations = blocks.operations
    done = (1 << len(operations)) - 1
    live = sum(
        size for size, by in zip(operations.sizes, operations.needed_by, strict=True) if not by
    )
    ends = (block for block, users in enumerate(blocks.users) if not users)
    return _State(done, live, 0, {block: _cost(blocks, block, done) for block in ends}, None)


def _next(state: _State) -> Iterable[tuple[int, _Cost]]:
    """What may be taken; a block that costs nothing, alone: it costs nothing later either."""
    for block, cost in state.costs.items():
        if state.live + cost.rise <= state.peak and cost.change <= 0:
            return ((block, cost),)
    return state.costs.items()


def _without(blocks: Blocks, state: _State, block: int) -> _State:
    """A block is taken away."""
    cost = state.costs[block]
    done = state.done & ~blocks.masks[block]
    costs = state.costs.copy()
    del costs[block]
    others = 0
    for number in numbers_of(blocks.inputs[block]):
        others |= blocks.operations.user_masks[number]
    # Blocks that need what it needs cost something else now; blocks that it needs may be open.
    for one in blocks.blocks_in(others & done):
        if one in costs:
            costs[one] = _cost(blocks, one, done)
    for one in blocks.blocks_in(blocks.inputs[block]):
        if not blocks.users[one] & done:
            costs[one] = _cost(blocks, one, done)
    peak = max(state.peak, state.live + cost.rise)
    return _State(done, state.live + cost.change, peak, costs, (block, state.way))


def _cost(blocks: Blocks, block: int, done: int) -> _Cost:
    """Of a block that nothing that has run needs."""
    operations = blocks.operations
    sizes, users = operations.sizes, operations.user_masks
    change = rise = 0
    for number in reversed(blocks.members[block]):
        change += sum(sizes[one] for one in operations.needs[number] if not users[one] & ~done)
        rise = max(rise, change)
        change -= sizes[number]
        done &= ~(1 << number)
    inputs = blocks.blocks_in(blocks.inputs[block])
    return _Cost(rise, change, sum(not blocks.users[one] & done for one in inputs))


def _order(way: _Way) -> tuple[int, ...]:
    order = []
    while way is not None:
        block, way = way
        order.append(block)
    return tuple(order)
