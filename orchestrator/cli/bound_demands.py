"""What `dmlbed bound` says of schedules whose exchange is not one parameter server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orchestrator.predict import Case, demand_bound
from orchestrator.spec import Experiment
from workloads.library import SPLIT

FORMULA = "lower bound of its demands"
SPLIT_FORMULA = "bound of the split"
"""Its demands are those of a linear programme: of both ways, no other shares are faster."""


def describe_demands(
    experiment: Experiment, case: Case, times: Callable[[float], dict[str, float]]
) -> list[dict[str, Any]]:
    """Their bounds, or why there is none.

    Args:
        experiment: whose schedules they are.
        case: one of its models.
        times: an iteration's seconds in all units.
    """
    found: list[dict[str, Any]] = []
    for name in experiment.schedules:
        schedule = experiment.schedule(name)
        if schedule.one_server:
            continue
        named = {
            "schedule": name,
            "formula": SPLIT_FORMULA if schedule.exchange == SPLIT else FORMULA,
        }
        demands = experiment.demands(name, case.model.name)
        if not demands.declared:
            found.append({**named, "why_not": "its exchange declares no demands"})
        elif schedule.coded:
            found.append({**named, "why_not": "what its codec sends is not known"})
        else:
            known = demand_bound(demands, case)
            full = [str(load.port) for load in known.fullest]
            found.append({**named, **times(known.seconds), "fullest": full})
    return found


def no_bounds(models: list[dict[str, Any]]) -> list[str]:
    """A line for each schedule that has none, with the reason."""
    lines = {
        f"no bound of {form['schedule']}: {form['why_not']}": None
        for model in models
        for form in model["demand_bounds"]
        if "why_not" in form
    }
    return list(lines)
