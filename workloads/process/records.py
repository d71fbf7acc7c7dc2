"""Where a process writes its records down, and what it has used."""

from __future__ import annotations

import resource
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, TypedDict

from workloads.errors import WorkloadError
from workloads.process.process_records import JobRecord, ProcessRecord, TrainingCpuUse, json_line


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

    def write(self, record: ProcessRecord) -> None:
        """Append one line.

        Raises:
            WorkloadError: the file cannot be written.
        """
        self._append(record.line(self._process))

    def write_job(self, job: Mapping[str, Any]) -> None:
        """Append the whole job as it was given; `JobRecord` is the part of it that is read.

        Raises:
            WorkloadError: the file cannot be written.
        """
        self._append(json_line(JobRecord.event, self._process, job))

    def _append(self, line: str) -> None:
        try:
            self._file.write(line)
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

    def used(self, arithmetic_ns: int) -> TrainingCpuUse:
        """Return CPU seconds (user and system) since the begin, and those of arithmetic in them."""
        seconds = _cpu_seconds() - self._begin
        return TrainingCpuUse(seconds, arithmetic_ns / 1e9)


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Resources(TypedDict):
    """CPU seconds (user and system) and the largest resident size of a process."""

    cpu_seconds: float
    max_rss_bytes: int


def resources_used() -> Resources:
    """Return what this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "max_rss_bytes": used.ru_maxrss * 1024,
    }
