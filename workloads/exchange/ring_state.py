"""What a member of a ring does with which chunk, and when (pure).

Members stand in a ring, and each chunk has an owner among them. Round by round:

- the member after the owner begins: it sends its own gradient to the next one;
- each of the others adds its own gradient to what comes, and sends the sum on, up to the owner,
  who has the sum of all then: gradients are added in the order of the ring, always;
- the owner makes new parameters of it and sends them on, and each member that gets them sends them
  on, up to the one before the owner.

So each member sends every chunk once or twice, never all to one: 2(n - 1)/n of the model in all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from threading import Lock

from workloads.errors import FrameError
from workloads.schedule.units import Chunk, Layout, Unit


class RingState:
    """How far a member is, chunk by chunk; safe between the threads that compute and receive.

    Args:
        layout: of the model.
        owners: per unit, the place of its owner in the ring.
        place: of this member in the ring, from 0.
        members: how many there are.
        units: that travel round the ring.

    Attributes:
        sums: chunks of which this member sends a sum, or its own gradient, on in every round.
        arrivals: how many chunks come in a round: sums, and new parameters.
    """

    def __init__(
        self,
        layout: Layout,
        owners: Sequence[int],
        place: int,
        members: int,
        units: Iterable[Unit],
    ) -> None:
        self._members = members
        chunks = [chunk for unit in units for chunk in unit.chunks]
        # How many hops after its owner this member is; -1: the chunk does not travel here.
        self._after = [-1] * len(layout.chunks)
        for chunk in chunks:
            self._after[chunk.number] = (place - owners[chunk.unit]) % members
        self.sums = sum(self._after[chunk.number] != 0 for chunk in chunks)
        self.arrivals = sum(self._takes_sum(chunk) for chunk in chunks) + self.sums
        self._given = [False] * len(layout.chunks)
        self._waits = [False] * len(layout.chunks)  # a sum, for the own gradient
        self._sums = [0] * len(layout.chunks)  # rounds whose sum has come
        self._parameters = [0] * len(layout.chunks)  # rounds whose parameters have come
        self._lock = Lock()

    def owned(self, chunk: Chunk) -> bool:
        """Whether this member applies the sum instead of sending it to the next one."""
        return not self._after[chunk.number]

    def passes_parameters(self, chunk: Chunk) -> bool:
        """Whether new parameters go on from here: the next member is not their owner."""
        return self._after[chunk.number] + 1 < self._members

    def given(self, chunk: Chunk) -> tuple[bool, bool]:
        """Note that the own gradient is there.

        Returns:
            Whether the sum up to here is complete with it; and whether one that waits is to be
            added first.
        """
        if not self._takes_sum(chunk):
            return True, False
        number = chunk.number
        with self._lock:
            waited = self._waits[number]
            self._waits[number] = False
            self._given[number] = not waited
        return waited, waited

    def check_sum(self, chunk: Chunk, round_number: int) -> None:
        """See that the sum of a chunk may come now.

        Raises:
            FrameError: it may not.
        """
        if not self._takes_sum(chunk):
            raise FrameError(f"a sum of {_named(chunk)} for a member that takes none")
        _check_round(chunk, "a sum", round_number, self._sums[chunk.number])
        if self._waits[chunk.number]:
            raise FrameError(f"a sum of {_named(chunk)} before the last one was used")

    def sum_came(self, chunk: Chunk) -> bool:
        """Note that the sum of those before has come; whether the own gradient is there already."""
        number = chunk.number
        self._sums[number] += 1
        with self._lock:
            given = self._given[number]
            self._given[number] = False
            self._waits[number] = not given
        return given

    def check_parameters(self, chunk: Chunk, round_number: int) -> None:
        """See that the new parameters of a chunk may come now.

        Raises:
            FrameError: they may not.
        """
        if self._after[chunk.number] <= 0:
            raise FrameError(f"parameters of {_named(chunk)} for a member that gets none")
        _check_round(chunk, "parameters", round_number, self._parameters[chunk.number])

    def parameters_came(self, chunk: Chunk) -> None:
        """Note that new parameters have come."""
        self._parameters[chunk.number] += 1

    def _takes_sum(self, chunk: Chunk) -> bool:
        """Whether a sum comes to this member; it does not to the one after the owner."""
        return self._members > 1 and self._after[chunk.number] not in (-1, 1)


def _check_round(chunk: Chunk, what: str, found: int, expected: int) -> None:
    if found != expected:
        again = " again" if found == expected - 1 else ""
        raise FrameError(f"{what} of {_named(chunk)} in round {found}{again}, expected {expected}")


def _named(chunk: Chunk) -> str:
    return f"tensor {chunk.tensor} at offset {chunk.offset}"
