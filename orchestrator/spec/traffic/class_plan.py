"""Which class every flow has, as the DSCP field of its packets.

The DSCP field is six bits of every IP packet. Zero is the class of all data that nobody has put
into another; a lower number is served first. Where switches order by worker, worker number n (from
0) has class n + 1, and the first switch of its path writes it. Where they order by layer, a worker
has several flows (TCP connections), flow number n of every worker has class n + 1, and
the hosts, who alone know the flows apart, write it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.spec.switch_kinds import LINUX_BRIDGE, OPENFLOW_KINDS
from orchestrator.spec.topology import Topology
from orchestrator.spec.traffic.graph import Flow, closing_link, flows
from workloads.schedule.library import Schedule

DATA_DSCP = 0
MAX_DSCP = 63


@dataclass(frozen=True)
class ClassPlan:
    """The class of every flow.

    Attributes:
        dscp: by flow; a flow that is not in it has `DATA_DSCP`.
        by_hosts: the hosts mark their packets, and switches leave that as it is.
    """

    dscp: Mapping[Flow, int] = field(default_factory=dict)
    by_hosts: bool = False

    def of(self, flow: Flow) -> int | None:
        """The DSCP that a switch writes into a flow's packets; None: what is there stays."""
        return None if self.by_hosts else self.dscp.get(flow, DATA_DSCP)


def worker_dscp(topology: Topology, worker: str) -> int:
    """The DSCP of a worker: 1 for the first of the file."""
    return 1 + [host.name for host in topology.workers].index(worker)


def flow_dscp(schedule: Schedule) -> tuple[int, ...]:
    """The DSCP with which hosts mark each of a worker's flows, the most urgent first."""
    if schedule.flows is None:
        return (DATA_DSCP,)
    return tuple(1 + number for number in range(schedule.flows))


def class_plan(topology: Topology, *, by_worker: bool) -> ClassPlan:
    """One class per worker in the workers' order, or all data in one class."""
    if not by_worker:
        return ClassPlan()
    return ClassPlan({flow: worker_dscp(topology, flow.worker) for flow in flows(topology)})


def unfit(topology: Topology, kind: str) -> str:
    """Why a kind of switch cannot carry a topology; empty if it can."""
    closing = closing_link(topology)
    if kind == LINUX_BRIDGE and closing is not None:
        return (
            f"{kind} cannot carry a loop, and the link {' - '.join(closing.endpoints)} closes one"
        )
    if kind in OPENFLOW_KINDS and len(topology.workers) > MAX_DSCP:
        return (
            f"{kind} knows {MAX_DSCP} workers apart, one DSCP value each, "
            f"and {topology.name} has {len(topology.workers)}"
        )
    return ""
