"""Which orders go with which other choices of a schedule."""

from __future__ import annotations

from orchestrator.orders.order import Order
from workloads.schedule.schedule import Schedule


def incompatibility(schedule: Schedule, order: Order) -> str:
    """Why an order contradicts a schedule's other choices; empty if it does not."""
    name = repr(schedule.order)
    contradictions = (
        (
            order.enforced and not schedule.at_host,
            f"place: hosts enforce an order by {name}; say `place: host` or `both`",
        ),
        (
            schedule.at_host and not order.enforced,
            f"place: {name} is an order that hosts do not enforce; leave `place` out, or say"
            " `place: switch`",
        ),
        (
            order.barrier is True and not schedule.barrier,
            f"order: {name} is one of pulls, which only `synchronisation: step-barrier` has",
        ),
        (
            order.barrier is False and schedule.barrier,
            f"order: {name} is one of pushes and answers, so `synchronisation` cannot be a step"
            " barrier; say `per-tensor`, for example",
        ),
        (
            order.together and not schedule.bulk_synchronous,
            f"order: {name} is one of all workers' pushes together; say `synchronisation:"
            " per-tensor` or `per-slice`",
        ),
        (
            order.together and schedule.flows is not None,
            f"order: {name} is one of all workers' pushes together, but flows overtake each other;"
            " leave `flows` out",
        ),
    )
    return next((why for wrong, why in contradictions if wrong), "")
