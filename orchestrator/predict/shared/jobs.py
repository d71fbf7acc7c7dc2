"""What the jobs of an experiment can have at best, and what is fair if all of them send at once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from orchestrator.predict.bounds.iteration import compute_seconds
from orchestrator.predict.bounds.lower import worker_devices
from orchestrator.predict.network.loads import Goodputs
from orchestrator.predict.shared.sharing import SharedBound, Sharer, shared_bounds
from orchestrator.spec import Experiment, Neighbour, ports

MEASURED = ""
"""The name of the job that the experiment measures."""


@dataclass(frozen=True)
class JobBound:
    """What one job can have; imgs/sec or, of traffic, payload in bit/s.

    Attributes:
        best: alone on the network.
        fair: if all jobs send at once, by max-min fair shares; no bound.
        unit: `imgs/s` or `bit/s`.
        ports: the links that keep it from its best then.
    """

    best: float
    fair: float
    unit: str
    ports: tuple[str, ...]


def job_bounds(
    experiment: Experiment, model: str, schedule: str, goodputs: Goodputs | None = None
) -> dict[str, JobBound]:
    """The bounds of the measured job and of all beside it, by name.

    Args:
        experiment: with its jobs.
        model: that the measured job trains.
        schedule: under which it does.
        goodputs: measured payload of ports in bit/s.

    Raises:
        ValueError: it is not known what the measured job sends.
    """
    sharers = [
        _trained(MEASURED, experiment, model, schedule),
        # What a program sends is not known.
        *(_sharer(experiment, job) for job in experiment.jobs.values() if not job.program),
    ]
    images = {MEASURED: experiment.exchange.images(experiment.batch)}
    for name, job in experiment.jobs.items():
        if job.training is not None:
            images[name] = job.training.batch * len(job.training.placement.workers)
    bounds = shared_bounds(sharers, goodputs)
    return {name: _bound(one, images.get(name)) for name, one in bounds.items()}


def shared_ports(experiment: Experiment, schedule: str) -> tuple[str, ...]:
    """The links, `node->peer`, that more than one job of an experiment sends over.

    Args:
        experiment: with its jobs.
        schedule: of the measured job; of a job beside that has one of its own, all are looked at.
    """
    schedules = (schedule,) if schedule in experiment.schedules else experiment.schedules
    own = {
        port
        for one in schedules
        for model in experiment.models
        for port in experiment.demands(one, model).crossed
    }
    others = (set(job.demands(experiment.topology).crossed) for job in experiment.jobs.values())
    counts = Counter(port for crossed in (own, *others) for port in crossed)
    return tuple(str(port) for port in ports(experiment.topology) if counts[port] > 1)


def _sharer(experiment: Experiment, job: Neighbour) -> Sharer:
    if job.traffic is None:
        own = experiment.of_job(job.name)
        (model,), (schedule,) = own.models, own.schedules
        return _trained(job.name, own, model, schedule)
    return Sharer(
        job.name,
        job.demands(experiment.topology),
        limit_bps=job.traffic.pattern.mean_bps,
        yields=job.traffic.transport == "tcp",
    )


def _trained(name: str, own: Experiment, model: str, schedule: str) -> Sharer:
    devices = worker_devices(own.exchange, own.devices).values()
    computed = max(compute_seconds(own.model(model), one, own.batch) for one in devices)
    return Sharer(name, own.demands(schedule, model), computed)


def _bound(one: SharedBound, images: int | None) -> JobBound:
    if images is None or one.best_seconds is None:
        return JobBound(min(one.best_bps), min(one.fair_bps), "bit/s", one.ports)
    best = images / one.best_seconds
    return JobBound(best, best * one.share, "imgs/s", one.ports)
