"""Operations, what each needs and writes, and what an order of them holds in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise


@dataclass(frozen=True)
class Operations:
    """A graph of operations, each with one output.

    While an operation runs, its own output is held and every output that it or a later one needs.
    An output that nothing needs is a result, and stays.

    Attributes:
        sizes: of the outputs, in bytes.
        needs: per operation, the numbers of those whose outputs it needs, ascending; each is
            smaller than its own, so that the numbers are an order.

    Raises:
        ValueError: an operation needs a later one, itself, or one twice.
    """

    sizes: tuple[int, ...]
    needs: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        if len(self.sizes) != len(self.needs):
            raise ValueError(f"{len(self.sizes)} sizes for {len(self.needs)} operations")
        for number, needs in enumerate(self.needs):
            rising = (-1, *needs, number)
            if any(after <= before for before, after in pairwise(rising)):
                raise ValueError(f"operation {number} needs {list(needs)}")

    def __len__(self) -> int:
        return len(self.sizes)

    @cached_property
    def needed_by(self) -> tuple[tuple[int, ...], ...]:
        """Per operation, the numbers of those that need its output, ascending."""
        by: list[list[int]] = [[] for _ in self.needs]
        for number, needs in enumerate(self.needs):
            for before in needs:
                by[before].append(number)
        return tuple(map(tuple, by))

    @cached_property
    def need_masks(self) -> tuple[int, ...]:
        """`needs` as sets of bits."""
        return tuple(map(mask_of, self.needs))

    @cached_property
    def user_masks(self) -> tuple[int, ...]:
        """`needed_by` as sets of bits."""
        return tuple(map(mask_of, self.needed_by))

    @property
    def has_one_order(self) -> bool:
        """Whether there is but one order."""
        return all(after - 1 in needs for after, needs in enumerate(self.needs) if after)

    def held(self, order: Sequence[int]) -> tuple[int, ...]:
        """Bytes that are held while each operation of an order runs.

        Raises:
            ValueError: an operation is missing, or comes before one that it needs.
        """
        done, live, held = 0, 0, []
        for number in order:
            if self.need_masks[number] & ~done or done >> number & 1:
                raise ValueError(f"operation {number} comes twice or too early")
            live += self.sizes[number]
            done |= 1 << number
            held.append(live)
            live -= self.freed(number, done)
        if len(held) != len(self):
            raise ValueError(f"{len(held)} of {len(self)} operations in the order")
        return tuple(held)

    def freed(self, number: int, done: int) -> int:
        """Bytes that nothing needs any more once an operation is over.

        Args:
            number: of the operation.
            done: all that have run, it too, as a set of bits.
        """
        users, sizes = self.user_masks, self.sizes
        return sum(sizes[before] for before in self.needs[number] if not users[before] & ~done)

    def peak(self, order: Sequence[int]) -> int:
        """The most that an order holds, in bytes."""
        return max(self.held(order), default=0)

    def training_peak(self, order: Sequence[int]) -> int:
        """The most that a backward pass in the opposite order holds, in bytes.

        It begins with every output. While an operation's backward pass runs, outputs of it and of
        all before it are held, its own gradient, and the gradients of outputs before it to which a
        later operation has added: those are the outputs that `held` counts.
        """
        kept = accumulate(self.sizes[number] for number in order)
        return max(map(sum, zip(kept, self.held(order), strict=True)), default=0)


def mask_of(numbers: Sequence[int]) -> int:
    """Numbers as a set of bits."""
    mask = 0
    for number in numbers:
        mask |= 1 << number
    return mask


def numbers_of(mask: int) -> list[int]:
    """The numbers in a set of bits, ascending."""
    numbers = []
    while mask:
        least = mask & -mask
        numbers.append(least.bit_length() - 1)
        mask ^= least
    return numbers
