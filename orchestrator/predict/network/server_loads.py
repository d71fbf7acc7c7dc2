"""The loads of links under a parameter server, told by pulls and pushes.

Every worker gets and gives all of the model's bytes once per iteration, so a directed link that n
workers' paths cross carries n times the model.
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.predict.network.loads import Goodputs, LinkLoad, link_loads
from orchestrator.spec import ServerExchange, Way


@dataclass(frozen=True)
class ServerLoad(LinkLoad):
    """What one directed link carries in an iteration.

    Attributes:
        direction: "pull" or "push". No port carries both: shortest paths from the parameter server
            only lead away from it, and pushes take them backwards.
        workers: the names of those whose path crosses it, in the order of the exchange.
        model_seconds: for one worker's bytes of the model, alone.
    """

    direction: Way
    workers: tuple[str, ...]
    model_seconds: float


def server_loads(
    exchange: ServerExchange, model_bytes: int, goodputs: Goodputs | None = None
) -> tuple[ServerLoad, ...]:
    """The loads of all directed links that training crosses, pulls first.

    Args:
        exchange: the parameter server, its workers and their network.
        model_bytes: of all parameters.
        goodputs: measured ones; a port that is not in it carries 1448/1514 of its rate.
    """
    return tuple(
        ServerLoad(
            load.port,
            load.demands,
            load.goodput_bps,
            exchange.way(load.demands[0]),
            tuple(exchange.worker(demand) for demand in load.demands),
            load.alone(model_bytes),
        )
        for load in link_loads(exchange.demands_of(model_bytes), goodputs)
    )
