"""The iteration time where gradients go through a server and round rings: splits and groups.

A link carries what goes one way and what goes the other, sums and parameters, and all fill up
together: they are simulated as one queue of all units each way (`pipeline`), as fast as the fullest
link lets them be. Hops of a ring beyond the first take between nothing, where others are on their
way meanwhile, and a unit's time on a link each: so there is a range. Of a ring alone, whose members
are all simulated (`rings`), the time is within it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from orchestrator.predict.bounds.lower import worker_devices
from orchestrator.predict.coding import way_bytes
from orchestrator.predict.network.loads import fullest, link_loads
from orchestrator.predict.simulation.pipeline import Work, work
from orchestrator.spec import Placement, members_of, sent_demands, too_few_servers
from workloads.library import HYBRID
from workloads.schedule.schedule import Schedule

if TYPE_CHECKING:
    from orchestrator.predict.case import Case


def work_of_ways(schedule: Schedule, case: Case) -> tuple[Work, Work] | str:
    """The work of an iteration at the least and at the most; or why it is not simulated.

    Args:
        schedule: bulk-synchronous, without a step barrier, exchanging in every iteration.
        case: what is trained, on what, as it is coded.
    """
    first, model = case.exchange, case.model
    placement = Placement(first.servers, first.workers)
    if missing := too_few_servers(placement, schedule):
        return missing
    devices = list(worker_devices(first, case.devices).values())
    if len({replace(device, name="") for device in devices}) > 1:
        return "the workers' devices differ, so they are not in step"
    demands = sent_demands(schedule, case.code, first.topology, placement, model)
    if any(map(demands.round_trip_us, demands)):
        return (
            "links have delays, and of ways round and through a server at once none are simulated"
        )
    loads = link_loads(demands, case.goodputs)
    full = fullest(loads) if loads else ()
    ends = {end for load in full for one in load.demands for end in (one.source, one.destination)}
    if full and not ends.issuperset(first.workers):
        return f"{full[0].port} is full with some workers only, so they are not in step"
    seconds = full[0].seconds if full else 0.0
    per_byte = (
        seconds / way_bytes(case.sent, model, "pull"),
        seconds / way_bytes(case.sent, model, "push"),
    )
    least = work(model, devices[0], case.batch, per_byte, schedule.slice_bytes, sent=case.sent)
    members = members_of(first.topology, placement, schedule)
    # Round a ring, up to the owner; in a group the server's way is one more.
    grouped = schedule.exchange == HYBRID
    hops = max(map(len, members.groups)) - 1 if grouped else len(members.ring) - 2
    unit = schedule.slice_bytes or model.bytes / len(model.tensors)
    waited = max(0, hops) * max((load.alone(1) for load in loads), default=0.0) * unit
    return least, replace(least, pull_delay=waited, push_delay=waited)
