"""Parts of a graph that run as one: branches that begin after one block and join in another.

A part is all blocks between a block `begin` and a block `join` that `begin` dominates, and `join`
itself. Of its outputs others need only those of `join`; what it needs of others is there once
`begin` has run, and is either needed by nobody else or held longer anyway. What it holds then
depends on which of its blocks have run and on nothing else.

Let h be the least peak of its orders by themselves. Any order of the whole graph lets the part hold
h or more at some moment. If the part held no less before that moment than before it began, and no
less after it than when it has ended, then all of it may run at that moment in its best order, and
all others find no more held than before. Inside it, that is the case where branches that begin at
one output end in one that is no larger than all that is held between.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.memory.blocks import Blocks
from orchestrator.memory.graph import numbers_of

MOST_BLOCKS = 12
"""Of a part: of larger ones all sets of blocks would be too many to look at."""
_MOST_SETS = 2000


def fused_part(blocks: Blocks) -> Blocks | None:
    """The same with its smallest part that may run as one fused; None: there is none."""
    for part, join in _parts(blocks):
        order = _best_order(blocks, part, join)
        if order is not None:
            inside = set(order)
            members = (own for block, own in enumerate(blocks.members) if block not in inside)
            return Blocks(blocks.operations, (*members, blocks.operations_of(order)))
    return None


def _parts(blocks: Blocks) -> Iterator[tuple[int, int]]:
    """Parts as sets of operations, with their joins; the smallest first."""
    found = []
    for join in blocks.order:
        begin = _begin(blocks, join)
        if begin is None:
            continue
        part = blocks.below[begin] & blocks.above[join] | blocks.masks[join]
        count = len(blocks.blocks_in(part))
        if 2 < count <= MOST_BLOCKS and _is_closed(blocks, begin, part, join):
            found.append((count, join, part))
    for _, join, part in sorted(found):
        yield part, join


def _begin(blocks: Blocks, join: int) -> int | None:
    """The last block that all that `join` needs comes after, or is."""
    inputs = blocks.blocks_in(blocks.inputs[join])
    if not inputs:
        return None
    common = ~0
    for one in inputs:
        common &= blocks.above[one] | blocks.masks[one]
    for begin in reversed(blocks.order):
        if blocks.masks[begin] & common:
            part = blocks.below[begin] & blocks.above[join]
            inside = blocks.blocks_in(part)
            allowed = part | blocks.masks[begin] | blocks.above[begin]
            if all(not blocks.inputs[one] & ~allowed for one in inside):
                return begin
    return None


def _is_closed(blocks: Blocks, begin: int, part: int, join: int) -> bool:
    """Whether what it holds depends on nothing but itself."""
    inside = blocks.blocks_in(part & ~blocks.masks[join])
    if any(blocks.users[one] & ~part for one in inside):
        return False
    before = blocks.masks[begin] | blocks.above[begin]
    inputs = _inputs(blocks, part)
    return not inputs & ~before and all(
        not blocks.operations.user_masks[output] & ~(part | before)
        or _is_held(blocks, output, join)
        for output in numbers_of(inputs)
    )


def _inputs(blocks: Blocks, part: int) -> int:
    """The operations of others that a part needs."""
    inputs = 0
    for one in blocks.blocks_in(part):
        inputs |= blocks.inputs[one]
    return inputs & ~part


def _is_held(blocks: Blocks, output: int, join: int) -> bool:
    """Whether an output is needed after the join in any order."""
    return bool(blocks.operations.user_masks[output] & blocks.below[join])


def _best_order(blocks: Blocks, part: int, join: int) -> tuple[int, ...] | None:
    """The order in which the part may run as one; None: it may not."""
    sets = _Sets(blocks, part, join)
    if not sets.walk():
        return None
    return sets.order if sets.runs_as_one() else None


class _Sets:
    """All sets of a part's blocks that can have run: what is held, and the least peaks on the way.

    Held and peaks are in bytes beyond what others hold.
    """

    def __init__(self, blocks: Blocks, part: int, join: int) -> None:
        self._blocks = blocks
        self._part = part
        self._members = blocks.blocks_in(part)
        inputs = numbers_of(_inputs(blocks, part))
        # What is held longer anyway is not the part's.
        self._held_anyway = {one for one in inputs if _is_held(blocks, one, join)}
        self._start = sum(
            blocks.operations.sizes[one] for one in inputs if one not in self._held_anyway
        )
        self.held: dict[int, int] = {0: self._start}
        self.peaks: dict[int, int] = {0: 0}
        self._came: dict[int, tuple[int, int]] = {}
        self._steps: dict[int, list[tuple[int, int]]] = {}

    def walk(self) -> bool:
        """Look at all sets; whether they were few enough."""
        layer = [0]
        while layer:
            following: dict[int, None] = {}
            for done in layer:
                self._steps[done] = []
                for block in self._members:
                    mask = self._blocks.masks[block]
                    if done & mask or self._blocks.inputs[block] & self._part & ~done:
                        continue
                    after, live, most = self._run(block, done)
                    self._steps[done].append((after, most))
                    self.held[after] = live
                    peak = max(self.peaks[done], most)
                    if peak < self.peaks.get(after, peak + 1):
                        self.peaks[after] = peak
                        self._came[after] = (done, block)
                    following[after] = None
            layer = list(following)
            if len(self.held) > _MOST_SETS:
                return False
        return True

    def _run(self, block: int, done: int) -> tuple[int, int, int]:
        operations = self._blocks.operations
        live = most = self.held[done]
        for number in self._blocks.members[block]:
            live += operations.sizes[number]
            most = max(most, live)
            done |= 1 << number
            for before in operations.needs[number]:
                users = operations.user_masks[before]
                if not self._part >> before & 1:
                    users &= self._part  # those outside it have run
                if before not in self._held_anyway and not users & ~done:
                    live -= operations.sizes[before]
        return done, live, most

    @property
    def order(self) -> tuple[int, ...]:
        """The best by itself."""
        order, done = [], self._part
        while done:
            done, block = self._came[done]
            order.append(block)
        return tuple(reversed(order))

    def runs_as_one(self) -> bool:
        """Whether the part may run as one in any order of the whole graph."""
        least = self.peaks[self._part]
        start, end = self._start, self.held[self._part]
        from_here = self._from_here()
        before = all(
            start <= held for done, held in self.held.items() if self.peaks[done] < least
        ) and all(end <= held for done, held in self.held.items() if done)
        after = all(
            start <= held for done, held in self.held.items() if done != self._part
        ) and all(end <= held for done, held in self.held.items() if from_here[done] < least)
        return before or after

    def _from_here(self) -> dict[int, int]:
        """Per set, the least peak on the way to the end."""
        least = {self._part: 0}
        for done in sorted(self.held, key=int.bit_count, reverse=True):
            if done != self._part:
                least[done] = min(max(most, least[after]) for after, most in self._steps[done])
        return least
