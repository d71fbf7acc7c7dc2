"""Which DSCP the packets of every class of traffic have.

The DSCP field is six bits of every IP packet. Zero is the class of all data that nobody has put
into another; a lower number is served first. Where switches order by class, class number n (from 0)
has DSCP n + 1, and the first switch on a demand's path writes it: a parameter server's workers have
a class each. Where they order by layer, each worker has several flows (TCP connections),
flow number n of every worker has DSCP n + 1, and the hosts, who alone know the flows apart, write
it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.spec.traffic.demands import Demand, Demands
from orchestrator.spec.traffic.graph import closing_link
from orchestrator.spec.values.switch_kinds import LINUX_BRIDGE, OPENFLOW_KINDS
from workloads.schedule.schedule import Schedule

DATA_DSCP = 0
MAX_DSCP = 63


@dataclass(frozen=True)
class ClassPlan:
    """The DSCP of every class of traffic.

    Attributes:
        dscp: by class; one that is not in it has `DATA_DSCP`.
        by_hosts: the hosts mark their packets, and switches leave that as it is.
    """

    dscp: Mapping[str, int] = field(default_factory=dict)
    by_hosts: bool = False

    def of(self, demand: Demand) -> int | None:
        """The DSCP that a switch writes into a demand's packets; None: what is there stays."""
        return None if self.by_hosts else self.dscp.get(demand.traffic_class, DATA_DSCP)


def flow_dscp(schedule: Schedule) -> tuple[int, ...]:
    """The DSCP with which hosts mark each of a worker's flows, the most urgent first."""
    if schedule.flows is None:
        return (DATA_DSCP,)
    return tuple(1 + number for number in range(schedule.flows))


def class_plan(demands: Demands, *, by_class: bool) -> ClassPlan:
    """A DSCP for each class in the order of the demands, or all data in one class."""
    if not by_class:
        return ClassPlan()
    return ClassPlan({name: dscp for dscp, name in enumerate(demands.classes, start=1)})


def unfit(demands: Demands, kind: str) -> str:
    """Why a kind of switch cannot carry demands on their topology; empty if it can."""
    closing = closing_link(demands.topology)
    if kind == LINUX_BRIDGE and closing is not None:
        return (
            f"{kind} cannot carry a loop, and the link {' - '.join(closing.endpoints)} closes one"
        )
    if kind in OPENFLOW_KINDS and len(demands.classes) > MAX_DSCP:
        return (
            f"{kind} knows {MAX_DSCP} workers apart, one DSCP value each, "
            f"and {demands.topology.name} has {len(demands.classes)}"
        )
    return ""
