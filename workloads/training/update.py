"""The parameter server's arithmetic: initial parameters; SGD, plain and with momentum; Adam.

Gradients of all workers that are applied together are summed in worker order, in the parameters'
own precision, and every chunk is touched once per iteration, value by value: the result is the
same, bit for bit, in whatever order they arrive, and however a schedule cuts the model.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from workloads.models.learning import Optimizer
from workloads.schedule.units import CHUNK_BYTES, Chunk, Layout, Unit
from workloads.training.sparse import SparseSum
from workloads.transport.memory import Arena, Floats, Sparse

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
        states: what it keeps for each parameter, in the parameters' layout.
        steps: how often a chunk was changed, if that matters.
    """

    exact: ClassVar[bool] = False
    cpu_ns: int = 0
    states: tuple[Arena, ...] = ()
    steps: dict[int, int]

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
        self.steps = {}
        self._parameters = parameters
        kind = parameters.values.dtype
        self._step = kind.type(learning_rate / workers)
        self._scratch = np.empty(CHUNK_BYTES // kind.itemsize, kind)
        self._sparse = SparseSum()
        self.cpu_ns = 0

    def apply(self, chunk: Chunk, contributions: Sequence[Floats]) -> None:
        """Subtract their sum, times the step, from the parameters."""
        begin = time.thread_time_ns()
        update = self._scratch[: len(contributions[0])]
        total = contributions[0]
        for gradient in contributions[1:]:
            total = np.add(total, gradient, out=update)
        np.multiply(total, self._step, out=update)
        parameters = self._parameters.values_of(chunk)
        np.subtract(parameters, update, out=parameters)
        self.cpu_ns += time.thread_time_ns() - begin

    def apply_sparse(self, unit: Unit, contributions: Sequence[Sparse]) -> None:
        """Subtract their sum, times the step, where it is not zero: the same bits."""
        begin = time.thread_time_ns()
        self._sparse.subtract(self._parameters.values_of_unit(unit), self._step, contributions)
        self.cpu_ns += time.thread_time_ns() - begin


class _Mean(Update):
    """What begins with the mean gradient.

    Where a worker's gradient is applied by itself, it counts as its share of the mean: g / n.

    Args:
        parameters: what is trained.
        workers: n, whether or not all of them are applied together.
        states: what is kept for each parameter.
    """

    exact = True

    def __init__(self, parameters: Arena, workers: int, states: Sequence[Arena]) -> None:
        self.states = tuple(states)
        self.steps = {}
        self._parameters = parameters
        kind = parameters.values.dtype
        self._kind = kind.type
        self._share = self._kind(1 / workers)
        self._scratch = np.empty((3, CHUNK_BYTES // kind.itemsize), kind)
        self.cpu_ns = 0

    def apply(self, chunk: Chunk, contributions: Sequence[Floats]) -> None:
        """Step by the mean of the contributions."""
        begin = time.thread_time_ns()
        parameters = self._parameters.values_of(chunk)
        mean, *others = self._scratch[:, : len(parameters)]
        total = contributions[0]
        for gradient in contributions[1:]:
            total = np.add(total, gradient, out=mean)
        np.multiply(total, self._share, out=mean)
        self._step(chunk, parameters, mean, *others)
        self.cpu_ns += time.thread_time_ns() - begin

    @abstractmethod
    def _step(
        self, chunk: Chunk, parameters: Floats, mean: Floats, one: Floats, other: Floats
    ) -> None:
        """Change the parameters by the mean gradient; the last three may be written over."""


class Momentum(_Mean):
    """SGD with momentum m: v = m v + g; p -= rate * v, or with Nesterov's p -= rate * (g + m v).

    Args:
        parameters: what is trained.
        states: v, zero at first.
        workers: how many there are.
        learning_rate: of the mean gradient.
        optimizer: its momentum, and whether it looks ahead.
    """

    def __init__(
        self,
        parameters: Arena,
        states: Sequence[Arena],
        workers: int,
        learning_rate: float,
        optimizer: Optimizer,
    ) -> None:
        super().__init__(parameters, workers, states)
        (self._velocity,) = states
        self._rate = self._kind(learning_rate)
        self._momentum = self._kind(optimizer.momentum)
        self._nesterov = optimizer.nesterov

    def _step(
        self, chunk: Chunk, parameters: Floats, mean: Floats, one: Floats, other: Floats
    ) -> None:
        velocity = self._velocity.values_of(chunk)
        np.multiply(velocity, self._momentum, out=velocity)
        np.add(velocity, mean, out=velocity)
        step = velocity
        if self._nesterov:
            np.multiply(velocity, self._momentum, out=one)
            step = np.add(mean, one, out=one)
        np.multiply(step, self._rate, out=other)
        np.subtract(parameters, other, out=parameters)


class Adam(_Mean):
    """Adam (Kingma and Ba, 2015, algorithm 1): the rate for each value by its gradients so far.

    m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g g; after t steps of a chunk
    p -= rate / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + epsilon).

    Args:
        parameters: what is trained.
        states: m and v, zero at first.
        workers: how many there are.
        learning_rate: of a value whose gradient stays as it is.
        optimizer: its constants.
    """

    def __init__(
        self,
        parameters: Arena,
        states: Sequence[Arena],
        workers: int,
        learning_rate: float,
        optimizer: Optimizer,
    ) -> None:
        super().__init__(parameters, workers, states)
        self._mean, self._square = states
        self._rate = learning_rate
        self._beta1, self._beta2 = optimizer.beta1, optimizer.beta2
        self._epsilon = self._kind(optimizer.epsilon)

    def _step(
        self, chunk: Chunk, parameters: Floats, mean: Floats, one: Floats, other: Floats
    ) -> None:
        kind = self._kind
        steps = self.steps[chunk.number] = self.steps.get(chunk.number, 0) + 1
        first, second = self._mean.values_of(chunk), self._square.values_of(chunk)
        np.multiply(first, kind(self._beta1), out=first)
        np.multiply(mean, kind(1 - self._beta1), out=one)
        np.add(first, one, out=first)
        np.multiply(second, kind(self._beta2), out=second)
        np.multiply(mean, mean, out=one)
        np.multiply(one, kind(1 - self._beta2), out=one)
        np.add(second, one, out=second)
        np.sqrt(second, out=one)
        np.divide(one, kind(np.sqrt(1 - self._beta2**steps)), out=one)
        np.add(one, self._epsilon, out=one)
        np.divide(first, one, out=other)
        np.multiply(other, kind(self._rate / (1 - self._beta1**steps)), out=other)
        np.subtract(parameters, other, out=parameters)


def update_of(
    parameters: Arena,
    layout: Layout,
    workers: int,
    learning_rate: float,
    optimizer: Optimizer,
    *,
    units: Sequence[Unit] | None = None,
) -> Update:
    """What an experiment's optimizer does to the parameters.

    Args:
        parameters: what is trained.
        layout: of the model.
        workers: how many there are.
        learning_rate: of the mean gradient.
        optimizer: which one.
        units: those that are applied here; None: all.
    """
    states = [Arena(layout, units) for _ in range(optimizer.states)]
    if optimizer.name == "momentum":
        return Momentum(parameters, states, workers, learning_rate, optimizer)
    if optimizer.name == "adam":
        return Adam(parameters, states, workers, learning_rate, optimizer)
    return Sgd(parameters, workers, learning_rate)
