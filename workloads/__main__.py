"""`python -m workloads JOB.json`: one process of a trial, in its own session.

Exit status: 0 done what the job asks for, 1 that failed, 2 the job is wrong, 128 + N ended by
signal N.
Errors are one line each on stderr; stdout carries events only.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from workloads.errors import JobError, WorkloadError

if TYPE_CHECKING:
    from workloads.process.job import Job


def _leave(status: int) -> None:
    """End at once, whatever the other threads wait for. Records are flushed line by line."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # its reader is gone
            stream.flush()
    os._exit(status)


def _on_signal(number: int, _frame: FrameType | None) -> None:
    os._exit(128 + number)


def _on_defect(arguments: threading.ExceptHookArgs) -> None:
    """A thread met a defect, not a wrong input: do not let the others wait for it."""
    traceback.print_exception(
        arguments.exc_type, arguments.exc_value, arguments.exc_traceback, file=sys.stderr
    )
    _leave(1)


@contextmanager
def _place(file: Path) -> Iterator[None]:
    """Say in which file it is that a job is wrong."""
    try:
        yield
    except JobError as error:
        raise JobError([f"{file}: {problem}" for problem in error.problems]) from None


def _run(job: Job) -> None:
    from workloads.process.records import Records
    from workloads.programs.program import program_of

    program = program_of(job)
    job = program.read(job)
    with Records(job.records, job.host) as records:
        records.write_job(job.given)
        program.run(job, records)


def main() -> None:
    """Run the process; does not return."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _on_signal)
    threading.excepthook = _on_defect
    with suppress(PermissionError):  # already the leader of a process group
        os.setsid()
    # Before numpy is imported, so that the process can be stopped by its group from the start.
    from workloads.process.events import announce

    name = "workloads"
    try:
        announce("started", pid=os.getpid(), pgid=os.getpgrp())
        if len(sys.argv) != 2:
            raise JobError(["usage: python -m workloads JOB.json"])
        from workloads.process.job import load_job

        file = Path(sys.argv[1])
        with _place(file):
            job = load_job(file)
            name = job.host
            _run(job)
        announce("finished")
    except JobError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        _leave(2)
    except WorkloadError as error:
        print(f"{name}: {error}", file=sys.stderr)
        _leave(1)
    except MemoryError:
        print(f"{name}: not enough memory", file=sys.stderr)
        _leave(1)
    _leave(0)


if __name__ == "__main__":
    main()
