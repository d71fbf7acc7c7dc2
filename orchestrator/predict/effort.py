"""How long the simulation of a schedule takes, estimated before it runs."""

from __future__ import annotations

from orchestrator.orders import Order
from orchestrator.predict.expected import iterations_simulated
from orchestrator.predict.simulation.apart import ROUNDS
from orchestrator.predict.simulation.ring import ITERATIONS
from orchestrator.spec import ServerExchange
from orchestrator.spec.checks.sizes import unit_count
from workloads.library import RING
from workloads.models.profiles import Model
from workloads.schedule.schedule import Schedule

MAX_STEPS = 50_000_000
"""Of `bound` in all. A step takes some 4 us: with 3 to 1000 workers, and with 140,000 units."""


def effort(schedule: Schedule, order: Order, exchange: ServerExchange, model: Model) -> int:
    """Steps of a schedule's simulation, by measurements of all kinds of it."""
    if schedule.exchange == RING:
        hops = 2 * (len(exchange.workers) - 1)
        return 2 * hops * _units(schedule, model) * ITERATIONS
    if schedule.barrier:
        workers = len(exchange.workers)
        # Each end of a transfer changes the shares of all.
        transfers = 2 * workers * len(model.tensors)
        return transfers * (16 + workers) // 16 * iterations_simulated(order, workers)
    alone = 1 if schedule.bulk_synchronous else ROUNDS * len(exchange.workers)
    return 4 * _units(schedule, model) * alone


def _units(schedule: Schedule, model: Model) -> int:
    if schedule.slice_bytes is None:
        return len(model.tensors)
    return unit_count(model, schedule.slice_bytes)
