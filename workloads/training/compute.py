"""What a worker computes: a model's forward and backward pass, layer by layer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Literal

from workloads.process.checkpoints import Arrays
from workloads.process.process_records import CodingTime, EvaluationRecord
from workloads.transport.memory import Arena

Pass = Literal["forward", "backward"]


class Gate(ABC):
    """What a pass through a model waits for, and where its gradients go."""

    @abstractmethod
    def wait(self, layers: Sequence[int]) -> tuple[int, int]:
        """Wait until one of the layers has its parameters in its tensors.

        Args:
            layers: numbers of layers that could be computed, ascending.

        Returns:
            One of them, and when they came, or the iteration began (monotonic ns).
        """

    @abstractmethod
    def computed(self, kind: Pass, layer: int, begin: int, ended: int) -> None:
        """Note when a layer was computed (monotonic ns)."""

    def prepare(self, tensor: int) -> None:
        """Let a tensor's gradient be coded: it is there, but the time of its layer is not over."""
        del tensor

    @abstractmethod
    def judged(self) -> Arena:
        """The parameters that are judged, between the forward and backward pass."""

    @abstractmethod
    def give(self, tensor: int) -> None:
        """Hand over a tensor that holds its gradient now, in place of the parameters."""


class Compute(ABC):
    """A worker's computation, in whose tensors the parameters are and the gradients are left."""

    @property
    @abstractmethod
    def cpu_ns(self) -> int:
        """Processor time of its arithmetic so far, of the thread that calls."""

    @property
    def coding(self) -> CodingTime | None:
        """What coding has cost so far; None: nothing is coded, or in real time."""
        return None

    @property
    def steps(self) -> CodingTime | None:
        """What the worker's own steps have cost so far; None: it takes none, or in real time."""
        return None

    @property
    def loss(self) -> float | None:
        """Of the last forward pass, mean over the batch; None: it has none."""
        return None

    def evaluations(self) -> Sequence[EvaluationRecord]:
        """How good parameters were on held-out data; asked when all of the training is over."""
        return ()

    def state(self) -> Arrays:
        """What it needs, beside the parameters, to continue elsewhere; between iterations."""
        return {}

    def restore(self, state: Arrays, iterations: int) -> None:
        """Continue from a state, after so many iterations; nothing to do where there is none."""
        del state, iterations

    @abstractmethod
    def forward(self, gate: Gate) -> None:
        """Compute the forward pass; each layer waits for its parameters at the gate."""

    @abstractmethod
    def backward(self, gate: Gate) -> None:
        """Compute the backward pass; every tensor is given to the gate once its gradient is in it.

        Raises:
            WorkloadError: a gradient is not finite.
        """
