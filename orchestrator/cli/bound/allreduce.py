"""What `dmlbed bound` says of an all-reduce between the workers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orchestrator.predict import Case, Ring, allreduce_times

Times = Callable[[float], dict[str, float]]
Row = tuple[str, str, dict[str, Any]]

_SHORTER = 1 - 1e-6
_NAMED = 8


def describe_allreduce(case: Case, times: Times) -> dict[str, Any] | None:
    """The bounds and the rings as data; None for one worker.

    Args:
        case: what is trained, on what.
        times: an iteration's seconds in all units.
    """
    known = allreduce_times(case)
    if known is None:
        return None
    network = known.network

    def described(ring: Ring, seconds: float) -> dict[str, Any]:
        return {
            "hosts": list(ring.hosts),
            "fullest": list(ring.ports),
            "network_seconds": ring.seconds,
            **times(seconds),
        }

    return {
        "kind": network.kind,
        "limited_by": list(network.ports),
        "network_seconds": network.seconds,
        "bound": times(known.seconds),
        "barrier_bound": times(known.barrier_seconds),
        "ring": described(network.ring, known.ring_seconds),
        "ring_with_barrier": times(known.ring_barrier_seconds),
        "best_ring": described(network.best_ring, known.best_ring_seconds),
    }


def allreduce_rows(bounds: dict[str, Any] | None) -> list[Row]:
    """The rows of one model's times: schedule, formula, times."""
    if bounds is None:
        return []
    formula = "exact bound" if bounds["kind"] == "exact" else "cut bound"
    rows: list[Row] = [
        ("any all-reduce", formula, bounds["bound"]),
        ("any all-reduce, barrier", "lower bound", bounds["barrier_bound"]),
        ("any ring", "max(ring, C)", bounds["ring"]),
        ("any ring, barrier", "Cf + backward, ring", bounds["ring_with_barrier"]),
    ]
    if _better_order(bounds):
        rows.append(("any ring, best order", "max(ring, C)", bounds["best_ring"]))
    return rows


def allreduce_lines(described: dict[str, Any]) -> list[str]:
    """What all-reduce rows mean on this topology: it is the same for all models."""
    known = described["models"][0]["all_reduce"]
    if known is None:
        return []
    kind = (
        "exact bound: an algorithm is known that reaches it"
        if known["kind"] == "exact"
        else "cut bound: what must cross links, whether or not an algorithm reaches it"
    )
    lines = [
        "all-reduce, ring: between workers, without the parameter server of all else;",
        kind,
        f"ring: {_order(known['ring']['hosts'])}",
    ]
    if _better_order(known):
        share = known["ring"]["network_seconds"] / known["best_ring"]["network_seconds"]
        lines.append(
            f"best order of the ring, whose links are busy 1/{share:.3g} as long: "
            f"{_order(known['best_ring']['hosts'])}"
        )
    return lines


def _better_order(bounds: dict[str, Any]) -> bool:
    best, own = bounds["best_ring"]["network_seconds"], bounds["ring"]["network_seconds"]
    return bool(best < own * _SHORTER)


def _order(hosts: list[str]) -> str:
    if len(hosts) > _NAMED:
        hosts = [*hosts[: _NAMED - 2], "...", hosts[-1]]
    return f"{', '.join(hosts)}, and back to {hosts[0]}"
