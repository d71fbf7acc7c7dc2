"""Operations in blocks: what runs together, one after the other, with nothing else between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from orchestrator.memory.graph import Operations, mask_of, numbers_of


class Ran(NamedTuple):
    """What is after a block has run.

    Attributes:
        done: the operations that have, as a set of bits.
        live: bytes that are held after it.
        most: bytes that were held at most while it ran.
    """

    done: int
    live: int
    most: int


@dataclass(frozen=True)
class Blocks:
    """A partition of operations into blocks; some order of the blocks is one of the operations.

    Attributes:
        operations: what is partitioned.
        members: per block, its operations in the order in which they run.
    """

    operations: Operations
    members: tuple[tuple[int, ...], ...]

    @classmethod
    def single(cls, operations: Operations) -> Blocks:
        """Every operation by itself."""
        return cls(operations, tuple((number,) for number in range(len(operations))))

    def __len__(self) -> int:
        return len(self.members)

    @cached_property
    def masks(self) -> tuple[int, ...]:
        """Per block, its operations as a set of bits."""
        return tuple(map(mask_of, self.members))

    @cached_property
    def block_of(self) -> tuple[int, ...]:
        """Per operation, the number of its block."""
        of = [0] * len(self.operations)
        for block, members in enumerate(self.members):
            for number in members:
                of[number] = block
        return tuple(of)

    @cached_property
    def inputs(self) -> tuple[int, ...]:
        """Per block, the operations of others that it needs, as a set of bits."""
        return self._around(self.operations.need_masks)

    @cached_property
    def users(self) -> tuple[int, ...]:
        """Per block, the operations of others that need it, as a set of bits."""
        return self._around(self.operations.user_masks)

    def _around(self, masks: Sequence[int]) -> tuple[int, ...]:
        around = []
        for own, members in zip(self.masks, self.members, strict=True):
            joined = 0
            for number in members:
                joined |= masks[number]
            around.append(joined & ~own)
        return tuple(around)

    def blocks_in(self, operations: int) -> list[int]:
        """The blocks that have any of some operations, ascending."""
        return sorted({self.block_of[number] for number in numbers_of(operations)})

    @cached_property
    def after(self) -> tuple[tuple[int, ...], ...]:
        """Per block, those that need it."""
        return tuple(tuple(self.blocks_in(users)) for users in self.users)

    @cached_property
    def order(self) -> tuple[int, ...]:
        """An order of the blocks."""
        left = [len(self.blocks_in(inputs)) for inputs in self.inputs]
        ready = [block for block, count in enumerate(left) if not count]
        order = []
        while ready:
            order.append(ready.pop())
            for after in self.after[order[-1]]:
                left[after] -= 1
                if not left[after]:
                    ready.append(after)
        return tuple(order)

    @cached_property
    def above(self) -> tuple[int, ...]:
        """Per block, all operations that run before it in any order, as a set of bits."""
        above = [0] * len(self)
        for block in self.order:
            own = above[block] | self.masks[block]
            for after in self.after[block]:
                above[after] |= own
        return tuple(above)

    @cached_property
    def below(self) -> tuple[int, ...]:
        """Per block, all operations that run after it in any order, as a set of bits."""
        below = [0] * len(self)
        for block in reversed(self.order):
            for after in self.after[block]:
                below[block] |= below[after] | self.masks[after]
        return tuple(below)

    @property
    def beginnings(self) -> tuple[int, ...]:
        """The blocks that need no other."""
        return tuple(block for block, inputs in enumerate(self.inputs) if not inputs)

    def ready_after(self, block: int, done: int) -> list[int]:
        """The blocks that can run because one has.

        Args:
            block: which.
            done: the operations that have run, its own too, as a set of bits.
        """
        return [one for one in self.after[block] if not self.inputs[one] & ~done]

    def run(self, block: int, done: int, live: int) -> Ran:
        """Run a block where some operations have run, and so many bytes are held."""
        operations, most = self.operations, live
        for number in self.members[block]:
            live += operations.sizes[number]
            most = max(most, live)
            done |= 1 << number
            live -= operations.freed(number, done)
        return Ran(done, live, most)

    def operations_of(self, order: Sequence[int]) -> tuple[int, ...]:
        """An order of blocks as one of operations."""
        return tuple(number for block in order for number in self.members[block])
