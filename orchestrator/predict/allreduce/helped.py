"""How long any aggregation takes at least, if hosts that do not train may help (a server, say).

As in `bound`, elements and sums of elements travel from host to host, by whatever algorithm; what
is coded, or added up by switches, is another system.

**Counting.** Part the hosts into g groups that have workers, and groups of helpers only, each
behind a link of its own. Of the messages that an element needs between groups, call M their
number, and X the ends of them that are at helpers. The first group that knows the element's sum
knows it after a message from each other group with workers, and from each helper that passed
something on; later each group with workers, and each helper that passes the sum on, gets it. So
M is 2(g - 1), one more for each time a helper is on the way, before or after, and two more if the
first one that knows is a helper itself. These ways are trees, in which helpers have at most g ends
for each message more: X <= g (M - 2(g - 1)). Groups with workers have the other 2M - X ends, so

    ends of groups with workers + (1 - 2/g) ends of helpers >= 4(g - 1).

A group has in T seconds as many ends of elements as its link carries, both ways together. For n
workers and k helpers behind equal links this is 2n(n - 1)u / (n^2 + kn - 2k), which shares of the
model reach that go round a ring of workers and through the helpers at the same time. Likewise of
what is sent alone, and of what is received alone:

    messages of groups with workers + (g - 2)/(g - 1) messages of helpers >= 2(g - 1).

**Each cut** with workers on both sides is crossed by every element once each way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import isclose

from orchestrator.predict.allreduce.bound import CutBound, Kind, allreduce_bound
from orchestrator.predict.network.loads import Goodputs, goodput_bps
from orchestrator.spec import Demands, Port, Topology, ports, ring_order
from orchestrator.spec.traffic.cuts import Node, below, cut_tree
from workloads.exchange.demand import ring_demands, server_demands

_PRECISION = 1e-9
_REMEMBERED = 64  # topologies: a sweep has a few dozen
_ROUNDS = 8
_HALVINGS = 60


@dataclass(frozen=True)
class AggregationBound:
    """The least time in which every worker gets the sum of what all workers have.

    Attributes:
        seconds: no aggregation is shorter.
        kind: "exact" if one is known that takes no longer, else "cut bound".
        ports: the ends of links that limit it, `node->peer`.
    """

    seconds: float
    kind: Kind
    ports: tuple[str, ...]


def aggregation_bound(
    topology: Topology,
    workers: Sequence[str],
    helpers: Sequence[str],
    size: int,
    goodputs: Goodputs | None = None,
) -> AggregationBound:
    """The bound of any aggregation over a network.

    Args:
        topology: the network.
        workers: those that have something to add up, and get the sum.
        helpers: other hosts that take part, such as parameter servers.
        size: of what each worker has, in bytes.
        goodputs: measured payload of ports in bit/s; others carry 1448/1514 of their rate.

    Raises:
        ValueError: no workers, a host comes twice, or there is no path between two of them.
    """
    known = tuple((goodputs or {}).items())
    one = _of_a_byte(topology, tuple(workers), tuple(helpers), known)
    return replace(one, seconds=one.seconds * size)


@lru_cache(maxsize=_REMEMBERED)
def _of_a_byte(
    topology: Topology,
    workers: tuple[str, ...],
    helpers: tuple[str, ...],
    goodputs: tuple[tuple[str, float], ...],
) -> AggregationBound:
    known = dict(goodputs)
    alone = allreduce_bound(topology, workers, 1, known)
    if not helpers or len(workers) < 2:
        return AggregationBound(alone.seconds, alone.kind, alone.ports)

    def seconds_per_byte(port: Port) -> float:
        return 8 / known.get(str(port), goodput_bps(port.rate_bps))

    between = cut_tree(topology, workers)
    cuts = {port for node in between.values() for pair in node.links.values() for port in pair}
    bounds = [CutBound(seconds_per_byte(port), (port,)) for port in cuts]
    tree = cut_tree(topology, (*workers, *helpers))
    for root, node in tree.items():
        if not node.hosts:
            bounds += _groups(tree, root, frozenset(workers), seconds_per_byte)
    longest = max((one.seconds_per_byte for one in bounds), default=0.0)
    limiting = {
        port
        for one in bounds
        if isclose(one.seconds_per_byte, longest, rel_tol=_PRECISION)
        for port in one.ports
    }
    reached = _known(topology, workers, helpers, seconds_per_byte)
    return AggregationBound(
        longest,
        "exact" if reached <= longest * (1 + 1e-6) else "cut bound",
        tuple(str(port) for port in ports(topology) if port in limiting),
    )


_Rate = Callable[[tuple[Port, Port]], float]
"""Of a link's two ends, how many bytes a second count: sent, received, or both."""


