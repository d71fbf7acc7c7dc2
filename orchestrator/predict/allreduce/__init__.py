"""All-reduce on a topology: what it takes at least, and what rings take."""

from orchestrator.predict.allreduce.bound import AllreduceBound, allreduce_bound
from orchestrator.predict.allreduce.ring import Ring, ring, ring_demands
from orchestrator.predict.allreduce.times import AllreduceTimes, allreduce_times

__all__ = [
    "AllreduceBound",
    "AllreduceTimes",
    "Ring",
    "allreduce_bound",
    "allreduce_times",
    "ring",
    "ring_demands",
]
