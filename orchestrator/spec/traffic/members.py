"""Who takes part in a schedule's exchange on a topology, and how near they are (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise

from orchestrator.spec.placement import Placement
from orchestrator.spec.topology import Topology
from orchestrator.spec.traffic.cuts import cut_tree, hosts_in_turn
from orchestrator.spec.traffic.demands import Demand, Demands
from orchestrator.spec.traffic.split import split
from workloads.exchange.demand import ring_demands, server_demands
from workloads.library import EXCHANGES, HYBRID, PARAMETER_SERVER, SPLIT
from workloads.schedule.members import Members
from workloads.schedule.schedule import Groups, Schedule
from workloads.schedule.ways import RING, SERVER

_REMEMBERED = 64  # topologies, or schedules on them: a sweep has a few dozen
_PRECISION = 1e-9


@lru_cache(maxsize=_REMEMBERED)
def members_of(topology: Topology, placement: Placement, schedule: Schedule) -> Members:
    """All that take part, with a ring of the workers and groups of them that the topology suggests.

    A group is what is behind one switch, unless the schedule says otherwise. Of the placed servers
    a schedule of ours uses the first one, or as many as it says; a user-defined exchange chooses
    for itself.

    Raises:
        ValueError: there is no path between two workers, or there are too few servers.
    """
    servers = placement.servers
    if schedule.exchange in EXCHANGES:
        if missing := too_few_servers(placement, schedule):
            raise ValueError(missing)
        servers = servers[: schedule.servers or 1]
    ring = ring_order(topology, placement.workers)
    groups = _groups(topology, placement.workers, schedule.groups or "racks")
    return Members(
        servers,
        placement.workers,
        ring=ring,
        groups=tuple(ring_order(topology, group) for group in groups),
        shares=_shares(topology, servers, placement.workers, ring)
        if schedule.exchange == SPLIT
        else {},
        schedule=schedule,
    )


def _shares(
    topology: Topology, servers: Sequence[str], workers: Sequence[str], ring: Sequence[str]
) -> Mapping[str, float]:
    """How much of a model is to go through the server, if there is one, and round the ring."""
    if not servers:
        return {SERVER: 0.0, RING: 1.0}
    # Of 1 GB, so that rounding does not matter.
    through = server_demands(dict.fromkeys(servers, 10**9), workers)
    ways = {
        SERVER: Demands(topology, through),
        RING: Demands(topology, ring_demands(ring, 10**9)),
    }
    return split(ways, 10**9).shares


def too_few_servers(placement: Placement, schedule: Schedule) -> str:
    """Why a placement has too few parameter servers for a schedule; empty: it has enough."""
    asked, placed = _servers(schedule), len(placement.servers)
    if asked <= placed:
        return ""
    if not placed:
        return f"schedule {schedule.name} sends to a parameter server, and none is placed"
    there = "one parameter server is" if placed == 1 else f"{placed} parameter servers are"
    return f"schedule {schedule.name} shares the model between {asked} servers, and {there} placed"


def _servers(schedule: Schedule) -> int:
    """How many parameter servers a schedule of ours needs at least."""
    if schedule.exchange == PARAMETER_SERVER:
        return schedule.servers or 1
    return int(schedule.exchange == HYBRID)


def ring_order(topology: Topology, hosts: Sequence[str]) -> tuple[str, ...]:
    """The hosts in the order of the fastest ring: their own, if no other is faster.

    The other one is that of a walk round the tree, which passes every link once each way. By the
    links' rates alone; where links form loops, a still faster one may be there.

    Raises:
        ValueError: no hosts, one comes twice, or there is no path between two of them.
    """
    own, walk = tuple(hosts), tuple(hosts_in_turn(cut_tree(topology, hosts)))
    return own if _busiest(topology, own) <= _busiest(topology, walk) * (1 + _PRECISION) else walk


def ring_ways(topology: Topology, hosts: Sequence[str], size: int = 0) -> Demands:
    """Every host's demand of so many bytes to the next one, the last one's to the first.

    Raises:
        ValueError: no hosts, one comes twice, or there is no path between two of them.
    """
    if not hosts or len(set(hosts)) < len(hosts):
        raise ValueError("a ring needs hosts, each of them once")
    ends = pairwise((*hosts, hosts[0])) if len(hosts) > 1 else ()
    return Demands(topology, tuple(Demand(one, other, size) for one, other in ends))


def _busiest(topology: Topology, hosts: Sequence[str]) -> float:
    """Seconds in which the fullest link carries a bit of every host to the next one."""
    ways = ring_ways(topology, hosts)
    return max((len(ways.through(port)) / port.rate_bps for port in ways.crossed), default=0.0)


def _groups(topology: Topology, workers: Sequence[str], kind: Groups) -> list[Sequence[str]]:
    """The workers behind one switch each, or so many consecutive ones."""
    if isinstance(kind, int):
        return [workers[first : first + kind] for first in range(0, len(workers), kind)]
    racks: dict[str, list[str]] = {}
    for worker in workers:
        racks.setdefault(_rack(topology, worker), []).append(worker)
    return list(racks.values())


def _rack(topology: Topology, host: str) -> str:
    """What a host's only link leads to."""
    for link in topology.links:
        if host in link.endpoints:
            return next(end for end in link.endpoints if end != host)
    return host
