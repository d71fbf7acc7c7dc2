"""The sections of those that train: what parameter server and workers are told, and each alone.

Times of the device model are the real system's, and are stretched here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Self

from workloads.errors import JobError
from workloads.models.devices import DeviceModel
from workloads.models.learning import Learning
from workloads.models.profiles import Model
from workloads.process import checks
from workloads.process.checkpoints import Checkpoints
from workloads.process.job import MOST_WORKERS, Job
from workloads.schedule.averaging import Rounds
from workloads.schedule.members import Members
from workloads.schedule.owners import layout_of
from workloads.schedule.schedule import Schedule
from workloads.schedule.units import CHUNK_BYTES, Layout, scaled_elements

MIN_NOT_SENT_LIMIT_BYTES = 8 * 1024  # the MTU does not scale, and TCP needs some packets at hand

_TRAINING: Mapping[str, checks.Check] = {
    "workers": checks.names(MOST_WORKERS),
    "members": checks.members,
    "model": checks.model,
    "schedule": checks.schedule,
    "scale": checks.scale,
    "batch": checks.whole(1, 1 << 20),
    "iterations": checks.whole(1, 1 << 20),
    "warm_up": checks.whole(0, 1 << 20),
    "cool_down": checks.whole(0, 1 << 20),
    "repeat": checks.whole(0, 1 << 20),
    "learning_rate": checks.number,
    "learning": checks.learning,
    "checkpoints": checks.checkpoints,
    "turns": checks.flag,
}


@dataclass(frozen=True, kw_only=True)
class TrainingJob(Job):
    """What parameter server and workers are both told.

    Attributes:
        workers: names of all workers, in the order in which their gradients are summed.
        standing: their servers, and how they stand to each other; see `members`.
        model: what is trained.
        schedule: how communication is ordered.
        rates: R, the divisor of the rates.
        time: D, the stretch of time.
        batch: images per worker and iteration.
        iterations: measured ones.
        warm_up: iterations before those.
        cool_down: iterations after them.
        repeat: number of the repeat; another one has other pull orders.
        learning_rate: of plain SGD on the mean gradient.
        learning: what computes the gradients, of which data.
        checkpoints: None: none are written.
        turns: workers push one after the other, each all of an iteration.
    """

    keys: ClassVar[Mapping[str, checks.Check]] = _TRAINING

    workers: tuple[str, ...]
    standing: Mapping[str, Any]
    model: Model
    schedule: Schedule
    rates: float
    time: float
    batch: int
    iterations: int
    warm_up: int
    cool_down: int
    repeat: int
    learning_rate: float
    learning: Learning
    checkpoints: Checkpoints | None
    turns: bool

    @classmethod
    def of(cls, job: Job) -> Self:
        """Check a job's section.

        Raises:
            JobError: carries all problems, as `section.key: message`.
        """
        values, problems = checks.checked(job.section, cls.keys, "section.")
        problems += cls._contradictions(job, values)
        if problems:
            raise JobError(problems)
        values["rates"], values["time"] = values.pop("scale")
        values["standing"] = values.pop("members")
        envelope = {each.name: getattr(job, each.name) for each in fields(Job)}
        return cls(**envelope, **values)

    @classmethod
    def _contradictions(cls, job: Job, values: Mapping[str, Any]) -> Iterator[str]:
        """What is wrong between values that are each what they must be."""
        standing = values.get("members", {})
        workers = sorted(values.get("workers", ()))
        rings = {"ring": standing.get("ring"), "groups": sum(standing.get("groups", ()), ())}
        for key, named in rings.items():
            if workers and named and sorted(named) != workers:
                yield f"section.members.{key}: must have every worker once"
        if "schedule" in values:
            flow_count, marks = values["schedule"].flow_count, len(job.flow_dscp)
            if marks != flow_count:
                yield (
                    "endpoints.flow_dscp: the schedule's number of flows is "
                    f"{flow_count}, found {marks}"
                )

    @property
    def members(self) -> Members:
        """All that take part in the exchange."""
        return Members(workers=self.workers, schedule=self.schedule, **self.standing)

    @property
    def layout(self) -> Layout:
        """How the model is cut; made anew each time."""
        size = self.learning.element_bytes
        return layout_of(self.model, self.members, self.rates, self.time, size)

    @property
    def goes_on(self) -> bool:
        """Whether a worker goes on after its iterations until all have done theirs."""
        return not self.schedule.bulk_synchronous and not self.turns

    @property
    def all_iterations(self) -> int:
        """Iterations to run, warm-up and cool-down included; a worker that goes on does more."""
        return self.warm_up + self.iterations + self.cool_down

    @property
    def rounds(self) -> Rounds:
        """Which iterations exchange."""
        return self.schedule.rounds(self.all_iterations)

    def in_rounds(self) -> Self:
        """The same for who only sees the exchanges: its iterations are rounds."""
        return replace(self, warm_up=0, iterations=self.rounds.count, cool_down=0)

    def scaled(self, count: int) -> int:
        """The emulated bytes of real ones, rounded up."""
        return scaled_elements(count, self.rates, self.time)

    @property
    def window_bytes(self) -> int | None:
        """The schedule's credit, scaled."""
        window = self.schedule.window_bytes
        return None if window is None else self.scaled(window)

    @property
    def not_sent_limit_bytes(self) -> int | None:
        """What a socket may hold unsent, scaled; not below some packets, unless it is asked for."""
        limit = self.schedule.not_sent_limit_bytes
        if limit is None:
            return None
        return max(self.scaled(limit), min(limit, MIN_NOT_SENT_LIMIT_BYTES))

    @property
    def send_limit_bytes(self) -> int:
        """What a send queue hands over at once: no more than a slice where it has an order."""
        size = self.schedule.slice_bytes
        if size is None or not self.schedule.at_host:
            return CHUNK_BYTES
        return min(CHUNK_BYTES, self.scaled(size))


