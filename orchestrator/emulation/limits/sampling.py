"""Something that is looked at again and again while something else goes on."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Sampling(ABC):
    """Takes samples on a thread of its own while it is entered; a context manager."""

    def __init__(self, name: str, period: float) -> None:
        """Begin; the thread does not run yet.

        Args:
            name: of the thread.
            period: seconds between two samples.
        """
        self._period = period
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @abstractmethod
    def sample(self) -> None:
        """Take one sample now."""

    def _run(self) -> None:
        while not self._stop.wait(self._period):
            self.sample()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
