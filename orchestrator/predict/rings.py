"""The iteration time that is expected of workers in a ring: what is simulated of a schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.orders import Order, OrderError, ranks_of, setting_of
from orchestrator.predict.barrier import computations
from orchestrator.predict.loads import fullest, link_loads
from orchestrator.predict.ring_pipeline import RingMember, RingUnit, ring_seconds
from orchestrator.spec import Demands
from workloads.exchange.demand import ring_demands
from workloads.schedule.library import Schedule
from workloads.schedule.owners import owners
from workloads.schedule.units import Layout

if TYPE_CHECKING:
    from orchestrator.predict.expected import Case

_SEED = 1


def ring_expected(schedule: Schedule, case: Case, order: Order) -> float | str:
    """Seconds of an iteration; in a line why there is no prediction.

    Where several hops of the ring cross a link, each has an equal part of it.
    """
    members = case.exchange.workers
    demands = Demands(case.exchange.topology, ring_demands(members, case.model.bytes))
    loads = {load.port: load for load in link_loads(demands, case.goodputs)}
    computed = computations(case.exchange, case.model, case.devices, case.batch)
    layout = Layout(case.model, 1, 1, schedule.slice_bytes)
    setting = setting_of(
        case.model,
        layout,
        stretch=1,
        workers=computed,
        seconds_per_byte=fullest(loads.values())[0].seconds / case.model.bytes if loads else 0.0,
        shared=False,
        barrier=schedule.barrier,
        seed=_SEED,
        repeat=0,
    )
    try:
        ranks = ranks_of(order, schedule, setting, 1).pushes
    except OrderError as error:
        return str(error)
    if len(set(ranks)) > 1:
        return "members that send in different orders are not simulated"
    per_byte, delays = [0.0] * len(members), [0.0] * len(members)
    for place, demand in enumerate(demands):
        crossed = demands.paths[demand]
        shared = (len(demands.through(port)) * loads[port].alone(1) for port in crossed)
        per_byte[place] = max(shared)
        delays[place] = sum(port.delay_us for port in crossed) / 1e6
    owner = owners(layout, len(members))
    return ring_seconds(
        [
            RingMember(one.forward_seconds, one.backward_seconds, seconds, delay)
            for one, seconds, delay in zip(computed, per_byte, delays, strict=True)
        ],
        [
            RingUnit(unit.layer, unit.bytes, rank, owner[unit.number])
            for unit, rank in zip(setting.units, ranks[0], strict=True)
        ],
        barrier=schedule.barrier,
    )
