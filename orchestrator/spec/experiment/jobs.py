"""Jobs beside the measured one: other trainings and traffic on the same network (pure).

Packets of the measured job have the classes of its schedule. Those of all other jobs have none,
whatever their schedule: switches that put one job's packets in order know nothing of the others',
and serve what has no class last, as best effort.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import permutations
from typing import Any

from orchestrator.spec.experiment.choices import NOTHING, Choices
from orchestrator.spec.placement import Placement
from orchestrator.spec.topology import Topology
from orchestrator.spec.traffic.demands import Demand, Demands
from orchestrator.spec.traffic.overload import Source, overloads
from orchestrator.spec.traffic.server_exchange import exchange_of
from workloads.models.profiles import load_model
from workloads.schedule.arrivals import Pattern

FIRST_PORT = 5000
"""Of the measured job; those beside it have the next ones, in their order."""


@dataclass(frozen=True)
class Traffic:
    """A source of traffic and its receiver, on two hosts.

    Attributes:
        source: the host that sends.
        destination: the host that receives.
        pattern: when it sends how much, in the real system.
        transport: `tcp` or `udp`.
    """

    source: str
    destination: str
    pattern: Pattern
    transport: str = "tcp"


@dataclass(frozen=True)
class Training:
    """A training beside the measured one.

    Attributes:
        model: that it trains.
        schedule: of its communication, which acts at hosts, if at all; empty: that of the measured
            job in each trial.
        placement: its parameter server and its workers.
        batch: images per worker and iteration.
    """

    model: str
    schedule: str
    placement: Placement
    batch: int


@dataclass(frozen=True)
class Neighbour:
    """A job beside the measured one; it has exactly one of `traffic`, `training` and `program`.

    Attributes:
        name: its rows have it.
        number: place among all jobs, from 1.
        alone: whether the run also measures the measured job without the others, and this one if
            it is none of traffic. (Of that it is known what it would have: what it offers.)
        program: the name of one of the experiment's programs.
        hosts: of the program.
    """

    name: str
    number: int
    alone: bool = False
    traffic: Traffic | None = None
    training: Training | None = None
    program: str | None = None
    hosts: tuple[str, ...] = ()

    @property
    def port(self) -> int:
        """At which its processes listen."""
        return FIRST_PORT + self.number

    def demands(self, topology: Topology) -> Demands:
        """What it demands of the network; of traffic and programs only the ways are known."""
        if self.traffic is not None:
            source, destination = self.traffic.source, self.traffic.destination
            name = f"{self.name}: traffic from {source} to {destination}"
            return Demands(topology, (Demand(source, destination, 0, "", name, self.port),))
        if self.training is None:
            pairs = permutations(dict.fromkeys(self.hosts), 2)
            return Demands(
                topology,
                tuple(
                    Demand(one, other, 0, "", f"{self.name}: {one} to {other}", self.port)
                    for one, other in pairs
                ),
                declared=False,
            )
        own = exchange_of(topology, self.training.placement)
        demands = own.demands_of(load_model(self.training.model).bytes)
        return replace(demands, all=tuple(map(self._own, demands)))

    def _own(self, demand: Demand) -> Demand:
        name = f"{self.name}: {demand}"
        return replace(demand, traffic_class="", name=name, port=self.port)

    def resolved(self) -> dict[str, Any]:
        """All of it that decides figures, ready for JSON."""
        return asdict(self)


def traffic_notes(topology: Topology, jobs: Iterable[Neighbour]) -> tuple[str, ...]:
    """What is more than links carry of the traffic among jobs, at the rates while it sends."""
    return overloads(
        topology,
        [
            Source(
                job.name,
                own.source,
                own.destination,
                own.pattern.rate_bps,
                waits=own.transport == "tcp",
            )
            for job in jobs
            if (own := job.traffic) is not None
        ],
    )


def trials_alone(
    jobs: Iterable[Neighbour], schedules: Sequence[str]
) -> tuple[tuple[Choices, ...], ...]:
    """The trials of trainings without the others, a group for each.

    Args:
        jobs: of an experiment.
        schedules: of its measured job.
    """
    return tuple(
        tuple(
            Choices(model=own.model, schedule=schedule, beside=NOTHING, job=job.name)
            for schedule in ((own.schedule,) if own.schedule else schedules)
        )
        for job in jobs
        if job.alone and (own := job.training) is not None
    )


def with_neighbours(own: Demands, neighbours: Iterable[Neighbour]) -> Demands:
    """What the measured job and those beside it demand of the network, its own first."""
    told = tuple(replace(one, port=FIRST_PORT) for one in own)
    others = (one for job in neighbours for one in job.demands(own.topology))
    return replace(own, all=(*told, *others))
