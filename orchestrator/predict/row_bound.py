"""The bound of a row: the most imgs/sec that its schedule allows, and the kind of bound.

One server that sends and receives whole models has the bound of that. Where others exchange, it is
the bound of any aggregation between the hosts that take part, so that rings, splits and groups are
compared with what nothing passes. What is coded, of a user's exchange, or averaged through a server
has the bound of the bytes that are sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from orchestrator.predict.allreduce import aggregation_bound
from orchestrator.predict.bounds.iteration import compute_seconds
from orchestrator.predict.bounds.lower import worker_devices
from orchestrator.predict.bounds.paces import lead_of, own_paces
from orchestrator.predict.case import Case
from orchestrator.predict.demand_bound import demand_bound
from orchestrator.spec import Demands, Placement, sent_demands
from workloads.library import EXCHANGES, HYBRID
from workloads.schedule.schedule import Schedule

BoundOf = Literal["whole models", "any aggregation", "what is sent"]


@dataclass(frozen=True)
class RowBound:
    """What no run of a schedule is above.

    Attributes:
        of: what has this bound.
        imgs_per_sec: of all workers together, in the real system.
    """

    of: BoundOf
    imgs_per_sec: float


def bound_of(schedule: Schedule) -> BoundOf:
    """What kind of bound a schedule has."""
    if schedule.sends_model:
        return "whole models"
    if schedule.coded or schedule.one_server or schedule.exchange not in EXCHANGES:
        return "what is sent"
    return "any aggregation"


def has_own_paces(schedule: Schedule) -> bool:
    """Whether groups of workers run at their own paces: no bound of their sum is known."""
    return schedule.exchange == HYBRID and not schedule.bulk_synchronous


def row_bound(
    schedule: Schedule, case: Case, demands: Demands | None = None, lead: float | None = None
) -> RowBound | None:
    """The bound of a schedule; None: what it sends is not known.

    Args:
        schedule: any.
        case: what is trained, on what.
        demands: the schedule's, as they were; None: as it demands them.
        lead: how many iterations a worker can do for one of the slowest worker's; None: in the
            long run.

    Raises:
        KeyError: a worker's device is not in the case's devices.
        PluginError: what is user-defined raises or answers nonsense.
    """
    of = bound_of(schedule)
    if of == "whole models":
        if lead is None:
            lead = lead_of(schedule.bulk_synchronous, schedule.staleness)
        if lead <= 1:
            return RowBound(of, case.bound.imgs_per_sec(case.bound.seconds))
        most = own_paces(
            case.exchange, case.model, case.devices, case.batch, case.carried, lead=lead
        )
        return RowBound(of, most)
    demands = demands or _demands(schedule, case)
    if demands is None or not demands.declared or has_own_paces(schedule):
        return None
    if of == "what is sent":
        return RowBound(of, demand_bound(demands, case.coding(schedule)).imgs_per_sec)
    seconds = max(
        aggregation_seconds(case, demands) / (schedule.every or 1),
        *(
            compute_seconds(case.model, device, case.batch)
            for device in worker_devices(case.exchange, case.devices).values()
        ),
    )
    return RowBound(of, case.bound.imgs_per_sec(seconds))


def most_of(schedules: Iterable[Schedule], case: Case) -> float:
    """The highest bound of these schedules in imgs/sec, as far as their bounds are known."""
    bounds = (row_bound(one, case) for one in schedules)
    whole = case.bound.imgs_per_sec(case.bound.seconds)
    return max((one.imgs_per_sec for one in bounds if one is not None), default=whole)


def aggregation_seconds(case: Case, demands: Demands) -> float:
    """Seconds of any aggregation of the model between the hosts that demands are of."""
    ends = dict.fromkeys(end for one in demands for end in (one.source, one.destination))
    workers = case.exchange.workers
    helpers = [host for host in ends if host not in workers]
    topology = case.exchange.topology
    return aggregation_bound(topology, workers, helpers, case.model.bytes, case.goodputs).seconds


def _demands(schedule: Schedule, case: Case) -> Demands | None:
    if schedule.exchange not in EXCHANGES and schedule.exchange not in case.code.exchanges:
        return None
    first = case.exchange
    placement = Placement(first.servers, first.workers)
    try:
        return sent_demands(schedule, case.code, first.topology, placement, case.model)
    except ValueError:  # its servers are not placed
        return None
