"""Ports and paths: the topology as a graph. Pure arithmetic."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from orchestrator.spec.topology import Direction, Link, Topology

_REMEMBERED = 64  # topologies: a sweep has a few dozen


@dataclass(frozen=True)
class Port:
    """One sending end of a link: it has a queue, and a schedule can act there.

    Attributes:
        node: the node that sends.
        peer: the node at the other end.
        rate_bps: bits per second in this direction.
        delay_us: one-way delay in microseconds.
        queue_bytes: limit of the queue.
    """

    node: str
    peer: str
    rate_bps: int
    delay_us: int
    queue_bytes: int

    def __str__(self) -> str:
        return f"{self.node}->{self.peer}"


@lru_cache(maxsize=_REMEMBERED)
def ports(topology: Topology) -> tuple[Port, ...]:
    """Both ends of each link, in the order of the file: first endpoint, then second."""
    both_ends: list[Port] = []
    for link in topology.links:
        first, second = link.endpoints
        both_ends.append(_port(first, second, link.forward))
        both_ends.append(_port(second, first, link.reverse))
    return tuple(both_ends)


def path(topology: Topology, src: str, dst: str) -> tuple[Port, ...]:
    """The ports that a packet crosses from one node to another: a shortest path, counted in links.

    Of several shortest paths it is always the same one, by the order of nodes and links in the
    file, and the way back is the same one in reverse.

    Raises:
        ValueError: there is no path.
    """
    order = _order(topology)
    if src in order and dst in order and order[dst] < order[src]:
        back = _back(topology)
        return tuple(back[port] for port in reversed(path(topology, dst, src)))
    crossed = _tree(topology, src).get(dst)
    if crossed is None:
        raise ValueError(f"no path from {src!r} to {dst!r}")
    return crossed


@lru_cache(maxsize=_REMEMBERED)
def _order(topology: Topology) -> Mapping[str, int]:
    names = [*(host.name for host in topology.hosts), *topology.switches]
    return {name: number for number, name in enumerate(names)}


@lru_cache(maxsize=_REMEMBERED)
def _back(topology: Topology) -> Mapping[Port, Port]:
    """Of every port the one at the other end of its link."""
    ends = {(port.node, port.peer): port for port in ports(topology)}
    return {port: ends[port.peer, port.node] for port in ports(topology)}


@lru_cache(maxsize=_REMEMBERED)
def _outgoing(topology: Topology) -> Mapping[str, tuple[Port, ...]]:
    outgoing: dict[str, tuple[Port, ...]] = {}
    for port in ports(topology):
        outgoing[port.node] = (*outgoing.get(port.node, ()), port)
    return outgoing


@lru_cache(maxsize=1024)
def _tree(topology: Topology, src: str) -> Mapping[str, tuple[Port, ...]]:
    """The shortest paths from a node to all that it reaches, breadth first; none without a link."""
    outgoing = _outgoing(topology)
    if src not in outgoing:
        return {}
    arrived: dict[str, tuple[Port, ...]] = {src: ()}
    waiting = deque([src])
    while waiting:
        node = waiting.popleft()
        for port in outgoing[node]:
            if port.peer not in arrived:
                arrived[port.peer] = (*arrived[node], port)
                waiting.append(port.peer)
    return arrived


def closing_link(topology: Topology) -> Link | None:
    """The first link of the file that closes a loop; None if the links are a tree."""
    trees: dict[str, str] = {}

    def root(node: str) -> str:
        while node in trees:
            node = trees[node]
        return node

    for link in topology.links:
        first, second = (root(end) for end in link.endpoints)
        if first == second:
            return link
        trees[first] = second
    return None


def _port(node: str, peer: str, direction: Direction) -> Port:
    return Port(node, peer, direction.rate_bps, direction.delay_us, direction.queue_bytes)
