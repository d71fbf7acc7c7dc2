"""The operations of a model, and the orders in which its layers may be computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from math import prod
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

from orchestrator.memory.graph import Operations
from orchestrator.memory.orders import as_numbered, breadth_first, depth_first
from orchestrator.memory.plan import least_memory
from workloads.models.profiles import BYTES_PER_ELEMENT, Model, chained

OrderOfOperations: TypeAlias = Literal["framework", "breadth-first", "depth-first", "least-memory"]
FRAMEWORK: OrderOfOperations = "framework"
ORDERS_OF_OPERATIONS: tuple[OrderOfOperations, ...] = get_args(OrderOfOperations)

_ORDERS: Mapping[str, Callable[[Operations], tuple[int, ...]]] = MappingProxyType(
    {
        "framework": as_numbered,
        "breadth-first": breadth_first,
        "depth-first": depth_first,
        "least-memory": lambda operations: least_memory(operations).order,
    }
)


def operations_of(model: Model, element_bytes: int = BYTES_PER_ELEMENT) -> Operations:
    """A model's layers as operations; their numbers are one higher, for 0 brings the example.

    Args:
        model: whose layers.
        element_bytes: of what layers write.

    Returns:
        Sizes are of one example: a batch of n has n times as much.
    """
    example = prod(model.input_shape) if model.input_shape else 0
    sizes = (example, *(layer.output_elements for layer in model.layers))
    needs = (tuple(before + 1 for before in layer.needs) or (0,) for layer in model.layers)
    return Operations(tuple(element_bytes * size for size in sizes), ((), *needs))


def layer_order(operations: tuple[int, ...]) -> tuple[int, ...]:
    """An order of a model's operations as one of its layers."""
    return tuple(number - 1 for number in operations if number)


@lru_cache(maxsize=256)
def ordered(model: Model, order: str) -> Model:
    """A model whose layers are computed in an order, one after the other.

    `framework` leaves a model as it is: its forward pass computes what is there. In any other order
    each layer waits for the one before, or what is held would be another.

    Args:
        model: which.
        order: one of `ORDERS_OF_OPERATIONS`.
    """
    if order == FRAMEWORK:
        return model
    operations = operations_of(model)
    turned = model.in_order(layer_order(_ORDERS[order](operations)))
    return replace(turned, layers=chained(turned.layers))


def order_of(operations: Operations, order: str) -> tuple[int, ...]:
    """An order of operations by its name."""
    return _ORDERS[order](operations)
