"""Who does what on the tests' topologies: the host "ps" serves, and all others work."""

from __future__ import annotations

from orchestrator import spec
from orchestrator.spec import Placement, ServerExchange, Topology


def placement_on(topology: Topology) -> Placement:
    names = [host.name for host in topology.hosts]
    return Placement(("ps",), tuple(name for name in names if name != "ps"))


def exchange_of(topology: Topology) -> ServerExchange:
    return spec.exchange_of(topology, placement_on(topology))