@dataclass(frozen=True, kw_only=True)
class ServerJob(TrainingJob):
    """What only the parameter server is told.

    Attributes:
        one_queue: one send queue for all workers, in which the ranks of all are compared.
        answer_ranks: per worker and unit, its place in the send queue; the least goes first.
    """

    keys: ClassVar[Mapping[str, checks.Check]] = {
        **_TRAINING,
        "one_queue": checks.flag,
        "answer_ranks": checks.rows,
    }

    one_queue: bool
    answer_ranks: tuple[tuple[int, ...], ...]

    @classmethod
    def _contradictions(cls, job: Job, values: Mapping[str, Any]) -> Iterator[str]:
        yield from super()._contradictions(job, values)
        if "workers" in values:
            count = len(values["workers"])
            if len(values.get("answer_ranks", values["workers"])) != count:
                yield "section.answer_ranks: must be one list per worker"
            if len(job.send_buffers) != count:
                yield "endpoints.send_buffer_bytes: must be one size per worker"


@dataclass(frozen=True, kw_only=True)
class WorkerJob(TrainingJob):
    """What only a worker is told.

    Attributes:
        worker: its number, a position in `workers`.
        device: how long its layers take, where that is emulated.
        cores: that it may use; None: all that the others leave.
        push_ranks: per unit, its place in the send queue; the least goes first.
        pulls: with a step barrier: orders of all tensors, one per iteration, in turn.
    """

    keys: ClassVar[Mapping[str, checks.Check]] = {
        **_TRAINING,
        "worker": checks.whole(0, MOST_WORKERS - 1),
        "device": checks.device,
        "cores": checks.or_none(checks.positive),
        "push_ranks": checks.ranks,
        "pulls": checks.rows,
    }

    worker: int
    device: DeviceModel
    cores: float | None
    push_ranks: tuple[int, ...]
    pulls: tuple[tuple[int, ...], ...]

    @classmethod
    def _contradictions(cls, job: Job, values: Mapping[str, Any]) -> Iterator[str]:
        yield from super()._contradictions(job, values)
        if "workers" in values and values.get("worker", 0) >= len(values["workers"]):
            count = len(values["workers"])
            yield f"section.worker: there are {count} workers, counted from 0"
        if "schedule" in values and values["schedule"].barrier and values.get("pulls") == ():
            yield "section.pulls: missing, but there is a step barrier"
