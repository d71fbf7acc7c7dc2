"""What an order of operations holds in memory, and the order that holds the least.

Operations              a graph: bytes that each operation writes, and what it needs
as_numbered, breadth_first, depth_first    orders that are known beforehand
least_memory            the best one: fused blocks, exact search, an integer programme
"""

from orchestrator.memory.graph import Operations
from orchestrator.memory.orders import as_numbered, breadth_first, depth_first
from orchestrator.memory.plan import LeastMemory, least_memory

__all__ = [
    "LeastMemory",
    "Operations",
    "as_numbered",
    "breadth_first",
    "depth_first",
    "least_memory",
]