@dataclass(frozen=True)
class _Parting:
    """Groups of hosts under a root.

    Attributes:
        groups: of them have workers.
        rate: that these have together.
        helped: that the others have.
        ends: of the links to all of them.
    """

    groups: int = 0
    rate: float = 0.0
    helped: float = 0.0
    ends: tuple[Port, ...] = ()

    def __add__(self, other: _Parting) -> _Parting:
        return _Parting(
            self.groups + other.groups,
            self.rate + other.rate,
            self.helped + other.helped,
            self.ends + other.ends,
        )

    def worth(self, quotient: float, weight: float) -> float:
        """How much of it is above a quotient, helpers' rates weighed."""
        return self.groups - quotient * (self.rate + weight * self.helped)


def _groups(
    tree: Mapping[int, Node],
    root: int,
    workers: frozenset[str],
    seconds_per_byte: Callable[[Port], float],
) -> Iterable[CutBound]:
    """Bounds by counting over partings into what is below links under a root.

    Any parting has a bound; the largest is looked for as in `bound`, with the weight of helpers of
    the parting that was found last.
    """
    links = tuple(below(dict(tree), root))

    def rates(*places: int) -> _Rate:
        return lambda pair: sum(1 / seconds_per_byte(pair[place]) for place in places)

    def one_way(groups: int) -> float:
        return (groups - 2) / (groups - 1)

    def both_ways(groups: int) -> float:
        return 1 - 2 / groups

    for rate, ends, weight in (
        (rates(0), 2, one_way),
        (rates(1), 2, one_way),
        (rates(0, 1), 4, both_ways),
    ):
        search = _Search(tree, root, links, workers, rate)
        groups = len(workers)
        for _ in range(_ROUNDS):
            best = search.best(weight(groups))
            if best.groups < 2:
                break
            whole = best.rate + weight(best.groups) * best.helped
            yield CutBound(ends * (best.groups - 1) / whole, best.ends)
            if best.groups == groups:
                break
            groups = best.groups


@dataclass(frozen=True)
class _Search:
    """Looks for partings of what is under a root.

    Attributes:
        links: under it, the lowest first: node, parent, end up and end down.
        rate: of a link that counts.
    """

    tree: Mapping[int, Node]
    root: int
    links: tuple[tuple[int, int, tuple[Port, Port]], ...]
    workers: frozenset[str]
    rate: _Rate

    def best(self, weight: float) -> _Parting:
        """The parting with the largest (groups - 1) / rates, by Dinkelbach's method."""
        quotient, best = 0.0, _Parting()
        while True:
            parting = self._parting(quotient, weight)
            whole = parting.rate + weight * parting.helped
            larger = (parting.groups - 1) / whole if parting.groups > 1 else 0.0
            if larger <= quotient * (1 + _PRECISION):
                return best
            quotient, best = larger, parting

    def _parting(self, quotient: float, weight: float) -> _Parting:
        """Link by link from the hosts up: one group below it, or those of what is below it."""
        of_node: dict[int, _Parting] = {}
        working = {
            number: not self.workers.isdisjoint(node.hosts) for number, node in self.tree.items()
        }
        for node, parent, pair in self.links:
            working[parent] |= working[node]
            own = self.rate(pair)
            chosen = _Parting(1, own, 0.0, pair) if working[node] else _Parting(0, 0.0, own, pair)
            apart = of_node.pop(node, None)
            if apart is not None and not self.tree[node].hosts:
                chosen = max(chosen, apart, key=lambda one: one.worth(quotient, weight))
            of_node[parent] = of_node.get(parent, _Parting()) + chosen
        return of_node[self.root]


def _known(
    topology: Topology,
    workers: Sequence[str],
    helpers: Sequence[str],
    seconds_per_byte: Callable[[Port], float],
) -> float:
    """Seconds of a byte of the fastest way that is known: shares of a ring and of the helpers."""
    size = 10**9  # so that rounding does not matter
    shares = {one: size // len(helpers) for one in helpers}
    through = Demands(topology, server_demands(shares, workers))
    around = Demands(topology, ring_demands(ring_order(topology, workers), size))

    def busy(ways: Demands, port: Port) -> float:
        sent = sum(demand.bytes for demand in ways.through(port))
        return sent / size * seconds_per_byte(port)

    each = [
        (busy(through, port), busy(around, port))
        for port in dict.fromkeys((*through.crossed, *around.crossed))
    ]

    def seconds(share: float) -> float:
        return max(share * helped + (1 - share) * ringed for helped, ringed in each)

    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):  # the fullest link is convex in the share
        left, right = (2 * low + high) / 3, (low + 2 * high) / 3
        low, high = (low, right) if seconds(left) <= seconds(right) else (left, high)
    return min(seconds((low + high) / 2), seconds(0.0), seconds(1.0))
