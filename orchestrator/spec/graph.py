"""Who sends over which port: the topology as a graph. Pure arithmetic."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from orchestrator.spec.topology import Direction, Link, Topology


@dataclass(frozen=True)
class Port:
    """One sending end of a link: where a queue stands and a schedule can act.

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


@dataclass(frozen=True)
class Flow:
    """The training traffic of one worker in one direction.

    Attributes:
        worker: the worker's name.
        direction: "pull" (parameter server to worker) or "push" (worker to parameter server).
    """

    worker: str
    direction: Literal["pull", "push"]

    def __str__(self) -> str:
        return f"{self.direction} of {self.worker}"


def ports(topology: Topology) -> tuple[Port, ...]:
    """Both ends of each link, in the order of the file: first endpoint, then second."""
    found: list[Port] = []
    for link in topology.links:
        first, second = link.endpoints
        found.append(_port(first, second, link.forward))
        found.append(_port(second, first, link.reverse))
    return tuple(found)


def path(topology: Topology, src: str, dst: str) -> tuple[Port, ...]:
    """The ports that a packet crosses from one node to another: a shortest path, counted in links.

    Of several shortest paths it is always the same one, by the order of nodes and links in the
    file, and the way back is the same one in reverse.

    Raises:
        ValueError: there is no path.
    """
    order = [*(host.name for host in topology.hosts), *topology.switches]
    if src in order and dst in order and order.index(dst) < order.index(src):
        there = {(port.node, port.peer): port for port in ports(topology)}
        return tuple(there[p.peer, p.node] for p in reversed(_search(topology, dst, src)))
    return _search(topology, src, dst)


def _search(topology: Topology, src: str, dst: str) -> tuple[Port, ...]:
    outgoing: dict[str, list[Port]] = {}
    for port in ports(topology):
        outgoing.setdefault(port.node, []).append(port)
    arrived: dict[str, tuple[Port, ...]] = {src: ()}
    waiting = deque([src])
    while waiting and dst not in arrived:
        node = waiting.popleft()
        for port in outgoing.get(node, []):
            if port.peer not in arrived:
                arrived[port.peer] = (*arrived[node], port)
                waiting.append(port.peer)
    if dst not in arrived or src not in outgoing:
        raise ValueError(f"no path from {src!r} to {dst!r}")
    return arrived[dst]


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


def flows(topology: Topology) -> tuple[Flow, ...]:
    """All flows: each worker's pull, then each worker's push, in the order of the workers."""
    pulls = [Flow(worker.name, "pull") for worker in topology.workers]
    pushes = [Flow(worker.name, "push") for worker in topology.workers]
    return (*pulls, *pushes)


def flow_path(topology: Topology, flow: Flow) -> tuple[Port, ...]:
    """The ports that a flow crosses."""
    ends = (topology.ps.name, flow.worker)
    src, dst = ends if flow.direction == "pull" else ends[::-1]
    return path(topology, src, dst)


def flows_through(topology: Topology, port: Port) -> tuple[Flow, ...]:
    """The flows that cross a port, in the order of `flows`."""
    return tuple(flow for flow in flows(topology) if port in flow_path(topology, flow))


def contended_switch_ports(topology: Topology, least_workers: int = 2) -> tuple[Port, ...]:
    """The switch ports at which flows compete, so that priority there can matter.

    A port counts if flows of so many workers cross it and the links that they come in by can
    together bring more than it can send. In the published topology these are the two ends of the
    trunk. Where a worker has several flows, those of one compete, too.
    """
    ingress: dict[Port, dict[Port, None]] = {}
    workers: dict[Port, set[str]] = {}
    for flow in flows(topology):
        crossed = flow_path(topology, flow)
        for before, port in pairwise(crossed):
            ingress.setdefault(port, {})[before] = None
            workers.setdefault(port, set()).add(flow.worker)
    return tuple(
        port
        for port in ports(topology)
        if len(workers.get(port, ())) >= least_workers
        and port.rate_bps < sum(before.rate_bps for before in ingress[port])
    )


def _port(node: str, peer: str, direction: Direction) -> Port:
    return Port(node, peer, direction.rate_bps, direction.delay_us, direction.queue_bytes)
