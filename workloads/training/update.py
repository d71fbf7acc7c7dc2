"""The parameter server's arithmetic: initial parameters, and plain SGD.

Gradients of all workers that are applied together are summed in worker order, in float32, and every
chunk is touched once per iteration: the result is the same, bit for bit, in whatever order they
arrive.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from workloads.models.profiles import BYTES_PER_ELEMENT
from workloads.schedule.units import CHUNK_BYTES, Chunk, Layout
from workloads.transport.memory import Arena, Floats

_INITIAL_DEVIATION = np.float32(0.01)
_PARAMETERS_STREAM = 1  # keeps these random numbers apart from others of the same seed


def initialise(parameters: Arena, layout: Layout, seed: int) -> None:
    """Fill each tensor with float32 normal values of deviation 0.01, from (seed, tensor)."""
    for number in range(len(layout.tensor_chunks)):
        values = parameters.tensor(number)
        generator = np.random.default_rng([seed, _PARAMETERS_STREAM, number])
        generator.standard_normal(dtype=np.float32, out=values)
        values *= _INITIAL_DEVIATION


class Update(ABC):
    """What contributions do to the parameters; one thread applies.

    Attributes:
        exact: whether the same contributions give the same parameters, bit for bit, in whatever
            order chunks are applied. Then runs whose contributions agree must agree.
        cpu_ns: processor time of the arithmetic so far.
    """

    exact: ClassVar[bool] = False
    cpu_ns: int = 0

    @abstractmethod
    def apply(self, chunk: Chunk, contributions: Sequence[Floats]) -> None:
        """Change a chunk of the parameters.

        Args:
            chunk: which one.
            contributions: of those workers that are applied together, in worker order: float32
                [elements of the chunk]. They are not changed.
        """


class Sgd(Update):
    """Plain SGD on the mean gradient: p -= float32(rate / n) * (g0 + g1 ...).

    Where a worker's gradient is applied by itself, others' parameters are sent while they are
    changed: a chunk may be of two versions.

    Args:
        parameters: what is trained.
        workers: n, whether or not all of them are applied together.
        learning_rate: of the mean gradient.
    """

    exact = True

    def __init__(self, parameters: Arena, workers: int, learning_rate: float) -> None:
        self._parameters = parameters
        self._step = np.float32(learning_rate / workers)
        self._scratch = np.empty(CHUNK_BYTES // BYTES_PER_ELEMENT, np.float32)
        self.cpu_ns = 0

    def apply(self, chunk: Chunk, contributions: Sequence[Floats]) -> None:
        """Subtract their sum, times the step, from the parameters."""
        begin = time.thread_time_ns()
        update = self._scratch[: chunk.length // BYTES_PER_ELEMENT]
        total = contributions[0]
        for gradient in contributions[1:]:
            total = np.add(total, gradient, out=update)
        np.multiply(total, self._step, out=update)
        parameters = self._parameters.values_of(chunk)
        np.subtract(parameters, update, out=parameters)
        self.cpu_ns += time.thread_time_ns() - begin
