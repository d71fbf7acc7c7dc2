"""What a network owes every demand where all send at once.

Fair is max-min fair: to give a demand more, another that has no more than it must get less. So
who is behind its own slow link has less than others, and that is not unfair. Only a link
that several demands fill together can be shared unfairly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.predict.network.fair_shares import FluidNetwork
from orchestrator.predict.network.loads import Goodputs, LinkLoad, link_loads
from orchestrator.spec import Demand, Demands

_FILLED = 0.99  # of a link's goodput: it limits whom it serves


@dataclass(frozen=True)
class SharedLink:
    """A directed link that several demands fill when all have fair shares.

    Attributes:
        port: its sending end, `node->peer`.
        demands: those that cross it.
        fair_bps: of each, its fair payload in bit/s of the real system.
        goodput_bps: payload that it carries.
    """

    port: str
    demands: tuple[Demand, ...]
    fair_bps: tuple[float, ...]
    goodput_bps: float


def shared_links(demands: Demands, goodputs: Goodputs | None = None) -> tuple[SharedLink, ...]:
    """All links that can be shared unfairly, in the order in which demands meet them.

    Args:
        demands: who sends to whom over which link.
        goodputs: measured payload of ports in bit/s; others carry 1448/1514 of their rate.
    """
    loads = link_loads(demands, goodputs)
    rates = fair_bps(demands, loads)
    shared = []
    for load in loads:
        fair = tuple(rates[demand] for demand in load.demands)
        if len(fair) > 1 and sum(fair) > _FILLED * load.goodput_bps:
            shared.append(SharedLink(str(load.port), load.demands, fair, load.goodput_bps))
    return tuple(shared)


def fair_bps(demands: Demands, loads: Sequence[LinkLoad]) -> dict[Demand, float]:
    """Every demand's payload in bit/s if all have max-min fair shares of these links."""
    numbers = {load.port: number for number, load in enumerate(loads)}
    paths = [[numbers[port] for port in crossed] for crossed in demands.paths.values()]
    network = FluidNetwork([load.goodput_bps for load in loads], paths, [0] * len(paths))
    rates = network.rates(frozenset(range(len(paths))))
    return {demand: rates[number] for number, demand in enumerate(demands)}
