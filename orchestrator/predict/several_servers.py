"""The iteration time where several parameter servers share the model, without a step barrier.

Each server has its own queues, which fill together: they are simulated as one of all units
(`pipeline`), as fast as the fullest link lets them be. So u becomes that link's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from orchestrator.predict.bounds.lower import worker_devices
from orchestrator.predict.network.loads import LinkLoad, fullest, link_loads
from orchestrator.predict.network.windows import capped, delays_seconds
from orchestrator.predict.simulation.pipeline import Work, work
from orchestrator.spec import WAYS, Demands, Placement, Way, members_of, too_few_servers
from workloads.exchange.demand import server_demands
from workloads.schedule.owners import server_shares
from workloads.schedule.schedule import Schedule

if TYPE_CHECKING:
    from orchestrator.predict.case import Case


def work_of_servers(schedule: Schedule, case: Case) -> Work | str:
    """The work of an iteration, or why it is not simulated.

    Args:
        schedule: bulk-synchronous, without a step barrier.
        case: what is trained, on what.
    """
    first, model = case.exchange, case.model
    placement = Placement(first.servers, first.workers)
    if missing := too_few_servers(placement, schedule):
        return missing
    members = members_of(first.topology, placement, schedule)
    devices = list(worker_devices(first, case.devices).values())
    if len({replace(device, name="") for device in devices}) > 1:
        return "the workers' devices differ, so they are not in step"
    delays = {
        delays_seconds(replace(first, server=server, others=()), worker)
        for server in members.servers
        for worker in members.workers
    }
    if len(delays) > 1:
        return "the workers' delays differ, so they are not in step"
    demands = Demands(first.topology, server_demands(server_shares(members, model), first.workers))
    carried = capped(demands, case.buffers, case.scale, case.goodputs, least=case.least)
    loads = link_loads(demands, carried)
    per_byte = []
    for way in WAYS:
        full = fullest(load for load in loads if _carries(load, members.servers, way))
        ends = {
            end for load in full for one in load.demands for end in (one.source, one.destination)
        }
        if not ends.issuperset(first.workers):
            return f"{full[0].port} is full with some workers only, so they are not in step"
        per_byte.append(full[0].seconds / model.bytes)
    pull, push = per_byte
    made = work(model, devices[0], case.batch, (pull, push), schedule.slice_bytes, sent=case.sent)
    ((down, up),) = delays
    return replace(made, pull_delay=down, push_delay=up)


def _carries(load: LinkLoad, servers: Iterable[str], way: Way) -> bool:
    """Whether a link carries pulls, or pushes."""
    return any((demand.source in servers) == (way == "pull") for demand in load.demands)
