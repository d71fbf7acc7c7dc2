"""What took how long: the spans that a process keeps in memory, to write them down at the end.

Noting one is a look at the clock and three integers in an array; nothing is formatted or written
while anything is measured. Spans of the last KEPT_ITERATIONS are kept, so memory is bounded: 24
bytes each, one per chunk, direction and connection.

A chunk is received from when its header is read to its last byte, and sent while the kernel takes
it: what is sent in one system call has one span. That is when the sender decided, and buffers and
queues are between it and the receiver: both ends are kept.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from struct import Struct
from typing import Any

import numpy as np

KEPT_ITERATIONS = 20
_SPAN = Struct("@3q")


class Spans:
    """Spans of one kind; only one thread may note them.

    Args:
        iterations: of the whole training; where a worker goes on after them, its last ones stay.
    """

    def __init__(self, iterations: int) -> None:
        self._first = first_kept(iterations)
        self._entries: dict[int, array[int]] = {}  # by iteration

    @property
    def iterations(self) -> set[int]:
        """Those of which spans are kept."""
        return set(self._entries)

    def note(self, iteration: int, number: int, begin: int, end: int) -> None:
        """Keep one span.

        Args:
            iteration: that it belongs to.
            number: of the layer or the chunk.
            begin: monotonic ns.
            end: monotonic ns.
        """
        if iteration >= self._first:
            entries = self._entries.get(iteration)
            if entries is None:
                entries = self._begin(iteration)
            entries.frombytes(_SPAN.pack(number, begin, end))  # in fewer steps than `extend` takes

    def _begin(self, iteration: int) -> array[int]:
        entries = self._entries[iteration] = array("q")
        if len(self._entries) > KEPT_ITERATIONS:
            oldest = min(self._entries)
            del self._entries[oldest]
            self._first = oldest + 1
        return entries

    @classmethod
    def joined(cls, parts: Iterable[Spans]) -> Spans:
        """All spans of some that different threads have noted, once they have ended."""
        whole = cls(0)
        for part in parts:
            for iteration, entries in part._entries.items():
                whole._entries.setdefault(iteration, array("q")).extend(entries)
        return whole

    def renumbered(self, number: Callable[[int], int], first: int) -> Spans:
        """The same with other numbers for its iterations, as far as they are `first` or later."""
        other = Spans(0)
        for iteration, entries in self._entries.items():
            if number(iteration) >= first:
                other._entries[number(iteration)] = entries
        return other

    def of(self, iteration: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        """The spans of an iteration: int64 [spans, 3], of number, begin and end."""
        return np.array(self._entries.get(iteration, ()), np.int64).reshape(-1, 3)


class Transfers:
    """Spans of the chunks that crossed a connection; each direction has its own thread.

    Args:
        iterations: of the whole training.
    """

    def __init__(self, iterations: int) -> None:
        self.received = Spans(iterations)
        self.sent = Spans(iterations)


def first_kept(iterations: int) -> int:
    """The first of the iterations whose spans are kept."""
    return max(0, iterations - KEPT_ITERATIONS)
