"""The parameter server's arithmetic: initial parameters, and plain SGD.

Gradients of all workers that are applied together are summed in worker order, in float32, and every
chunk is touched once per iteration: the result is the same, bit for bit, in whatever order they
arrive.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from threading import Lock

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
    """Applies gradients to the parameters; one thread applies what others deliver.

    Args:
        layout: of parameters and gradients.
        parameters: what is trained.
        gradients: one arena per worker, in worker order.
        learning_rate: of the mean gradient.

    Attributes:
        cpu_ns: processor time of the arithmetic so far, of the thread that does it.
    """

    def __init__(
        self,
        layout: Layout,
        parameters: Arena,
        gradients: Sequence[Arena],
        learning_rate: float,
    ) -> None:
        self._chunks = [len(unit.chunks) for unit in layout.units]
        self._parameters = parameters
        self._gradients = gradients
        self._step = np.float32(learning_rate / len(gradients))
        self._scratch = np.empty(CHUNK_BYTES // BYTES_PER_ELEMENT, np.float32)
        # Per worker and unit, chunks that are not applied yet.
        self._missing = [list(self._chunks) for _ in gradients]
        self.cpu_ns = 0

    @abstractmethod
    def delivered(self, chunk: Chunk) -> bool:
        """Note that a worker has delivered a chunk; whether it can be applied now.

        Any thread may call it.
        """

    @abstractmethod
    def _gradient(self, chunk: Chunk, worker: int, out: Floats) -> Floats:
        """The gradient to apply: float32 [elements of the chunk], in `out` or where it lies."""

    def apply(self, chunk: Chunk, worker: int) -> bool:
        """Apply a chunk that a worker has delivered, as the last one of those that go together.

        Returns:
            Whether all of its unit is applied now.
        """
        begin = time.thread_time_ns()
        update = self._scratch[: chunk.length // BYTES_PER_ELEMENT]
        np.multiply(self._gradient(chunk, worker, update), self._step, out=update)
        parameters = self._parameters.values_of(chunk)
        np.subtract(parameters, update, out=parameters)
        self.cpu_ns += time.thread_time_ns() - begin
        counts = self._missing[worker]
        missing = counts[chunk.unit] - 1
        counts[chunk.unit] = missing or self._chunks[chunk.unit]
        return not missing


class MeanOfAll(Update):
    """Applies a chunk that all workers have delivered: p -= float32(rate / n) * (g0 + g1 ...)."""

    def __init__(
        self,
        layout: Layout,
        parameters: Arena,
        gradients: Sequence[Arena],
        learning_rate: float,
    ) -> None:
        super().__init__(layout, parameters, gradients, learning_rate)
        self._missing = self._missing[:1] * len(gradients)  # one count, whoever was last
        self._counting = Lock()
        self._deliveries = [0] * len(layout.chunks)

    def delivered(self, chunk: Chunk) -> bool:
        """Whether all workers have delivered the chunk now."""
        with self._counting:
            delivered = self._deliveries[chunk.number] + 1
            complete = delivered == len(self._gradients)
            self._deliveries[chunk.number] = 0 if complete else delivered
        return complete

    def _gradient(self, chunk: Chunk, worker: int, out: Floats) -> Floats:
        total = self._gradients[0].values_of(chunk)
        for gradient in self._gradients[1:]:
            total = np.add(total, gradient.values_of(chunk), out=out)
        return total


class EachAlone(Update):
    """Applies every worker's chunk by itself: p -= float32(rate / n) * g.

    Others' parameters are sent while they are changed: a chunk may be of two versions.
    """

    def delivered(self, chunk: Chunk) -> bool:
        """At once."""
        return True

    def _gradient(self, chunk: Chunk, worker: int, out: Floats) -> Floats:
        return self._gradients[worker].values_of(chunk)
