"""An experiment: what is trained, how often, on which topology, at which scale."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from orchestrator.memory import FRAMEWORK, ordered
from orchestrator.orders import ORDERS, Order, OwnOrder
from orchestrator.plugins import OwnCode, OwnModel
from orchestrator.spec.experiment.choices import (
    BASELINE,
    BY_NAME,
    CHOICES,
    COMPANY,
    EVERY_CHOICE,
    Choices,
    all_choices,
    schedule_choices,
)
from orchestrator.spec.experiment.jobs import Neighbour, trials_alone, with_neighbours
from orchestrator.spec.experiment.notes import notes_of
from orchestrator.spec.experiment.programs import Program, pair_demands
from orchestrator.spec.experiment.resolved import fields_of, given
from orchestrator.spec.placement import Placement
from orchestrator.spec.scale import AUTO, AutoScale, Scale
from orchestrator.spec.sweep import Point, Sweep, points_of
from orchestrator.spec.topology import Topology
from orchestrator.spec.traffic.coded import sent_demands
from orchestrator.spec.traffic.demands import Demands
from orchestrator.spec.traffic.members import members_of
from orchestrator.spec.traffic.server_exchange import ServerExchange, exchange_of
from orchestrator.spec.traffic.windows import SocketBuffers
from workloads.models.devices import DeviceModel
from workloads.models.learning import Learning
from workloads.models.profiles import Model, add_model, load_model
from workloads.schedule.library import get_schedule
from workloads.schedule.members import Members
from workloads.schedule.schedule import Schedule


@dataclass(frozen=True)
class Experiment:
    """A validated experiment; bytes, rates and times are the real system's.

    Attributes:
        name: its name, fit for a directory under results/.
        description: a sentence for people, or empty.
        source: the file it was read from.
        topology: the topology it runs on.
        placement: which part of the training runs on which of its hosts.
        models: the models to train, in order; none if only programs run.
        schedules: the schedules to compare, in order; none if only programs run.
        iterations: measured iterations per trial.
        warm_up: iterations before the measured ones.
        cool_down: iterations after them, whose traffic the last measured one meets.
        repeats: trials per model and schedule, or program.
        retries: how often a trial is tried again that others disturbed.
        batch: images per worker and iteration.
        seed: of all random choices.
        asked_scale: R and D, or D alone: then `with_scale` must come before anything that needs
            numbers.
        switch: "auto" or a kind of switch.
        congestion_control: the TCP congestion control of the training traffic.
        socket_buffers: what is asked of TCP's buffers.
        learning_rate: of the parameter server's SGD.
        own_models: users' networks among its models, by name; known to this process from now on.
        learning: what computes the gradients, of which data, and how it is judged.
        devices: the device models that the topology's workers name.
        published: imgs/sec to draw beside the measured ones, by model and schedule.
        added: what was added to the warm-up and cool-down that the file asks for, and why.
        custom_schedules: the experiment's own schedules, by name.
        own_orders: user-defined orders that they name.
        own_code: user-defined codecs, exchanges and programs that its trials need on the hosts.
        sweep: what is varied, if anything is: then its points are run in place of itself.
        programs: by name, in order; their trials come after the trainings of their models.
        jobs: beside the measured one, by name, in order.
        order_of_operations: in which workers compute a model's layers.
    """

    name: str
    description: str
    source: Path
    topology: Topology
    placement: Placement
    models: tuple[str, ...]
    schedules: tuple[str, ...]
    iterations: int
    warm_up: int
    cool_down: int
    repeats: int
    retries: int
    batch: int
    seed: int
    asked_scale: Scale | AutoScale
    switch: str
    congestion_control: str
    socket_buffers: SocketBuffers
    learning_rate: float
    devices: dict[str, DeviceModel]
    published: dict[str, dict[str, tuple[float, ...]]]
    added: str = ""
    custom_schedules: dict[str, Schedule] = field(default_factory=dict)
    own_orders: dict[str, OwnOrder] = field(default_factory=dict)
    own_code: OwnCode = field(default_factory=OwnCode)
    sweep: Sweep | None = None
    baseline: str = BASELINE
    learning: Learning = field(default_factory=Learning)
    own_models: dict[str, OwnModel] = field(default_factory=dict)
    programs: dict[str, Program] = field(default_factory=dict)
    jobs: dict[str, Neighbour] = field(default_factory=dict)
    order_of_operations: str = FRAMEWORK

    def __post_init__(self) -> None:
        for own in self.own_models.values():
            add_model(own.model)

    @property
    def company(self) -> tuple[str, ...]:
        """With and without its jobs, where both are measured; else nothing is to be chosen."""
        return COMPANY if any(job.alone for job in self.jobs.values()) else ()

    def of_job(self, name: str, schedule: str = "") -> Experiment:
        """The same with one of its trainings in place of the measured ones, and nothing beside it.

        Args:
            name: of the job.
            schedule: of the measured job, for one that has the same; empty: the first.

        Raises:
            ValueError: that job is no training.
        """
        training = self.jobs[name].training
        if training is None:
            raise ValueError(f"{name} is no training")
        own = training.schedule or schedule or self.schedules[0]
        return replace(
            self,
            placement=training.placement,
            models=(training.model,),
            schedules=(own,),
            baseline=own,
            batch=training.batch,
            jobs={},
        )

    @property
    def choices(self) -> dict[str, tuple[str, ...]]:
        """The values of every choice of its trials, in order; a choice without any is none."""
        by_choice = {name: tuple(getattr(self, key)) for name, key in EVERY_CHOICE.items()}
        return {name: values for name, values in by_choice.items() if values}

    def groups(self) -> tuple[tuple[Choices, ...], ...]:
        """What each of its trials is of, as groups of those that are compared with each other."""
        trained = {name: values for name, values in self.choices.items() if name not in BY_NAME}
        measured = {n: one.model for n, one in self.programs.items()}
        for job in self.jobs.values():
            if job.program and not job.alone:
                measured.pop(job.program, None)  # it only runs beside others
        return (*all_choices(trained, measured), *trials_alone(self.jobs.values(), self.schedules))

    @property
    def trials(self) -> int:
        """How many trials it has; of an experiment with a sweep, how many every point has."""
        return sum(map(len, self.groups())) * self.repeats

    def schedule(self, name: str) -> Schedule:
        """The schedule of that name, the experiment's own or the library's.

        Raises:
            ValueError: there is none.
        """
        return self.custom_schedules.get(name) or get_schedule(name)

    def order(self, name: str) -> Order:
        """The order of the schedule of that name.

        Raises:
            PluginError: it is one that is not ours, and cannot be had any more.
            ValueError: there is none.
        """
        order = self.schedule(name).order
        return self.own_orders[order].instance if order in self.own_orders else ORDERS[order]

    def model(self, name: str) -> Model:
        """The model of that name, its layers in the order in which workers compute them.

        Raises:
            ValueError: there is none.
        """
        return ordered(load_model(name, self.learning.element_bytes), self.order_of_operations)

    @property
    def scale(self) -> Scale:
        """R and D.

        Raises:
            ValueError: R has not been chosen yet.
        """
        if isinstance(self.asked_scale, AutoScale):
            raise ValueError(f"{self.name}: R has not been chosen yet")
        return self.asked_scale

    @property
    def known_scale(self) -> Scale:
        """R and D, or the real system's as long as R has not been chosen."""
        return Scale() if isinstance(self.asked_scale, AutoScale) else self.asked_scale

    @property
    def exchange(self) -> ServerExchange:
        """Who trains with whom on the topology, and what they demand of it."""
        return exchange_of(self.topology, self.placement)

    @property
    def probed(self) -> Experiment:
        """The same with who takes part in probes (`Placement.probed`)."""
        return replace(self, placement=self.placement.probed)

    @property
    def own_batches(self) -> dict[str, int]:
        """Images of the workers that have another number than `batch`."""
        return {host.name: host.batch for host in self.exchange.hosts if host.batch}

    def demands(self, schedule: str, model: str) -> Demands:
        """What a schedule demands of the network for a model in an iteration, on average.

        Raises:
            PluginError: the exchange or a codec is not ours, and raises or answers nonsense.
        """
        chosen = self.schedule(schedule)
        return sent_demands(chosen, self.own_code, self.topology, self.placement, self.model(model))

    def members(self, schedule: str) -> Members:
        """All that take part in a schedule's exchange."""
        return members_of(self.topology, self.placement, self.schedule(schedule))

    @property
    def networks(self) -> tuple[Demands, ...]:
        """All that crosses the network: first what probes send, a parameter server's traffic.

        Then what the exchanges of its schedules demand, as far as that is something else, and
        every way that its programs may send.
        """
        others = (
            self.demands(schedule, model)
            for schedule in self.schedules
            if not self.schedule(schedule).one_server
            for model in self.models
        )
        pairs = pair_demands(self.topology, self.programs)
        programs = (Demands(self.topology, pairs),) if pairs else ()
        together = (
            self.demands_together(schedule, model)
            for schedule in (self.schedules if self.jobs else ())
            for model in self.models
        )
        return tuple(dict.fromkeys((self.probed.exchange.demands, *others, *programs, *together)))

    def accompanied(self, choices: Choices) -> bool:
        """Whether other jobs run beside a trial of these choices."""
        return bool(self.jobs) and not choices.alone

    def demands_together(self, schedule: str, model: str) -> Demands:
        """The same with what the jobs beside it demand."""
        return with_neighbours(self.demands(schedule, model), self.jobs.values())

    @property
    def all_iterations(self) -> int:
        """Iterations of a trial, warm-up and cool-down included."""
        return self.warm_up + self.iterations + self.cool_down

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know before it runs, a line each."""
        return notes_of(self)

    def with_scale(self, scale: Scale) -> Experiment:
        """The same at that scale."""
        return replace(self, asked_scale=scale)

    def points(self) -> tuple[Point, ...]:
        """The sweep's experiments in the order in which they run; none without a sweep."""
        return points_of(self, self.sweep) if self.sweep else ()

    def resolved(self) -> dict[str, Any]:
        """All that decides a figure, ready for JSON; R may still be `auto`.

        Where the file lies and what its description says is left out.
        """
        return {
            "name": self.name,
            "topology": self.topology.resolved(),
            "placement": self.placement.resolved(),
            **{
                key: list(values)
                for name, key in EVERY_CHOICE.items()
                if name not in BY_NAME and ((values := getattr(self, key)) or name in CHOICES)
            },
            **given(
                programs={name: one.resolved() for name, one in self.programs.items()},
                custom_schedules={
                    name: schedule_choices(own) for name, own in self.custom_schedules.items()
                },
                own_orders={name: own.digest for name, own in self.own_orders.items()},
                own_code=self.own_code.digests() if list(self.own_code) else {},
                own_models={name: own.digest for name, own in self.own_models.items()},
                baseline=None if self.baseline == BASELINE else self.baseline,
                jobs={name: job.resolved() for name, job in self.jobs.items()},
                sweep=self.sweep.resolved() if self.sweep else None,
                order_of_operations=None
                if self.order_of_operations == FRAMEWORK
                else self.order_of_operations,
            ),
            "iterations": self.iterations,
            "warm_up": self.warm_up,
            "cool_down": self.cool_down,
            "repeats": self.repeats,
            "retries": self.retries,
            "batch": self.batch,
            "seed": self.seed,
            "scale": {"rates": AUTO, **asdict(self.asked_scale)},
            "switch": self.switch,
            "congestion_control": self.congestion_control,
            "socket_buffers": self.socket_buffers.resolved(
                self.probed.exchange.demands, varied=self.sweep is not None
            ),
            "learning_rate": self.learning_rate,
            **({"learning": asdict(self.learning)} if self.learning != Learning() else {}),
            "devices": {name: device.to_json() for name, device in self.devices.items()},
            "published": {
                model: {schedule: list(values) for schedule, values in row.items()}
                for model, row in self.published.items()
            },
        }

    def to_json(self) -> dict[str, Any]:
        """All of it, ready for JSON: what is resolved, and what decides no figure."""
        resolved = self.resolved()
        return {
            **resolved,
            "topology": {**resolved["topology"], "description": self.topology.description},
            "description": self.description,
            "source": str(self.source),
            "added": self.added,
            "asked_buffers": asdict(self.socket_buffers),
            "order_sources": {name: own.to_json() for name, own in self.own_orders.items()},
            "code_sources": asdict(self.own_code),
            "model_sources": {name: asdict(own) for name, own in self.own_models.items()},
            "program_sources": {name: asdict(one) for name, one in self.programs.items()},
        }

    @classmethod
    def from_resolved(cls, record: Mapping[str, Any]) -> Experiment:
        """The experiment that `to_json` wrote.

        If an older version wrote it, user-defined orders are missing, and where its buffers'
        sizes differ by demand, the largest is taken for all.

        Raises:
            KeyError: a key is missing.
            TypeError, ValueError: a value is none that this version knows.
        """
        return cls(**fields_of(record))

    def digest(self) -> str:
        """Twelve hex digits that differ when anything differs that decides a figure.

        R decides figures, too; but that of a sweep's points may still be `auto`, and then counts
        as that.

        Raises:
            ValueError: R has not been chosen yet.
        """
        resolved = self.resolved()
        if self.sweep is None:
            resolved["scale"] = asdict(self.scale)
        canonical = json.dumps(resolved, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]
