"""What limits the traffic of a topology whose workers all pull or push at full speed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from orchestrator.spec import Port, Topology, path


@dataclass(frozen=True)
class Bottleneck:
    """The ports that limit one direction together: none of them can be avoided, all can be full.

    Attributes:
        direction: "pull" (parameter server to workers) or "push".
        ports: one for the trunk of a rack, several for several racks or for the workers' own links.
    """

    direction: Literal["pull", "push"]
    ports: tuple[Port, ...]

    @property
    def rate_bps(self) -> int:
        """The real system's bits per second of all its ports together."""
        return sum(port.rate_bps for port in self.ports)


def bottleneck(topology: Topology, direction: Literal["pull", "push"]) -> Bottleneck:
    """The minimum cut between the parameter server and all workers, the nearest to the server."""
    server = topology.ps.name
    outwards = []
    for worker in topology.workers:
        if direction == "pull":
            outwards.append(path(topology, server, worker.name))
        else:
            outwards.append(path(topology, worker.name, server)[::-1])
    return Bottleneck(direction, _cut(outwards))


def _cut(outwards: Sequence[Sequence[Port]]) -> tuple[Port, ...]:
    """The minimum cut of a tree, given as the ways from its root to its leaves."""
    behind: dict[Port, list[Sequence[Port]]] = {}
    for first, *rest in outwards:
        behind.setdefault(first, []).append(rest)
    cut: list[Port] = []
    for first, rests in behind.items():
        # A way that ends here leads to a worker, which takes whatever comes.
        below = _cut(rests) if all(rests) else ()
        less = below and sum(port.rate_bps for port in below) < first.rate_bps
        cut.extend(below if less else (first,))
    return tuple(cut)


def window_bps(topology: Topology, window_bytes: int) -> float:
    """Payload bits per second of all workers together that windows of that size allow at most.

    One window per worker and round trip over the links' delays; infinite without delays.
    """
    total = 0.0
    for worker in topology.workers:
        way = (
            *path(topology, topology.ps.name, worker.name),
            *path(topology, worker.name, topology.ps.name),
        )
        round_trip = sum(port.delay_us for port in way) / 1e6
        total += window_bytes * 8 / round_trip if round_trip else math.inf
    return total
