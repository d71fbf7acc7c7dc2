"""The exchange by a parameter server, as a network sees it: its demands.

In every iteration each worker pulls all parameters from the server and pushes all gradients to it.
"Pull" and "push" are words of this exchange; networks do not know them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

from orchestrator.spec.placement import Placement
from orchestrator.spec.topology import Host, Topology
from orchestrator.spec.traffic.demands import Demand, Demands
from workloads.exchange.demand import server_demands

Way = Literal["pull", "push"]
"""From the parameter server to a worker, or back."""
WAYS: tuple[Way, ...] = ("pull", "push")

_REMEMBERED = 64  # topologies, or sizes of models on them: a sweep has a few dozen


@dataclass(frozen=True)
class ServerExchange:
    """One parameter server and its workers, on a topology.

    Attributes:
        topology: the network.
        server: the parameter server's host; empty: there is none, and nothing is demanded.
        workers: theirs, in the order in which gradients are summed. Each has its own class;
            that of the first one is the most urgent.
        others: further parameter servers that are placed, which have no part in this exchange.
    """

    topology: Topology
    server: str
    workers: tuple[str, ...]
    others: tuple[str, ...] = ()

    @property
    def servers(self) -> tuple[str, ...]:
        """All parameter servers that are placed."""
        return (self.server, *self.others) if self.server else ()

    @cached_property
    def hosts(self) -> tuple[Host, ...]:
        """The workers' hosts."""
        known = {host.name: host for host in self.topology.hosts}
        return tuple(known[worker] for worker in self.workers)

    def images(self, batch: int) -> int:
        """Of an iteration of all workers, if those without a number of their own have `batch`."""
        return sum(host.batch or batch for host in self.hosts)

    @cached_property
    def demands(self) -> Demands:
        """Who sends to whom; how much depends on the model."""
        return self.demands_of(0)

    def demands_of(self, model_bytes: int) -> Demands:
        """Every worker's pull, then every worker's push, of a model of that size in bytes."""
        return _demands(self, model_bytes)

    def demand(self, way: Way, worker: str) -> Demand:
        """What a worker pulls, or what it pushes."""
        return self._by_worker[way, worker]

    def those(self, way: Way) -> tuple[Demand, ...]:
        """The pulls or the pushes of all workers."""
        return tuple(self._by_worker[way, worker] for worker in self.workers)

    def way(self, demand: Demand) -> Way:
        """What one of the exchange's demands is."""
        return "pull" if demand.source == self.server else "push"

    def worker(self, demand: Demand) -> str:
        """Whose it is."""
        return demand.destination if demand.source == self.server else demand.source

    @cached_property
    def _by_worker(self) -> dict[tuple[Way, str], Demand]:
        return {(self.way(one), self.worker(one)): one for one in self.demands}

    def round_trip_us(self, worker: str) -> int:
        """Microseconds from the server to a worker and back, by the links' delays alone."""
        return self.demands.round_trip_us(self.demand("pull", worker))


@lru_cache(maxsize=_REMEMBERED)
def exchange_of(topology: Topology, placement: Placement) -> ServerExchange:
    """The exchange between the hosts that a placement gives a part.

    Of several parameter servers the first one's.
    """
    return ServerExchange(topology, placement.server, placement.workers, placement.servers[1:])


@lru_cache(maxsize=_REMEMBERED)
def _demands(exchange: ServerExchange, model_bytes: int) -> Demands:
    sizes = {exchange.server: model_bytes} if exchange.server else {}
    return Demands(exchange.topology, server_demands(sizes, exchange.workers))
