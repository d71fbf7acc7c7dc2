"""Fuse blocks that run one after the other in some best order, until no more can be fused.

Each rule turns any order into one with two or more blocks side by side, and its peak does not rise:
so the best order of fused blocks is as good as the best of all. What a rule needs to know is how
much an order around it can have freed at most (`_possible`), or must have freed at least
(`_certain`). The rules hold for blocks as for single operations.

`_follows`: a block V that can run as soon as U has, holds no more than U at most, and leaves no
more behind, runs directly after U. Moved there, it lowers what is held by all between.

`_leads`: a block U whose first user in any order is V, that leaves at least as much as it can free,
and holds no more at most than V, runs directly before V. Moved there, it lowers what is held by
all between.

Chains and dominated operations are these two. Branches that begin at one block and join in another
are `orchestrator.memory.parts`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from orchestrator.memory.blocks import Blocks
from orchestrator.memory.graph import Operations, numbers_of
from orchestrator.memory.parts import fused_part


def fuse(operations: Operations) -> Blocks:
    """Fuse operations to blocks whose best order is as good as the best of all."""
    blocks = Blocks.single(operations)
    while True:
        before = len(blocks)
        blocks = _pairs_fused(blocks)
        blocks = fused_part(blocks) or blocks
        if len(blocks) == before:
            return blocks


def _pairs_fused(blocks: Blocks) -> Blocks:
    """Fuse pairs until none is left that can be."""
    while True:
        pairs = list(_disjoint(_pairs(blocks)))
        if not pairs:
            return blocks
        second = {after for _, after in pairs}
        joined = dict(pairs)
        members = tuple(
            own + (blocks.members[joined[block]] if block in joined else ())
            for block, own in enumerate(blocks.members)
            if block not in second
        )
        blocks = Blocks(blocks.operations, members)


def _disjoint(pairs: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Those pairs that have no block in common with one before."""
    used: set[int] = set()
    for pair in pairs:
        if used.isdisjoint(pair):
            used.update(pair)
            yield pair


def _pairs(blocks: Blocks) -> Iterator[tuple[int, int]]:
    """Blocks of which the second may run directly after the first."""
    for block in blocks.order:
        for after in blocks.after[block]:
            if _follows(blocks, block, after) or _leads(blocks, block, after):
                yield block, after


def _follows(blocks: Blocks, first: int, second: int) -> bool:
    if blocks.inputs[second] & ~(blocks.masks[first] | blocks.above[first]):
        return False
    most, left = _profile(blocks, first, second, _certain(blocks, first, second))
    own = len(blocks.members[first])
    return max(most[own:]) <= max(most[:own]) and left[-1] <= left[own - 1]


def _leads(blocks: Blocks, first: int, second: int) -> bool:
    later = blocks.masks[second] | blocks.below[second]
    if blocks.users[first] & ~later:
        return False
    operations, own = blocks.operations, blocks.members[first]
    sizes, users = operations.sizes, operations.user_masks
    inputs = numbers_of(blocks.inputs[first])
    could_free = sum(sizes[one] for one in inputs if not users[one] & later)
    kept = sum(sizes[one] for one in own if users[one] & ~blocks.masks[first] or not users[one])
    if could_free > kept:
        return False
    most, _ = _profile(blocks, first, second, _possible(blocks, first, second))
    return max(most[: len(own)]) <= max(most[len(own) :])


_Freed = Callable[[int, int], bool]
"""Whether an output is free after so many steps of two blocks, the step its last use in them."""


def _certain(blocks: Blocks, first: int, second: int) -> _Freed:
    """Freed in every order."""
    earlier = blocks.above[first] | blocks.above[second]
    users = blocks.operations.user_masks
    return lambda output, done: not users[output] & ~(earlier | done)


def _possible(blocks: Blocks, first: int, second: int) -> _Freed:
    """Freed in some order."""
    both = blocks.masks[first] | blocks.masks[second]
    later = blocks.below[first] | blocks.below[second]
    users = blocks.operations.user_masks
    return lambda output, done: not users[output] & ((both & ~done) | (later & ~both))


def _profile(
    blocks: Blocks, first: int, second: int, freed: _Freed
) -> tuple[Sequence[int], Sequence[int]]:
    """Per step of two blocks, what is held while it runs and after it, beyond what was before."""
    operations = blocks.operations
    done = live = 0
    most, left = [], []
    gone: set[int] = set()
    for number in (*blocks.members[first], *blocks.members[second]):
        live += operations.sizes[number]
        done |= 1 << number
        most.append(live)
        for before in operations.needs[number]:
            if before not in gone and freed(before, done):
                gone.add(before)
                live -= operations.sizes[before]
        left.append(live)
    return most, left
