"""What a device holds of a model: parameters, gradients, states, and what layers write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.memory.model_orders import operations_of, order_of
from workloads.models.profiles import BYTES_PER_ELEMENT, Model


@dataclass(frozen=True)
class Footprint:
    """What is held at most in an order of operations, in bytes.

    What layers keep beside their outputs (workspaces, inputs of normalisations, indices of
    poolings) is not known of a model, so that a framework needs more.

    Attributes:
        arrays: of the size of the parameters that are held all the time: they themselves,
            gradients, states of an optimizer.
        parameters: of one such array.
        inference: per example, of outputs in a forward pass alone, which frees what nothing needs.
        training: per example, of outputs and their gradients in a forward and backward pass.
    """

    arrays: int
    parameters: int
    inference: int
    training: int

    @property
    def fixed(self) -> int:
        """What does not depend on the batch, in training."""
        return self.arrays * self.parameters

    def training_bytes(self, batch: int) -> int:
        """Of a training, at its peak."""
        return self.fixed + batch * self.training

    def inference_bytes(self, batch: int) -> int:
        """Of a forward pass alone, at its peak."""
        return self.parameters + batch * self.inference

    def largest_batch(self, memory: int, *, inference: bool = False) -> int | None:
        """The largest batch that fits into so many bytes, in training or else; None: any does."""
        fixed = self.parameters if inference else self.fixed
        each = self.inference if inference else self.training
        if not each:
            return None if fixed <= memory else 0
        return max(0, (memory - fixed) // each)


def footprint(
    model: Model,
    order: str | Sequence[int],
    *,
    arrays: int = 2,
    element_bytes: int = BYTES_PER_ELEMENT,
) -> Footprint:
    """What a device holds of a model in an order of operations.

    Args:
        model: which.
        order: the name of an order, or one of `operations_of`.
        arrays: as `Footprint` has them; 2: parameters and gradients.
        element_bytes: of each value.
    """
    operations = operations_of(model, element_bytes)
    numbers = order_of(operations, order) if isinstance(order, str) else order
    parameters = element_bytes * sum(tensor.elements for tensor in model.tensors)
    return Footprint(
        arrays, parameters, operations.peak(numbers), operations.training_peak(numbers)
    )


def unknown_outputs(model: Model) -> tuple[str, ...]:
    """The layers of which it is not known how much they write."""
    return tuple(layer.name for layer in model.layers if not layer.output_elements)
