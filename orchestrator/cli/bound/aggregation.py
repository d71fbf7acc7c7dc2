"""What `dmlbed bound` says of any aggregation in which parameter servers help the workers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orchestrator.cli.bound.allreduce import Row
from orchestrator.predict import Case, aggregation_bound

_HELPERS = 3
"""That are named."""


def describe_aggregation(
    case: Case, times: Callable[[float], dict[str, float]]
) -> dict[str, Any] | None:
    """The bound as data; None for one worker, or without a server.

    Args:
        case: what is trained, on what.
        times: an iteration's seconds in all units.
    """
    first = case.exchange
    helpers = first.servers
    if len(first.workers) < 2 or not helpers:
        return None
    known = aggregation_bound(
        first.topology, first.workers, helpers, case.model.bytes, case.goodputs
    )
    return {
        "kind": known.kind,
        "helpers": list(helpers),
        "limited_by": list(known.ports),
        "network_seconds": known.seconds,
        "bound": times(max(known.seconds, case.bound.compute_seconds)),
    }


def aggregation_rows(bounds: dict[str, Any] | None) -> list[Row]:
    """The row of one model's times: schedule, formula, times."""
    if bounds is None:
        return []
    helpers = bounds["helpers"]
    named = ", ".join(helpers) if len(helpers) <= _HELPERS else f"{len(helpers)} servers"
    formula = "exact bound" if bounds["kind"] == "exact" else "cut bound"
    return [(f"any aggregation, {named} helping", formula, bounds["bound"])]
