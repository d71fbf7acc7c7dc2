"""The parameter server's arithmetic: initial parameters, and synchronous plain SGD.

The result is the same, bit for bit, in whatever order gradients arrive: they are summed in worker
order, in float32, and every slice is touched once per iteration.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from workloads.layout import SLICE_BYTES, Arena, Layout, Slice
from workloads.models import BYTES_PER_ELEMENT

_INITIAL_DEVIATION = np.float32(0.01)
_PARAMETERS_STREAM = 1  # keeps these random numbers apart from others of the same seed


def initialise(parameters: Arena, layout: Layout, seed: int) -> None:
    """Fill each tensor with float32 normal values of deviation 0.01, from (seed, tensor)."""
    for number in range(len(layout.tensor_slices)):
        values = parameters.tensor(number)
        generator = np.random.default_rng([seed, _PARAMETERS_STREAM, number])
        generator.standard_normal(dtype=np.float32, out=values)
        values *= _INITIAL_DEVIATION


class Aggregation:
    """Sums the workers' gradients and applies them: p -= float32(rate / n) * ((g0 + g1) + g2 ...).

    Args:
        parameters: what is trained.
        gradients: one arena per worker, in worker order.
        learning_rate: of the mean gradient.

    Attributes:
        cpu_ns: processor time of the arithmetic so far, of the thread that does it.
    """

    def __init__(self, parameters: Arena, gradients: Sequence[Arena], learning_rate: float) -> None:
        self._parameters = parameters
        self._gradients = gradients
        self._step = np.float32(learning_rate / len(gradients))
        self._scratch = np.empty(SLICE_BYTES // BYTES_PER_ELEMENT, np.float32)
        self.cpu_ns = 0

    def apply_one(self, piece: Slice, worker: int) -> None:
        """Apply one slice that one worker has delivered, by itself."""
        begin = time.thread_time_ns()
        update = self._scratch[: piece.length // BYTES_PER_ELEMENT]
        np.multiply(self._gradients[worker].slice_values(piece), self._step, out=update)
        parameters = self._parameters.slice_values(piece)
        np.subtract(parameters, update, out=parameters)
        self.cpu_ns += time.thread_time_ns() - begin

    def apply(self, piece: Slice) -> None:
        """Apply one slice that all workers have delivered."""
        begin = time.thread_time_ns()
        update = self._scratch[: piece.length // BYTES_PER_ELEMENT]
        total = self._gradients[0].slice_values(piece)
        for gradient in self._gradients[1:]:
            total = np.add(total, gradient.slice_values(piece), out=update)
        np.multiply(total, self._step, out=update)
        parameters = self._parameters.slice_values(piece)
        np.subtract(parameters, update, out=parameters)
        self.cpu_ns += time.thread_time_ns() - begin
