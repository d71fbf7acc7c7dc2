"""What limits the traffic of a parameter server whose workers all pull or push at full speed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.spec import Port, ServerExchange, Way


@dataclass(frozen=True)
class Bottleneck:
    """The ports that limit one direction together: none of them can be avoided, all can be full.

    Attributes:
        direction: "pull" (parameter server to workers) or "push".
        ports: one for the trunk of a rack, several for several racks or for the workers' own links.
    """

    direction: Way
    ports: tuple[Port, ...]

    @property
    def rate_bps(self) -> int:
        """The real system's bits per second of all its ports together."""
        return sum(port.rate_bps for port in self.ports)


def bottleneck(exchange: ServerExchange, direction: Way) -> Bottleneck:
    """The minimum cut between the parameter server and all workers, the nearest to the server."""
    return Bottleneck(direction, _cut(_outwards(exchange, direction)))


def is_shared(exchange: ServerExchange, direction: Way) -> bool:
    """Whether a link that all workers share limits them, and not what lies between it and them."""
    outwards = _outwards(exchange, direction)
    common = [ports[0] for ports in zip(*outwards, strict=False) if len(set(ports)) == 1]
    own = [ports[len(common) :] for ports in outwards]
    if not all(own):  # a single worker shares all of its way with itself
        return True
    least = min((port.rate_bps for port in common), default=math.inf)
    return least < sum(port.rate_bps for port in _cut(own))


def _outwards(exchange: ServerExchange, direction: Way) -> list[Sequence[Port]]:
    """Every worker's way, from the parameter server's end."""
    paths = [exchange.demands.paths[demand] for demand in exchange.those(direction)]
    return [way if direction == "pull" else way[::-1] for way in paths]


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


def first_worker_bps(exchange: ServerExchange, direction: Way) -> int | None:
    """Bits per second of the real system that strict priority owes the first worker at least.

    All of every contended switch port, however many others want it; at ports that know no classes
    its equal part. None where no port on its way is contended: there priority changes nothing.
    """
    demands = exchange.demands
    contended = demands.contended()
    crossed = demands.paths[exchange.demand(direction, exchange.workers[0])]
    if not set(crossed) & set(contended):
        return None
    return min(
        port.rate_bps if port in contended else port.rate_bps // len(demands.through(port))
        for port in crossed
    )
