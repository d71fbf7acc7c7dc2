"""Counts of bytes in windows of time, one after the other without a gap (pure)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Window(NamedTuple):
    """What was counted from one moment to another (monotonic ns)."""

    begin_ns: int
    end_ns: int
    bytes: int
    messages: int


class Windows:
    """Counts what comes, by the window that its time lies in.

    Args:
        begin_ns: of the first window.
        width_ns: of each.
    """

    def __init__(self, begin_ns: int, width_ns: int) -> None:
        self._begin = begin_ns
        self._width = width_ns
        self._bytes = 0
        self._messages = 0

    @property
    def end_ns(self) -> int:
        """Of the window that is open."""
        return self._begin + self._width

    def add(self, count: int, messages: int = 1) -> None:
        """Count something in the window that is open."""
        self._bytes += count
        self._messages += messages

    def closed(self, now_ns: int) -> Iterator[Window]:
        """The windows that have ended by now; nothing is added to them any more."""
        while self.end_ns <= now_ns:
            yield Window(self._begin, self.end_ns, self._bytes, self._messages)
            self._begin, self._bytes, self._messages = self.end_ns, 0, 0

    def last(self, now_ns: int) -> Iterator[Window]:
        """All windows to the end, the last one shorter than the others."""
        yield from self.closed(now_ns)
        if now_ns > self._begin:
            yield Window(self._begin, now_ns, self._bytes, self._messages)
            self._begin, self._bytes, self._messages = now_ns, 0, 0
