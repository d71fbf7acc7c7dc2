"""What a worker computes and exchanges with, and with which parameters all begin.

PyTorch is imported only if it is asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

from workloads.codecs.coded import codec_named
from workloads.errors import WorkloadError
from workloads.exchange.averaging import Averaging
from workloads.exchange.exchange import Exchange
from workloads.library import EXCHANGES, TORCH_COMPUTE
from workloads.models.coding import coding_seconds
from workloads.process.plugins import instance_of
from workloads.process.training import TrainingJob, WorkerJob
from workloads.schedule.units import Layout, Unit
from workloads.training import update
from workloads.training.clock import Clock
from workloads.training.compute import Compute
from workloads.training.emulated import Emulated, Objective
from workloads.transport.memory import Arena


def exchange_of(job: WorkerJob) -> Exchange:
    """The exchange that a worker's job asks for, with its averaging.

    Raises:
        JobError: it cannot be imported or made.
    """
    exchange: Exchange = instance_of("exchange", job.schedule.exchange, EXCHANGES, Exchange)
    return Averaging(exchange) if job.schedule.averages else exchange


def compute_of(job: WorkerJob, layout: Layout, arena: Arena, clock: Clock) -> Compute:
    """The computation that a worker's job asks for, in the arena.

    Raises:
        WorkloadError: PyTorch is missing, or has no such network.
    """
    if not job.learning.real:
        return Emulated(
            job.model,
            job.device,
            batch=job.batch,
            stretch=job.time,
            layout=layout,
            arena=arena,
            objective=Objective(job.seed, job.worker),
            clock=clock,
            coding=coding_seconds(
                job.device,
                push=job.schedule.push_codec,
                pull=job.schedule.pull_codec,
                leaves_vectors=lambda name: codec_named(name, 0).leaves_vectors,
            ),
            rounds=job.rounds,
            steps=job.schedule.averages,
            warm_up=job.warm_up,
        )
    compute: Compute = _torch().TorchCompute(job, layout, arena, clock)
    return compute


def initialise(job: TrainingJob, parameters: Arena, layout: Layout) -> None:
    """Fill an arena with the parameters that a training begins with, from its seed.

    Raises:
        WorkloadError: PyTorch is missing, or has no such network.
    """
    if not job.learning.real:
        update.initialise(parameters, layout, job.seed)
        return
    _torch().initialise(job, parameters, layout)


def initial_parameters(job: TrainingJob, layout: Layout, units: Sequence[Unit]) -> Arena:
    """Memory for some units with the parameters that they begin with, whoever has the others.

    Raises:
        WorkloadError: as above.
    """
    whole = Arena(layout)
    initialise(job, whole, layout)
    if len(units) == len(layout.units):
        return whole
    parameters = Arena(layout, units)
    for chunk in (chunk for unit in units for chunk in unit.chunks):
        parameters.values_of(chunk)[:] = whole.values_of(chunk)
    return parameters


def _torch() -> Any:
    try:
        return importlib.import_module(TORCH_COMPUTE)
    except ImportError as error:
        raise WorkloadError(f"PyTorch cannot be imported on this host: {error}") from None
