"""Who sends how much to whom in an iteration, and over which links. Pure arithmetic.

This is all that a network knows of a training: rules, classes, windows, loads and counters take
demands, between any two hosts, whatever the hosts do with the bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from orchestrator.spec.topology import Topology
from orchestrator.spec.traffic.graph import Port, path, ports
from workloads.exchange.demand import Demand

__all__ = ["Demand", "Demands", "united"]


@dataclass(frozen=True)
class Demands:
    """All demands on a network.

    Attributes:
        topology: the network.
        all: what it is to carry, at most one demand from a host to another at a port: switches
            tell them apart by these.
        declared: whether it is known what is sent; if not, these are only the ways that may be
            taken, and bytes mean nothing.

    Raises:
        ValueError: two demands have the same ends, or there is no path between those of one.
    """

    topology: Topology
    all: tuple[Demand, ...]
    declared: bool = True

    def __post_init__(self) -> None:
        known: dict[_Ends, Demand] = {}
        for demand in self.all:
            other = known.get(_ends(demand))
            if other is not None:
                ends = f"both go from {demand.source} to {demand.destination}"
                raise ValueError(f"{other} and {demand}: {ends}")
            known[_ends(demand)] = demand

    def __iter__(self) -> Iterator[Demand]:
        return iter(self.all)

    @cached_property
    def paths(self) -> Mapping[Demand, tuple[Port, ...]]:
        """Of every demand the ports that it crosses."""
        return {one: path(self.topology, one.source, one.destination) for one in self.all}

    @cached_property
    def _crossing(self) -> Mapping[Port, tuple[Demand, ...]]:
        crossing: dict[Port, list[Demand]] = {}
        for demand, crossed in self.paths.items():
            for port in crossed:
                crossing.setdefault(port, []).append(demand)
        return {port: tuple(demands) for port, demands in crossing.items()}

    @property
    def crossed(self) -> tuple[Port, ...]:
        """The ports that at least one demand crosses, in the order in which they are met."""
        return tuple(self._crossing)

    @cached_property
    def _by_hosts(self) -> Mapping[tuple[str, str], tuple[Demand, ...]]:
        pairs: dict[tuple[str, str], list[Demand]] = {}
        for one in self.all:
            pairs.setdefault((one.source, one.destination), []).append(one)
        return {ends: tuple(between) for ends, between in pairs.items()}

    def between(self, source: str, destination: str) -> tuple[Demand, ...]:
        """The demands from a host to another, in their order: of each job one at most."""
        return self._by_hosts.get((source, destination), ())

    def through(self, port: Port) -> tuple[Demand, ...]:
        """The demands that cross a port, in their order."""
        return self._crossing.get(port, ())

    @cached_property
    def feeding(self) -> Mapping[Port, tuple[Port, ...]]:
        """Of every port that others feed: those by which its demands come in."""
        feeding: dict[Port, dict[Port, None]] = {}
        for crossed in self.paths.values():
            for before, port in pairwise(crossed):
                feeding.setdefault(port, {})[before] = None
        return {port: tuple(feeders) for port, feeders in feeding.items()}

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The classes that have a name, in the order of the demands: the first is served first."""
        return tuple(dict.fromkeys(one.traffic_class for one in self.all if one.traffic_class))

    def contended(self, least_classes: int = 2) -> tuple[Port, ...]:
        """The switch ports at which demands compete, so that priority there can matter.

        A port counts if demands of `least_classes` classes or more cross it, and the links by which
        they come in can together bring more than it can send. In the published topology these are
        the two ends of the trunk. Where hosts send in several classes, those of one demand also
        compete.
        """
        return tuple(
            port
            for port in ports(self.topology)
            if len({one.traffic_class for one in self.through(port)}) >= least_classes
            and port.rate_bps < sum(before.rate_bps for before in self.feeding.get(port, ()))
        )

    def round_trip_us(self, demand: Demand) -> int:
        """Microseconds to its destination and back, by the links' delays alone."""
        back = path(self.topology, demand.destination, demand.source)
        return sum(port.delay_us for port in (*self.paths[demand], *back))


_Ends = tuple[str, str, int]


def _ends(demand: Demand) -> _Ends:
    return demand.source, demand.destination, demand.port


def united(networks: Iterable[Demands]) -> Demands:
    """Whoever sends to whom in any of several demands on one network: the first of each pair."""
    known = tuple(networks)
    pairs = {_ends(one): one for each in reversed(known) for one in each}
    every = {_ends(one): None for each in known for one in each}
    return Demands(known[0].topology, tuple(pairs[ends] for ends in every))
