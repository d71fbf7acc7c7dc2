"""A good order in little time: of all sets of blocks that may run next, the best few are kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from orchestrator.memory.blocks import Blocks, Ran
from orchestrator.memory.search import State, beginning, then


def beam(
    blocks: Blocks, width: int, *, late: Callable[[], bool] = lambda: False
) -> tuple[int, ...] | None:
    """An order of blocks with a low peak, not always the least.

    Args:
        blocks: what is ordered.
        width: how many sets are kept at each step: the lowest peaks, and of these those that
            hold least.
        late: whether to give up.

    Returns:
        None: it gave up.
    """
    kept: list[tuple[State, _Way]] = [(beginning(blocks), None)]
    for _ in range(len(blocks)):
        found: dict[int, tuple[int, int, int, int]] = {}
        for place, (state, _) in enumerate(kept):
            if late():
                return None
            for block, ran in _next(blocks, state):
                one = (max(state.peak, ran.most), ran.live, place, block)
                found[ran.done] = min(one, found.get(ran.done, one))
        best = sorted(found.values())[:width]
        kept = [
            (then(blocks, kept[place][0], block), (kept[place][1], block))
            for _, _, place, block in best
        ]
    return _blocks_of(kept[0][1])


def _next(blocks: Blocks, state: State) -> list[tuple[int, Ran]]:
    """What may run next; a block that costs nothing, alone (`free_of_charge`)."""
    following = []
    for block in state.ready:
        ran = blocks.run(block, state.done, state.live)
        if ran.most <= state.peak and ran.live <= state.live:
            return [(block, ran)]
        following.append((block, ran))
    return following


_Way: TypeAlias = "tuple[_Way, int] | None"


def _blocks_of(way: _Way) -> tuple[int, ...]:
    order = []
    while way is not None:
        way, block = way
        order.append(block)
    return tuple(reversed(order))
