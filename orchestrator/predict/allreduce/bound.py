"""How long an all-reduce takes at least: every host ends with the sum of what all hosts have.

It holds for hosts that send elements and sums of elements to each other (unicast), by whatever
algorithm: ring, tree, halving and doubling, all to all. Hosts beside them that help (a parameter
server), switches that add up or multiply packets, and gradients that are compressed are other
systems, with less to send.

**Counting.** Part the hosts into k groups. Each element has to be known in part by every group, and
in sum by every group. That takes at least 2(k - 1) messages from group to group: k - 1 before any
group can know the sum, and one more for each other group. (Gossip by one-way messages, Harary and
Schwenk 1974; for k hosts with equal links it is the bound of Patarasuk and Yuan 2009.) If each
group has one link, of rate r_i, no iteration with B bytes is shorter than 2(k - 1) B / sum of r_i,
for what the groups send and for what they receive. With n hosts behind equal links to one switch
this is 2(n - 1)/n B/r.

**Each cut.** Every element crosses it at least once each way: B / rate.

The bound is the largest of these over all cuts by one link and all partings into groups with one
link each. It is **exact** if an algorithm that reaches it is known: a ring, or on one switch with
links as fast there as back, shares of the elements that each host adds up, larger ones behind
faster links. With share w_i a host sends and receives 1 + (n - 2) w_i of the bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import inf, isclose
from typing import Literal

from orchestrator.predict.allreduce.ring import Ring, ring
from orchestrator.predict.network.loads import Goodputs, goodput_bps
from orchestrator.spec import Port, Topology, ports, ring_order
from orchestrator.spec.traffic.cuts import Node, below, cut_tree

Kind = Literal["exact", "cut bound"]

_PRECISION = 1e-9
_REMEMBERED = 64  # topologies: a sweep has a few dozen


@dataclass(frozen=True)
class AllreduceBound:
    """The least time of an all-reduce, and what rings take.

    Attributes:
        seconds: no all-reduce is shorter.
        kind: "exact" if an algorithm is known that takes no longer, else "cut bound".
        ports: the ends of links that limit it, `node->peer`; none if nothing is sent.
        ring: in the order of the hosts.
        best_ring: in an order that crosses every link of a tree once each way, so that none is
            faster there; the same ring if that one is as fast.
    """

    seconds: float
    kind: Kind
    ports: tuple[str, ...]
    ring: Ring
    best_ring: Ring


@dataclass(frozen=True)
class CutBound:
    """What links that part the hosts make of a bound.

    Attributes:
        seconds_per_byte: of what is reduced.
        ports: the links that these seconds are of.
    """

    seconds_per_byte: float
    ports: tuple[Port, ...]


def allreduce_bound(
    topology: Topology, hosts: Sequence[str], size: int, goodputs: Goodputs | None = None
) -> AllreduceBound:
    """The bound of an all-reduce over a network.

    Args:
        topology: the network.
        hosts: those that take part, in their order; each once.
        size: of what each of them has, in bytes.
        goodputs: measured payload of ports in bit/s; others carry 1448/1514 of their rate.

    Raises:
        ValueError: no hosts, one comes twice, or there is no path between two of them.
    """
    one = _of_a_byte(topology, tuple(hosts), tuple((goodputs or {}).items()))
    return replace(
        one,
        seconds=one.seconds * size,
        ring=one.ring.times(size),
        best_ring=one.best_ring.times(size),
    )


@lru_cache(maxsize=_REMEMBERED)
def _of_a_byte(
    topology: Topology, hosts: tuple[str, ...], goodputs: tuple[tuple[str, float], ...]
) -> AllreduceBound:
    known = dict(goodputs)
    in_order = ring(topology, hosts, 1, known)
    tree = cut_tree(topology, hosts)

    def seconds_per_byte(port: Port) -> float:
        return 8 / known.get(str(port), goodput_bps(port.rate_bps))

    costs = {
        port: seconds_per_byte(port)
        for node in tree.values()
        for pair in node.links.values()
        for port in pair
    }
    bounds = [CutBound(cost, (port,)) for port, cost in costs.items()]
    for root, node in tree.items():
        if not node.hosts:
            bounds += _groups(tree, root, costs)
    if not bounds:
        return AllreduceBound(0.0, "exact", (), in_order, in_order)
    longest = max(bounds, key=lambda one: one.seconds_per_byte).seconds_per_byte
    equal = [one for one in bounds if isclose(one.seconds_per_byte, longest, rel_tol=_PRECISION)]
    limiting = {port for one in equal for port in one.ports}
    named = tuple(str(port) for port in ports(topology) if port in limiting)
    best = ring(topology, ring_order(topology, hosts), 1, known)
    reached = best.seconds <= longest * (1 + _PRECISION) or _by_shares(tree, costs, longest)
    return AllreduceBound(longest, "exact" if reached else "cut bound", named, in_order, best)


def _groups(tree: dict[int, Node], root: int, costs: dict[Port, float]) -> Iterable[CutBound]:
    """The largest bounds by counting over all partings into what is below links under a root.

    The largest quotient (k - 1) / sum of rates is found by Dinkelbach's method: for a quotient q,
    the parting with the largest sum of (1 - q rate) over its groups, link by link from the hosts
    up; its own quotient is the next q, until that does not grow.
    """
    links = list(below(tree, root))
    for way in (0, 1):
        ends_of = [(node, parent, pair[way]) for node, parent, pair in links]
        quotient = 0.0
        cut: tuple[Port, ...] = ()
        while True:
            ends = _parting(tree, root, ends_of, costs, quotient)
            rate = sum(1 / costs[port] for port in ends)
            larger = (len(ends) - 1) / rate
            if larger <= quotient * (1 + _PRECISION):
                break
            quotient, cut = larger, ends
        yield CutBound(2 * quotient, cut)


def _parting(
    tree: dict[int, Node],
    root: int,
    links: Sequence[tuple[int, int, Port]],
    costs: dict[Port, float],
    quotient: float,
) -> tuple[Port, ...]:
    """The ends of the links that part the hosts best: links are (node, parent, end that counts)."""
    worth: dict[int, float] = {}
    ends: dict[int, tuple[Port, ...]] = {}
    for node, parent, port in links:
        whole = 1 - quotient / costs[port]
        apart = -inf if tree[node].hosts else worth.pop(node)
        if whole >= apart:
            own: tuple[Port, ...] = (port,)
            value = whole
        else:
            own, value = ends.pop(node), apart
        worth[parent] = worth.get(parent, 0.0) + value
        ends[parent] = (*ends.get(parent, ()), *own)
    return ends[root]


def _by_shares(tree: dict[int, Node], costs: dict[Port, float], longest: float) -> bool:
    """Whether hosts behind one switch that add up shares of the elements take no longer."""
    hubs = [node for node in tree.values() if not node.hosts]
    if len(hubs) != 1 or hubs[0].size > 1:
        return False
    links = hubs[0].links.values()
    if any(len(tree[peer].hosts) != 1 for peer in hubs[0].links):
        return False
    # A host can send and receive this many times its bytes, and one of them at least.
    times = [longest / max(costs[there], costs[back]) for there, back in links]
    spare = sum(each - 1 for each in times)
    return min(times) >= 1 - _PRECISION and spare >= (len(times) - 2) * (1 - _PRECISION)
