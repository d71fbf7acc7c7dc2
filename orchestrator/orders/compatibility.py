"""Which orders go with which other choices of a schedule."""

from __future__ import annotations

from orchestrator.orders.order import Order
from workloads.schedule.library import Schedule


def incompatibility(schedule: Schedule, order: Order) -> str:
    """Why an order contradicts a schedule's other choices; empty if it does not."""
    name = repr(schedule.order)
    contradictions = (
        (
            order.enforced and not schedule.at_host,
            f"place: an order by {name} is enforced by hosts",
        ),
        (
            schedule.at_host and not order.enforced,
            f"place: hosts that order by {name} enforce nothing",
        ),
        (
            order.barrier is True and not schedule.barrier,
            f"order: {name} is one of pulls, which only a step barrier has",
        ),
        (
            order.barrier is False and schedule.barrier,
            f"order: {name} is one of pushes and answers; with a step barrier workers ask",
        ),
        (
            order.together and not schedule.bulk_synchronous,
            f"order: {name} lets pushes of all workers meet, and none has to",
        ),
        (
            order.together and schedule.flows is not None,
            f"order: {name} is one of all pushes together, and flows overtake each other",
        ),
    )
    return next((why for wrong, why in contradictions if wrong), "")
