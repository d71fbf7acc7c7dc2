"""The iteration time that is expected of workers in a ring: what is simulated of a schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.orders import Order, OrderError, computation, ranks_of, setting_of
from orchestrator.predict.bounds.lower import worker_devices
from orchestrator.predict.coding import by_tensor, way_bytes
from orchestrator.predict.network.loads import fullest, link_loads
from orchestrator.predict.simulation.ring import RingMember, RingUnit, ring_seconds
from orchestrator.spec import WAYS, Demands, ring_order
from workloads.exchange.buckets import fused
from workloads.exchange.demand import ring_demands
from workloads.schedule.members import Members
from workloads.schedule.owners import layout_of, owners
from workloads.schedule.schedule import Schedule
from workloads.schedule.units import Layout

if TYPE_CHECKING:
    from orchestrator.predict.case import Case

_SEED = 1


def ring_expected(schedule: Schedule, case: Case, order: Order) -> float | str:
    """Seconds of an iteration; in a line why there is no prediction.

    Where several hops of the ring cross a link, each has an equal part of it. Units have the bytes
    that codecs make of their tensors; a device codes each once, as the product plans it.
    """
    if schedule.window_bytes is not None:
        return "buckets that go one after another are not simulated"
    topology, workers = case.exchange.topology, case.exchange.workers
    members = Members((), workers, ring=ring_order(topology, workers), schedule=schedule)
    pulled, pushed = (way_bytes(case.sent, case.model, way) for way in WAYS)
    demands = Demands(topology, ring_demands(members.ring, -(-(pulled + pushed) // 2)))
    loads = {load.port: load for load in link_loads(demands, case.goodputs)}
    devices = worker_devices(case.exchange, case.devices)
    computed = [computation(case.model, devices[name], case.batch) for name in members.ring]
    layout = layout_of(case.model, members)
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
    per_byte, delays = [0.0] * len(computed), [0.0] * len(computed)
    for place, demand in enumerate(demands):
        crossed = demands.paths[demand]
        shared = (len(demands.through(port)) * loads[port].alone(1) for port in crossed)
        per_byte[place] = max(shared)
        delays[place] = sum(port.delay_us for port in crossed) / 1e6
    owner = owners(layout, len(computed))
    pulls, pushes = by_tensor(case, schedule.slice_bytes)
    whole = [tensor.bytes for tensor in case.model.tensors]
    leaves = _leaving(schedule, layout)
    return ring_seconds(
        [
            RingMember(one.forward_seconds, one.backward_seconds, seconds, delay)
            for one, seconds, delay in zip(computed, per_byte, delays, strict=True)
        ],
        [
            RingUnit(
                unit.layer,
                unit.bytes * pulls[unit.tensor] / whole[unit.tensor],
                rank,
                owner[unit.number],
                leaves.get(unit.number),
                unit.bytes * pushes[unit.tensor] / whole[unit.tensor],
            )
            for unit, rank in zip(setting.units, ranks[0], strict=True)
        ],
        barrier=schedule.barrier,
    )


def _leaving(schedule: Schedule, layout: Layout) -> dict[int, int]:
    """Of units that are fused: the layer with whose backward pass their bucket is complete."""
    if schedule.bucket_bytes is None:
        return {}
    return {
        unit.number: min(layout.tensor_layers[one.tensor] for one in units)
        for units in fused(layout, schedule.bucket_bytes)
        for unit in units
    }
