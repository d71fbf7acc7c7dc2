"""Aggregation on a topology: what it takes at least, with and without helpers, and in rings."""

from orchestrator.predict.allreduce.bound import AllreduceBound, allreduce_bound
from orchestrator.predict.allreduce.helped import AggregationBound, aggregation_bound
from orchestrator.predict.allreduce.ring import Ring, ring, ring_demands
from orchestrator.predict.allreduce.times import AllreduceTimes, allreduce_times

__all__ = [
    "AggregationBound",
    "AllreduceBound",
    "AllreduceTimes",
    "Ring",
    "aggregation_bound",
    "allreduce_bound",
    "allreduce_times",
    "ring",
    "ring_demands",
]
