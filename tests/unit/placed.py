"""Who does what on the tests' topologies: hosts named after "ps" serve, and all others work."""

from __future__ import annotations

from orchestrator import spec
from orchestrator.spec import Placement, ServerExchange, Topology


def placement_on(topology: Topology) -> Placement:
    names = [host.name for host in topology.hosts]
    servers = tuple(name for name in names if name.startswith("ps"))
    return Placement(servers, tuple(name for name in names if name not in servers))


def exchange_of(topology: Topology) -> ServerExchange:
    return spec.exchange_of(topology, placement_on(topology))
