"""All-reduce on a topology: what it takes at least, and what rings take."""

from orchestrator.predict.allreduce.bound import AllreduceBound, allreduce_bound
from orchestrator.predict.allreduce.ring import Ring, ring, ring_demands

__all__ = ["AllreduceBound", "Ring", "allreduce_bound", "ring", "ring_demands"]
