"""Shapes of the records of a trial: what stands in its files, key by key."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from orchestrator.collector.record_files import Record
from workloads.schedule.kinds import KINDS, SynchronisationName


class ScaleRecord(Record):
    """R and D of a trial: rates / R, times x D."""

    rates: float = Field(ge=1)
    time: float = Field(gt=0)


class TrialRecord(Record):
    """trial.json."""

    index: int
    model: str
    schedule: str
    repeat: int
    # Runs of older versions tried every trial once.
    attempt: int = Field(default=1, ge=1)
    outcome: Literal["finished", "failed"]
    error: str | None = None
    ps: str
    workers: tuple[str, ...] = Field(min_length=1)
    batch: int = Field(ge=1)
    iterations: int = Field(ge=1)
    warm_up: int = Field(ge=0)
    # Runs of older versions ended with the last measured iteration.
    cool_down: int = Field(default=0, ge=0)
    scale: ScaleRecord
    switch: str

    @property
    def measured(self) -> range:
        """Numbers of the measured iterations."""
        return range(self.warm_up, self.warm_up + self.iterations)

    @property
    def directory(self) -> str:
        """Name of the trial's directory in the run's directory."""
        again = f".{self.attempt}" if self.attempt > 1 else ""
        return f"{self.index:03d}-{self.model}-{self.schedule}-{self.repeat}{again}"


class PortRecord(Record):
    """Counters of one sending end of a link, over the trial."""

    port: str
    bytes: int = Field(ge=0)
    packets: int = Field(ge=0)
    drops: int = Field(ge=0)


class LimitsRecord(Record):
    """The caps of a host; None: not capped."""

    cores: float | None = None
    memory_bytes: int | None = None


class MeasuredUseRecord(Record):
    """What a host used over the measured iterations, `seconds` of this machine's clock."""

    seconds: float = Field(gt=0)
    throttled_seconds: float = Field(ge=0)


class CapsRecord(Record):
    """A host's caps and what it used of them; the peak is in emulated bytes."""

    enforced: LimitsRecord
    why_not: tuple[str, ...] = ()
    memory_peak_bytes: int | None = None
    oom_kills: int = Field(default=0, ge=0)
    measured: MeasuredUseRecord | None = None


class UseRecord(Record):
    """Whose the CPUs were. A sample: monotonic ns, and how many of the machine's `cores` the
    testbed's processes, all others and the hypervisor had since the sample before."""

    cores: int = Field(ge=1)
    samples: tuple[tuple[int, float, float, float], ...]


class NetworkRecord(Record):
    """network.json. `cpu` holds (monotonic ns, idle share of the machine since the sample before).

    `switch_cpu` holds the same of the busiest thread of the switches' own processes, and
    `switch_input_drops`, by port, packets that were lost between its link and the next switch.
    `kept_differs` names what the kernel kept otherwise than it was asked.
    """

    ports: tuple[PortRecord, ...]
    management_bytes: dict[str, int]
    tcp_retransmits: dict[str, int]
    cpu: tuple[tuple[int, float], ...]
    kept_differs: tuple[str, ...]
    # Runs of older versions had no such switches, and no caps.
    switch_cpu: tuple[tuple[int, float], ...] = ()
    switch_input_drops: dict[str, int] = Field(default_factory=dict)
    caps: dict[str, CapsRecord] = Field(default_factory=dict)
    # Runs of older versions did not look whose the CPUs were.
    use: UseRecord | None = None


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

    synchronisation: SynchronisationName = "step-barrier"
    staleness: int | None = None

    @property
    def bulk_synchronous(self) -> bool:
        """Whether the result must be the same, bit for bit, as that of every other such trial."""
        return KINDS[self.synchronisation].together

    @property
    def barrier(self) -> bool:
        """Whether workers wait for each other after every iteration, and then ask."""
        return KINDS[self.synchronisation].asked


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
