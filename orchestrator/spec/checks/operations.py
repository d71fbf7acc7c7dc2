"""What an order of operations and a batch need: a computation that can follow, and memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchestrator.memory import FRAMEWORK, Footprint, footprint, unknown_outputs, worker_arrays
from orchestrator.spec.files.experiment_file import ExperimentFile
from orchestrator.spec.placement import Placement
from orchestrator.spec.sweep import Conditions
from orchestrator.spec.topology import Topology
from orchestrator.spec.yaml.document import Document
from workloads.models.learning import Learning
from workloads.models.profiles import load_model
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
    if short is None:
        return
    largest = short.largest
    hint = (
        f"the largest batch that fits is {largest}"
        if largest
        else f"parameters, gradients and states alone take {_size(short.held.fixed)}"
    )
    written = ("batch",) in document.keys or document.is_bad(("batch",))
    document.report_at(
        ("batch",) if written else ("models", file.models.index(short.model)),
        f"{short.model} with a batch of {at.batch} takes at least "
        f"{_size(short.held.training_bytes(at.batch))} of memory in training, and worker "
        f"{short.worker} has {_size(short.memory)}",
        hint,
    )


def _size(count: int) -> str:
    return f"{count / 2**30:.2f} GiB"


@dataclass(frozen=True)
class _Short:
    """A model that a worker has too little memory for.

    Attributes:
        model: its name.
        worker: the host.
        memory: what it has, in bytes.
        held: what it needs.
        largest: the largest batch that fits; 0: none.
    """

    model: str
    worker: str
    memory: int
    held: Footprint
    largest: int


def _short(
    models: Sequence[str], at: Conditions, learning: Learning, schedules: Sequence[Schedule]
) -> _Short | None:
    """The model and the worker for which the batch is too large by most; None: all fit."""
    least = _least_memory(at.topology, at.placement)
    if least is None or not schedules:
        return None
    worker, memory = least
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
        largest = held.largest_batch(memory)
        if largest is not None and largest < at.batch:
            found.append(_Short(name, worker, memory, held, largest))
    return min(found, key=lambda one: one.largest, default=None)


def _least_memory(topology: Topology, placement: Placement) -> tuple[str, int] | None:
    """The worker with the least memory, and that; None: none is limited."""
    limited = [
        (memory, worker)
        for worker in placement.workers
        if (memory := topology.host(worker).memory_bytes) is not None
    ]
    memory, worker = min(limited, default=(0, ""))
    return (worker, memory) if limited else None
