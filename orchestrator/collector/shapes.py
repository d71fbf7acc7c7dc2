"""Shapes of the records of a trial's processes: what stands in their files, key by key."""

from __future__ import annotations

from pydantic import Field

from orchestrator.records.files import Record
from workloads.schedules import is_bulk_synchronous


class JobRecord(Record):
    """The part of a process's job that its figures are judged by."""

    seed: int
    congestion_control: str


class ConnectionRecord(Record):
    """What the kernel reported of one TCP connection when it was made."""

    congestion_control: str


class CompetingRecord(Record):
    """What each worker moved in one direction while all did, and for how long (emulated)."""

    seconds: float = Field(ge=0)
    bytes: tuple[int, ...]


class PsIteration(Record):
    """One iteration as the parameter server saw it; lists are in worker order, times in ns."""

    iteration: int
    released_ns: int
    next_release_ns: int
    pull_bytes_at_first_done: tuple[int, ...]
    push_bytes_at_first_done: tuple[int, ...]
    # Runs of older versions told only what all had moved when the first one was done.
    pull_competing: CompetingRecord | None = None
    push_competing: CompetingRecord | None = None
    payload_in: int = Field(ge=0)
    payload_out: int = Field(ge=0)


class ScheduleRecord(Record):
    """The choices of the trial's schedule; a run of a version without the record had this one."""

    synchronisation: str = "step-barrier"
    staleness: int | None = None

    @property
    def bulk_synchronous(self) -> bool:
        """Whether the result must be the same, bit for bit, as that of every other such trial."""
        return is_bulk_synchronous(self.synchronisation)


class WorkerIteration(Record):
    """One iteration as a worker saw it, times in ns."""

    iteration: int
    backward_done_ns: int


class ConnectionEnd(Record):
    """Counters of one TCP connection at the end."""

    retransmits: int = Field(ge=0)


class TrainingCpuRecord(Record):
    """CPU seconds of a process without its start.

    Of these, the arithmetic: the server sums and applies gradients, a worker makes them.
    """

    seconds: float = Field(ge=0)
    arithmetic_seconds: float = Field(ge=0)


class CpuRecord(Record):
    """CPU seconds of a process; an older version did not tell its start apart."""

    cpu_seconds: float = Field(ge=0)
    training_cpu: TrainingCpuRecord | None = None


class PsEnd(CpuRecord):
    """The parameter server's last record."""

    parameters_sha256: str
    # Where workers have paces of their own: updates by others in between -> how often, and all
    # payload, for some have gone on after the last iteration that all have done.
    staleness: dict[int, int] | None = None
    payload_in: int | None = Field(default=None, ge=0)
    payload_out: int | None = Field(default=None, ge=0)
    connections: tuple[ConnectionEnd, ...]


class WorkerEnd(CpuRecord):
    """A worker's last record."""

    retransmits: int = Field(ge=0)
