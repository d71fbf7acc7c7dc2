"""What a process writes down: JSON lines in its record file.

Times are nanoseconds of the monotonic clock, which all hosts of an emulated testbed share.
"""

from __future__ import annotations

import json
import resource
from pathlib import Path
from types import TracebackType
from typing import Any

from workloads.errors import WorkloadError


class Records:
    """The record file of one process: one JSON object per line, flushed line by line.

    Raises:
        WorkloadError: the file cannot be written.
    """

    def __init__(self, path: Path, process: str) -> None:
        self._path = path
        self._process = process
        try:
            self._file = path.open("w", encoding="utf-8")
        except OSError as error:
            raise self._cannot_write(error) from None

    def _cannot_write(self, error: OSError) -> WorkloadError:
        return WorkloadError(f"cannot write the records {self._path}: {error.strerror}")

    def write(self, event: str, **fields: Any) -> None:
        """Append one line.

        Raises:
            WorkloadError: the file cannot be written.
        """
        line = json.dumps({"event": event, "process": self._process, **fields})
        try:
            self._file.write(line + "\n")
            self._file.flush()
        except OSError as error:
            raise self._cannot_write(error) from None

    def __enter__(self) -> Records:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()


class TrainingCpu:
    """Processor time of this process from now on: begin it when all is ready to train."""

    def __init__(self) -> None:
        self._begin = _cpu_seconds()

    def used(self, arithmetic_ns: int) -> dict[str, float]:
        """Return CPU seconds (user and system) since the begin, and those of arithmetic in them."""
        seconds = _cpu_seconds() - self._begin
        return {"seconds": seconds, "arithmetic_seconds": arithmetic_ns / 1e9}


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def resources_used() -> dict[str, float | int]:
    """Return CPU seconds (user and system) and the largest resident size of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "max_rss_bytes": used.ru_maxrss * 1024,
    }
