"""A sweep: one experiment at several points of one or two variables, all else the same (pure)."""

from orchestrator.spec.sweep.conditions import Conditions, conditions
from orchestrator.spec.sweep.points import Point, base_of, points_of
from orchestrator.spec.sweep.sweep import VALUE_KEYS, Sweep, Values, sweep_of
from orchestrator.spec.sweep.topologies import link_between, with_workers
from orchestrator.spec.sweep.variable import EXPERIMENT_KEYS, LINK_KEYS, Value, Variable

__all__ = [
    "EXPERIMENT_KEYS",
    "LINK_KEYS",
    "VALUE_KEYS",
    "Conditions",
    "Point",
    "Sweep",
    "Value",
    "Values",
    "Variable",
    "base_of",
    "conditions",
    "link_between",
    "points_of",
    "sweep_of",
    "with_workers",
]
