"""What `dmlbed bound` says of schedules that do not send the whole model to a server and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orchestrator.predict import NOT_KNOWN, Case, demand_bound, has_own_paces
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
    bounds: list[dict[str, Any]] = []
    for name in experiment.schedules:
        schedule = experiment.schedule(name)
        if schedule.sends_model:
            continue
        named = {
            "schedule": name,
            "formula": SPLIT_FORMULA if schedule.exchange == SPLIT else FORMULA,
        }
        demands = experiment.demands(name, case.model.name)
        coded = case.coded(schedule)
        if coded is None:
            bounds.append({**named, "why_not": NOT_KNOWN})
        elif not demands.declared:
            bounds.append({**named, "why_not": "its exchange declares no demands"})
        elif has_own_paces(schedule):
            bounds.append({**named, "why_not": "its groups have paces of their own"})
        else:
            known = demand_bound(demands, coded)
            full = [str(load.port) for load in known.fullest]
            bounds.append({**named, **times(known.seconds), "fullest": full})
    return bounds


def no_bounds(models: list[dict[str, Any]]) -> list[str]:
    """A line for each schedule that has none, with the reason."""
    lines = {
        f"no bound of {form['schedule']}: {form['why_not']}": None
        for model in models
        for form in model["demand_bounds"]
        if "why_not" in form
    }
    return list(lines)
