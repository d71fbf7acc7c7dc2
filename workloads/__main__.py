"""`python -m workloads JOB.json`: one process of a trial, in a session of its own.

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
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from workloads.errors import JobError, WorkloadError

if TYPE_CHECKING:
    from workloads.programs.job import ServerJob, WorkerJob


def _leave(status: int) -> None:
    """End at once, whatever the other threads wait for. Records are flushed line by line."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _on_signal(number: int, _frame: FrameType | None) -> None:
    os._exit(128 + number)


def _on_defect(arguments: threading.ExceptHookArgs) -> None:
    """A thread met something that is nobody's input: do not let the others wait for it."""
    traceback.print_exception(
        arguments.exc_type, arguments.exc_value, arguments.exc_traceback, file=sys.stderr
    )
    _leave(1)


def _run(job: ServerJob | WorkerJob) -> None:
    from workloads.programs.calibration import run_calibration
    from workloads.programs.job import WorkerJob
    from workloads.programs.records import Records
    from workloads.programs.server import ParameterServer
    from workloads.programs.urgent import run_urgent
    from workloads.programs.worker import Worker
    from workloads.training.compute import SystemClock

    with Records(job.records, job.name) as records:
        records.write_job(job.given)
        if job.mode == "calibrate":
            run_calibration(job, records)
        elif job.mode == "urgent":
            run_urgent(job, records)
        elif isinstance(job, WorkerJob):
            Worker(job, records, SystemClock()).run()
        else:
            ParameterServer(job, records).run()


def main() -> None:
    """Run the process; does not return."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _on_signal)
    threading.excepthook = _on_defect
    with suppress(PermissionError):  # already the leader of a process group
        os.setsid()
    # Before numpy is imported, so that the process can be stopped by its group from the start.
    from workloads.programs.events import announce

    name = "workloads"
    try:
        announce("started", pid=os.getpid(), pgid=os.getpgrp())
        if len(sys.argv) != 2:
            raise JobError(["usage: python -m workloads JOB.json"])
        from workloads.programs.job import load_job

        job = load_job(Path(sys.argv[1]))
        name = job.name
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
