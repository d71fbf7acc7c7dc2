"""What a process of a trial runs. Write your own as a subclass of `Program`."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Generic, TypeVar, cast

from workloads.errors import JobError, unknown_name
from workloads.process.job import Job
from workloads.process.records import Records

J = TypeVar("J", bound=Job)


class Program(ABC, Generic[J]):
    """What one process of a trial does, from its job to its last record."""

    def read(self, job: Job) -> J:
        """Check what only this program is told: the job's section.

        Returns:
            What `run` is given; the job as it is, if this is not overridden.

        Raises:
            JobError: the section is wrong; carries all problems.
        """
        return cast(J, job)

    @abstractmethod
    def run(self, job: J, records: Records) -> None:
        """Do it.

        Raises:
            WorkloadError: it failed.
        """


PROGRAMS: Mapping[str, str] = {
    "server": "workloads.programs.server:ServerProgram",
    "worker": "workloads.programs.worker:WorkerProgram",
    "traffic-server": "workloads.programs.calibration:TrafficServer",
    "traffic-worker": "workloads.programs.calibration:TrafficWorker",
    "urgent-server": "workloads.programs.urgent:UrgentServer",
    "urgent-worker": "workloads.programs.urgent:UrgentWorker",
}
"""The library: names, and where the class is, so that a process imports only its own."""


def program_of(job: Job) -> Program[Any]:
    """The program that a job names.

    Raises:
        JobError: there is none of that name.
    """
    target = PROGRAMS.get(job.program)
    if target is None:
        raise JobError([f"program: {unknown_name('program', job.program, PROGRAMS)}"])
    module, _, name = target.partition(":")
    program: Program[Any] = getattr(importlib.import_module(module), name)()
    return program
