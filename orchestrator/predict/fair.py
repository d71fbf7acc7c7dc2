"""What a topology owes every worker where all pull or push at once, and what it matters.

Fair is max-min fair: nobody can get more unless somebody gets less who has no more than that. So a
worker behind a slow link of its own has less than others, and that is no unfairness. Only a link
that several workers' flows fill together can be shared unfairly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from orchestrator.predict.loads import Goodputs, LinkLoad, link_loads
from orchestrator.predict.network import FluidNetwork
from orchestrator.spec import Topology

_FILLED = 0.99  # of a link's goodput: it limits whom it serves


@dataclass(frozen=True)
class SharedLink:
    """A directed link that the flows of several workers fill when all have fair shares.

    Attributes:
        port: its sending end, `node->peer`.
        direction: "pull" or "push".
        workers: of the topology, by number: those whose flows cross it.
        fair_bps: of each, its fair payload in bit/s of the real system.
        goodput_bps: payload that it carries.
    """

    port: str
    direction: Literal["pull", "push"]
    workers: tuple[int, ...]
    fair_bps: tuple[float, ...]
    goodput_bps: float


def shared_links(topology: Topology, goodputs: Goodputs | None = None) -> tuple[SharedLink, ...]:
    """All links that can be shared unfairly, pulls first.

    Args:
        topology: who sends over which link.
        goodputs: measured payload of ports in bit/s; others carry 1448/1514 of their rate.
    """
    loads = link_loads(topology, 1, goodputs)
    names = [worker.name for worker in topology.workers]
    found = []
    for direction in ("pull", "push"):
        own = [load for load in loads if load.direction == direction]
        rates = _fair_bps(own, names)
        for load in own:
            workers = tuple(number for number, name in enumerate(names) if name in load.workers)
            fair = tuple(rates[number] for number in workers)
            if len(workers) > 1 and sum(fair) > _FILLED * load.goodput_bps:
                found.append(
                    SharedLink(str(load.port), load.direction, workers, fair, load.goodput_bps)
                )
    return tuple(found)


def _fair_bps(loads: Sequence[LinkLoad], names: Sequence[str]) -> dict[int, float]:
    """Every worker's payload in bit/s if all have max-min fair shares of these links."""
    paths = [[index for index, load in enumerate(loads) if name in load.workers] for name in names]
    network = FluidNetwork([load.goodput_bps for load in loads], paths, [0] * len(names))
    return network.rates(frozenset(range(len(names))))
