"""The tree of a network's cuts: links without which hosts are apart (pure).

On a tree every link is one. Where links form loops, what they connect counts as one node: no single
link cuts it, and what passes it has several ways.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from orchestrator.spec.topology import Topology
from orchestrator.spec.traffic.graph import Port, ports


@dataclass
class Node:
    """What no single link can part.

    Attributes:
        hosts: those in it that count.
        size: of how many hosts and switches it is.
        links: by the node at the other end, the port that leads there and the one that leads back.
    """

    hosts: list[str] = field(default_factory=list)
    size: int = 0
    links: dict[int, tuple[Port, Port]] = field(default_factory=dict)


def cut_tree(topology: Topology, hosts: Collection[str]) -> dict[int, Node]:
    """The nodes of a network that has these hosts, by number; each link has hosts on both sides.

    Args:
        topology: connected as far as these hosts are.
        hosts: those that count; links that lead to others only are left out.
    """
    neighbours: dict[str, dict[str, Port]] = {}
    for port in ports(topology):
        neighbours.setdefault(port.node, {})[port.peer] = port
    cuts = _bridges(neighbours)
    number = _parts(neighbours, cuts)
    nodes: dict[int, Node] = {}
    for name, part in number.items():
        node = nodes.setdefault(part, Node())
        node.size += 1
        if name in hosts:
            node.hosts.append(name)
    for one, other in cuts:
        there, back = neighbours[one][other], neighbours[other][one]
        nodes[number[one]].links[number[other]] = (there, back)
        nodes[number[other]].links[number[one]] = (back, there)
    _prune(nodes)
    return nodes


def below(nodes: dict[int, Node], root: int) -> Iterator[tuple[int, int, tuple[Port, Port]]]:
    """Every link under a root, the lowest first: node, its parent, port up and port down."""
    links_below: list[tuple[int, int, tuple[Port, Port]]] = []
    waiting = [(root, -1)]
    while waiting:
        node, parent = waiting.pop()
        for child, (down, up) in nodes[node].links.items():
            if child != parent:
                links_below.append((child, node, (up, down)))
                waiting.append((child, node))
    return reversed(links_below)


def hosts_in_turn(nodes: dict[int, Node]) -> list[str]:
    """The hosts as they are met on a walk round the tree, which passes each link once each way."""
    met: list[str] = []
    waiting = [(next(iter(nodes)), -1)] if nodes else []
    while waiting:
        number, parent = waiting.pop()
        met += nodes[number].hosts
        waiting += [(child, number) for child in reversed(nodes[number].links) if child != parent]
    return met


def _bridges(neighbours: dict[str, dict[str, Port]]) -> list[tuple[str, str]]:
    """The links that are on no loop (Tarjan 1974), without recursion."""
    links: list[tuple[str, str]] = []
    entered: dict[str, int] = {}
    lowest: dict[str, int] = {}
    for root, first in neighbours.items():
        if root in entered:
            continue
        entered[root] = lowest[root] = len(entered)
        path = [(root, "", iter(first))]
        while path:
            node, parent, others = path[-1]
            other = next(others, None)
            if other is None:
                path.pop()
                if parent:
                    lowest[parent] = min(lowest[parent], lowest[node])
                    if lowest[node] > entered[parent]:
                        links.append((parent, node))
            elif other not in entered:
                entered[other] = lowest[other] = len(entered)
                path.append((other, node, iter(neighbours[other])))
            elif other != parent:
                lowest[node] = min(lowest[node], entered[other])
    return links


def _parts(
    neighbours: dict[str, dict[str, Port]], cuts: Collection[tuple[str, str]]
) -> dict[str, int]:
    """Of every node the number of what it is one with, if the cuts are taken out."""
    apart = {*cuts, *((other, one) for one, other in cuts)}
    number: dict[str, int] = {}
    for count, root in enumerate(neighbours):
        waiting = [] if root in number else [root]
        while waiting:
            node = waiting.pop()
            number[node] = count
            waiting += [
                other
                for other in neighbours[node]
                if other not in number and (node, other) not in apart
            ]
    return number


def _prune(nodes: dict[int, Node]) -> None:
    """Take out what leads to no host that counts."""
    waiting = list(nodes)
    while waiting:
        number = waiting.pop()
        node = nodes.get(number)
        if node is None or node.hosts or len(node.links) > 1:
            continue
        for other in node.links:
            del nodes[other].links[number]
            waiting.append(other)
        del nodes[number]
