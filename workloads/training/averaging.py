"""What the mean of all workers does to what they share, by the averaging of a schedule.

It is applied where gradients are under `every-step`: by a parameter server, or by a unit's owner.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from workloads.models.learning import Optimizer
from workloads.process.training import TrainingJob
from workloads.schedule.units import CHUNK_BYTES, Chunk, Layout, Unit
from workloads.training.update import Update, update_of
from workloads.transport.memory import Arena, Floats


class Centre(Update):
    """The centre of elastic averaging: x += beta (mean x_i - x); contributions are the x_i.

    Args:
        parameters: x.
        workers: how many there are.
        beta: how far it goes to their mean.
    """

    exact = True

    def __init__(self, parameters: Arena, workers: int, beta: float) -> None:
        self.steps = {}
        self._parameters = parameters
        kind = parameters.values.dtype.type
        self._share, self._beta = kind(1 / workers), kind(beta)
        self._scratch = np.empty(CHUNK_BYTES // parameters.values.itemsize, kind)
        self.cpu_ns = 0

    def apply(self, chunk: Chunk, contributions: Sequence[Floats]) -> None:
        """Go to their mean."""
        begin = time.thread_time_ns()
        centre = self._parameters.values_of(chunk)
        mean = self._scratch[: len(centre)]
        total = contributions[0]
        for one in contributions[1:]:
            total = np.add(total, one, out=mean)
        np.multiply(total, self._share, out=mean)
        np.subtract(mean, centre, out=mean)
        np.multiply(mean, self._beta, out=mean)
        np.add(centre, mean, out=centre)
        self.cpu_ns += time.thread_time_ns() - begin


class Attraction:
    """A worker's part of elastic averaging: x_i -= alpha (x_i - x), and x_i as it was leaves.

    Args:
        alpha: how far the worker goes to the centre.
    """

    def __init__(self, alpha: float) -> None:
        self._alpha = alpha

    def apply(self, own: Floats, shared: Floats) -> None:
        """Change x_i, and put what it was in the place of x."""
        way = own - shared
        way *= own.dtype.type(self._alpha)
        shared[:] = own
        own -= way


def shared_update(
    job: TrainingJob, parameters: Arena, layout: Layout, units: Sequence[Unit] | None = None
) -> Update:
    """What contributions of all workers do to the parameters that they share.

    Under `local` a worker contributes by how much its parameters have fallen in its local steps,
    which is as a gradient; under `elastic` its parameters.

    Args:
        job: of the training.
        parameters: which they are.
        layout: of the model.
        units: those that are applied here; None: all.
    """
    workers, schedule = len(job.workers), job.schedule
    if not schedule.averages:
        rate, optimizer = job.learning_rate, job.learning.optimizer
        return update_of(parameters, layout, workers, rate, optimizer, units=units)
    if schedule.beta is not None:
        return Centre(parameters, workers, schedule.beta)
    rate = 1.0 if schedule.outer_learning_rate is None else schedule.outer_learning_rate
    momentum = schedule.outer_momentum
    outer = Optimizer() if momentum is None else Optimizer("momentum", momentum, nesterov=True)
    return update_of(parameters, layout, workers, rate, outer, units=units)
