"""An all-reduce round a ring: reduce-scatter, then all-gather, each in n - 1 steps.

Every host sends 2(n - 1)/n of its bytes to the next one (Patarasuk and Yuan 2009). What steps wait
for each other, and delays, are left out: chunks are taken for fine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from orchestrator.predict.network.loads import Goodputs, link_loads
from orchestrator.spec import Demands, Topology, ring_ways


@dataclass(frozen=True)
class Ring:
    """What it takes in an order of hosts.

    Attributes:
        hosts: each sends to the next one, the last to the first.
        seconds: in which the fullest link is busy; 0 with one host.
        ports: the ends of those links, `node->peer`.
    """

    hosts: tuple[str, ...]
    seconds: float
    ports: tuple[str, ...]

    def times(self, factor: float) -> Ring:
        """The same for that many times the bytes."""
        return replace(self, seconds=self.seconds * factor)


def ring_demands(topology: Topology, hosts: Sequence[str], size: int) -> Demands:
    """What hosts in a ring send to each other to add up `size` bytes of each.

    Raises:
        ValueError: no hosts, one comes twice, or there is no path between two of them.
    """
    return ring_ways(topology, hosts, round(_rounds(len(hosts)) * size) if hosts else 0)


def ring(
    topology: Topology, hosts: Sequence[str], size: int, goodputs: Goodputs | None = None
) -> Ring:
    """The time of an all-reduce of `size` bytes round a ring.

    Args:
        topology: the network.
        hosts: in the order of the ring.
        size: of what each of them has, in bytes.
        goodputs: measured payload of ports in bit/s; others carry 1448/1514 of their rate.

    Raises:
        ValueError: as above.
    """
    # Of whole sizes, so that nothing is rounded where bounds are compared.
    loads = link_loads(ring_demands(topology, hosts, 0), goodputs)
    if not loads:
        return Ring(tuple(hosts), 0.0, ())
    per_ring = {load: len(load.demands) * load.alone(size) for load in loads}
    longest = max(per_ring.values())
    return Ring(
        tuple(hosts),
        _rounds(len(hosts)) * longest,
        tuple(str(load.port) for load, busy in per_ring.items() if busy >= longest * (1 - 1e-9)),
    )


def _rounds(hosts: int) -> float:
    """How many times its bytes a host sends."""
    return 2 * (hosts - 1) / hosts
