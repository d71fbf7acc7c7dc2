"""Which orders go with which other choices of a schedule."""

from __future__ import annotations

from orchestrator.orders.order import Order
from workloads.schedules import Schedule


def misfit(schedule: Schedule, order: Order) -> str:
    """Why an order contradicts a schedule's other choices; empty if it does not."""
    name = repr(schedule.order)
    if order.enforced and not schedule.at_host:
        return f"place: an order by {name} is enforced by hosts"
    if schedule.at_host and not order.enforced:
        return f"place: hosts that order by {name} enforce nothing"
    if order.barrier and not schedule.barrier:
        return f"order: {name} is one of pulls, which only a step barrier has"
    if order.barrier is False and schedule.barrier:
        return f"order: {name} is one of pushes and answers; with a step barrier workers ask"
    if order.together and not schedule.bulk_synchronous:
        return f"order: {name} lets pushes of all workers meet, and none has to"
    return ""
