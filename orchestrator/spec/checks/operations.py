"""What an order of operations and a batch need: a computation that can follow, and memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.memory import FRAMEWORK, Footprint, footprint, unknown_outputs, worker_arrays
from orchestrator.spec.experiment.jobs import Neighbour
from orchestrator.spec.files.experiment_file import ExperimentFile
from orchestrator.spec.sweep import Conditions
from orchestrator.spec.topology import Host, Topology
from orchestrator.spec.yaml.document import Document, Loc
from workloads.models.learning import Learning
from workloads.models.profiles import load_model
from workloads.schedule.library import get_schedule
from workloads.schedule.schedule import Schedule


def check_operations(
    document: Document, file: ExperimentFile, at: Conditions, schedules: Iterable[Schedule]
) -> None:
    """Adds a problem if layers cannot be computed in an order, or a worker's memory is too small.

    Args:
        document: of the experiment.
        file: what was read of it.
        at: the conditions of the experiment, or of a point of its sweep.
        schedules: that are compared.
    """
    learning = file.learning()
    if at.order_of_operations != FRAMEWORK and learning.real:
        document.report_at(
            ("order_of_operations",),
            f"a module of PyTorch has an order of its own, not {at.order_of_operations}",
            "leave this key out, or `compute: torch`",
        )
        return
    short = _short(file.models, at, learning, tuple(schedules))
    if short is not None:
        written = ("batch",) in document.keys or document.is_bad(("batch",))
        model: Loc = ("models", file.models.index(short.model))
        _report(document, ("batch",) if written else model, short)


def check_job_memory(
    document: Document,
    file: ExperimentFile,
    topology: Topology,
    jobs: Iterable[Neighbour],
    custom: Mapping[str, Schedule],
) -> None:
    """Adds a problem for each training beside the measured one that its workers cannot hold.

    Args:
        document: of the experiment.
        file: what was read of it.
        topology: that it names.
        jobs: of it.
        custom: the experiment's own schedules, by name.
    """
    for job in jobs:
        training = job.training
        if training is None:
            continue
        names = file.schedules if not training.schedule else [training.schedule]
        at = Conditions(
            topology,
            training.placement,
            training.batch,
            order_of_operations=file.order_of_operations,
        )
        schedules = [custom.get(name) or get_schedule(name) for name in names]
        short = _short([training.model], at, file.learning(), schedules)
        if short is not None:
            own: Loc = ("jobs", job.name, "batch")
            place = own if own in document.keys else ("jobs", job.name, "model")
            _report(document, place, short)


def _report(document: Document, place: Loc, short: _Short) -> None:
    needed = short.held.training_bytes(short.batch)
    document.report_at(
        place,
        f"{short.model} with a batch of {short.batch} takes at least {_size(needed)} of memory in "
        f"training, and worker {short.worker.name} has {_size(short.worker.memory_bytes or 0)}",
        f"the largest batch that fits is {short.largest}"
        if short.largest
        else f"parameters, gradients and states alone take {_size(short.held.fixed)}",
    )


def _size(count: int) -> str:
    return f"{count / 2**30:.2f} GiB"


@dataclass(frozen=True)
class _Short:
    """A model that a worker has too little memory for.

    Attributes:
        model: its name.
        worker: the host.
        batch: of it.
        held: what it needs.
        largest: the largest batch that fits; 0: none.
    """

    model: str
    worker: Host
    batch: int
    held: Footprint
    largest: int


def _short(
    models: Sequence[str], at: Conditions, learning: Learning, schedules: Sequence[Schedule]
) -> _Short | None:
    """The model and the worker with the least room for a batch; None: all fit."""
    hosts = [at.topology.host(worker) for worker in at.placement.workers]
    limited = [host for host in hosts if host.memory_bytes is not None]
    if not limited or not schedules:
        return None
    states = learning.optimizer.states
    arrays = max(worker_arrays(schedule, states) for schedule in schedules)
    found = []
    for name in models:
        model = load_model(name)
        if unknown_outputs(model):
            continue
        held = footprint(
            model, at.order_of_operations, arrays=arrays, element_bytes=learning.element_bytes
        )
        for host in limited:
            batch, largest = host.batch or at.batch, held.largest_batch(host.memory_bytes or 0)
            if largest is not None and largest < batch:
                found.append(_Short(name, host, batch, held, largest))
    return min(found, key=lambda one: (one.largest, -one.batch), default=None)
