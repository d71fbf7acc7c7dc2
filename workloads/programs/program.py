"""What a process of a trial runs. Write your own as a subclass of `Program`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, TypeVar, cast

from workloads.errors import JobError
from workloads.library import PROGRAMS
from workloads.process.job import Job
from workloads.process.plugins import instance_of
from workloads.process.records import Records

J = TypeVar("J", bound=Job)


class Program(ABC, Generic[J]):
    """What one process of a trial does, from its job to its last record.

    Attributes:
        opens: an event that it announces (`workloads.process.events.announce`) when programs of
            other hosts may start; empty: they need not wait for it.
    """

    opens: ClassVar[str] = ""

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


def program_of(job: Job) -> Program[Any]:
    """The program that a job names.

    Raises:
        JobError: there is none of that name on this host.
    """
    try:
        program: Program[Any] = instance_of("program", job.program, PROGRAMS, Program)
    except JobError as error:
        raise JobError([f"program: {problem}" for problem in error.problems]) from None
    return program
