"""The clock that a training's times are of."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """The monotonic clock, in nanoseconds."""

    def now(self) -> int:
        """Return the time."""

    def sleep_until(self, moment: int) -> None:
        """Return at that time, or at once if it has passed."""


class SystemClock:
    """The clock that all hosts of an emulated testbed share."""

    def now(self) -> int:
        """Return the time."""
        return time.monotonic_ns()

    def sleep_until(self, moment: int) -> None:
        """Return at that time, or at once if it has passed."""
        while (left := moment - time.monotonic_ns()) > 0:
            time.sleep(left / 1e9)
