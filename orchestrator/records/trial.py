"""trial.json: what was tried, and how it ended."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PlainSerializer, PlainValidator, TypeAdapter, model_validator

from orchestrator.records.directory import trial_name
from orchestrator.records.files import Record
from orchestrator.records.program import ProgramRecord
from orchestrator.spec.experiment.choices import Choices, Chosen
from orchestrator.spec.experiment.jobs import Neighbour
from workloads.exchange.demand import Demand
from workloads.schedule.averaging import Rounds
from workloads.schedule.schedule import Schedule

_TEXTS = TypeAdapter(dict[str, str])


def _choices(value: Any) -> Choices:
    if isinstance(value, Choices):
        return value
    texts = _TEXTS.validate_python(value)
    needed = () if "program" in texts else ("model", "schedule")
    if missing := [name for name in needed if name not in texts]:
        raise ValueError(f"names no {' and no '.join(missing)}")
    return Choices(**texts)


class ScaleRecord(Record):
    """R and D of a trial: rates / R, times x D."""

    rates: float = Field(ge=1)
    time: float = Field(gt=0)


class BesideRecord(Record):
    """A job that ran beside a trial's own.

    Attributes:
        job: what it was.
        error: why it did not last as long as the trial; None: it did.
        processes: names of those that left records.
        program: that ran, if it was one.
        ports: of a program: the ends of links that its hosts' packets to each other cross.
    """

    job: Neighbour
    error: str | None
    processes: tuple[str, ...]
    program: ProgramRecord | None = None
    ports: tuple[str, ...] = ()

    def on_host(self, host: str) -> str | None:
        """The name of its process on a host; None if it has left nothing."""
        name = f"{self.job.name}.{host}"
        return name if name in self.processes else None


class TrialRecord(Chosen, Record):
    """trial.json.

    Attributes:
        index: place in the run, from 1.
        choices: what it is of: a value of every choice of its experiment.
        attempt: from 1; a trial that was disturbed is tried again.
        seconds: on the clock, start and end of the processes included.
        communication: what its schedule stands for.
        servers: names of the parameter servers' processes; none: there were none.
        demands: who sends how much to whom in an iteration, in the real system's bytes; None: its
            exchange or its codec does not say.
        batch: images per worker and iteration.
        own_batches: images of the workers that have another number.
        resumed_after: iterations of an earlier run after which it continued; all others are of what
            followed.
        target_accuracy: share of held-out data whose time is looked for; None: none was asked for.
        program: that ran; None: a training. Of one `communication` is what switches and hosts did
            for its traffic, which is nothing, `workers` are its processes, and what counts
            iterations or images says nothing.
        beside: the jobs that ran beside it.
        shipped_bytes: of a training, of the code and files that its processes got, and those beside
            it; None: earlier versions did not record it.
    """

    index: int
    choices: Annotated[Choices, PlainValidator(_choices), PlainSerializer(dict)]
    repeat: int
    attempt: int = Field(ge=1)
    outcome: Literal["finished", "failed"]
    error: str | None
    seconds: float = Field(ge=0)
    communication: Schedule
    servers: tuple[str, ...]
    demands: tuple[Demand, ...] | None = None
    workers: tuple[str, ...] = Field(min_length=1)
    batch: int = Field(ge=1)
    own_batches: dict[str, int] = Field(default={})
    iterations: int = Field(ge=1)
    warm_up: int = Field(ge=0)
    cool_down: int = Field(ge=0)
    scale: ScaleRecord
    switch: str
    target_accuracy: float | None = None
    resumed_after: int = 0
    program: ProgramRecord | None = None
    beside: tuple[BesideRecord, ...] = ()
    shipped_bytes: int | None = None

    @property
    def images(self) -> tuple[int, ...]:
        """Of an iteration, by worker."""
        return tuple(self.own_batches.get(worker, self.batch) for worker in self.workers)

    @model_validator(mode="before")
    @classmethod
    def _one_server(cls, record: Any) -> Any:
        """Versions that knew one server at most named it in `ps`."""
        if isinstance(record, dict) and "ps" in record:
            record = dict(record)
            record["servers"] = [name for name in (record.pop("ps"),) if name is not None]
        return record

    @property
    def all_iterations(self) -> int:
        """Warm-up and cool-down included."""
        return self.warm_up + self.iterations + self.cool_down

    @property
    def rounds(self) -> Rounds:
        """Which iterations exchange."""
        return self.communication.rounds(self.all_iterations)

    @property
    def measured_rounds(self) -> tuple[int, ...]:
        """Numbers of the rounds whose exchange is at the end of a measured iteration."""
        rounds = self.rounds
        return tuple(rounds.of(one) for one in self.measured if rounds.exchanges(one))

    @property
    def processes(self) -> tuple[str, ...]:
        """Names of all that left records."""
        return (*self.servers, *self.workers)

    @property
    def all_processes(self) -> tuple[str, ...]:
        """The same, and those of the jobs beside it."""
        return (*self.processes, *(name for job in self.beside for name in job.processes))

    @property
    def measured(self) -> range:
        """Numbers of the measured iterations."""
        return range(self.warm_up, self.warm_up + self.iterations)

    @property
    def directory(self) -> str:
        """Name of the trial's directory in the run's directory."""
        return trial_name(self.index, self.choices, self.repeat, self.attempt)
