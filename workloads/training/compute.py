"""What a worker computes: a model's forward and backward pass, layer by layer."""

from __future__ import annotations

from abc import ABC, abstractmethod


class Compute(ABC):
    """A worker's computation, in whose tensors the parameters are and the gradients are left."""

    @property
    @abstractmethod
    def cpu_ns(self) -> int:
        """Processor time of its arithmetic so far, of the thread that calls."""

    @abstractmethod
    def forward(self, layer: int, not_before: int) -> int:
        """Compute a layer's forward pass, and return when it ended (monotonic ns).

        Args:
            layer: whose parameters are in its tensors.
            not_before: when they came, or the iteration began (monotonic ns).
        """

    @abstractmethod
    def backward(self, layer: int) -> int:
        """Compute a layer's backward pass, and return when it ended (monotonic ns).

        Its gradient is in the layer's tensors then, in place of the parameters.
        """
