"""What an order of operations holds in memory, and the order that holds the least.

Operations              a graph: bytes that each operation writes, and what it needs
as_numbered, breadth_first, depth_first    orders that are known beforehand
least_memory            the best one: fused blocks, exact search, an integer programme
ordered                 a model whose layers are computed in an order, by its name
footprint               what a device holds of a model in an order
worker_arrays           how many arrays of the parameters' size a worker holds
"""

from orchestrator.memory.footprint import Footprint, footprint, unknown_outputs
from orchestrator.memory.graph import Operations
from orchestrator.memory.model_orders import (
    FRAMEWORK,
    ORDERS_OF_OPERATIONS,
    OrderOfOperations,
    layer_order,
    operations_of,
    order_of,
    ordered,
)
from orchestrator.memory.orders import as_numbered, breadth_first, depth_first
from orchestrator.memory.plan import LeastMemory, least_memory
from orchestrator.memory.workers import worker_arrays

__all__ = [
    "FRAMEWORK",
    "ORDERS_OF_OPERATIONS",
    "Footprint",
    "LeastMemory",
    "Operations",
    "OrderOfOperations",
    "as_numbered",
    "breadth_first",
    "depth_first",
    "footprint",
    "layer_order",
    "least_memory",
    "operations_of",
    "order_of",
    "ordered",
    "unknown_outputs",
    "worker_arrays",
]
