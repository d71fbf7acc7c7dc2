"""How long each end of a link is busy in one iteration, however its traffic is ordered.

With a unicast parameter server every worker gets and gives all of the model's bytes once per
iteration, so a directed link that n workers' paths cross carries n times the model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isclose
from typing import Literal

from orchestrator.spec import FRAME_BYTES, PAYLOAD_BYTES, Port, Topology, flow_path, flows

Goodputs = Mapping[str, float]
"""Measured payload of ports, in bit/s of the real system, by the port's name (`node->peer`)."""


def goodput_bps(rate_bps: float) -> float:
    """TCP payload per second, in bit/s, that a link shaped by tc at `rate_bps` carries."""
    return rate_bps * PAYLOAD_BYTES / FRAME_BYTES


@dataclass(frozen=True)
class LinkLoad:
    """What one directed link carries in an iteration.

    Attributes:
        port: its sending end.
        direction: "pull" or "push". No port carries both: shortest paths from the parameter server
            only lead away from it, and pushes take them backwards.
        workers: the names of those whose path crosses it, in the order of the topology.
        goodput_bps: payload that it carries, in bit/s.
        model_seconds: for one worker's bytes of the model, alone.
    """

    port: Port
    direction: Literal["pull", "push"]
    workers: tuple[str, ...]
    goodput_bps: float
    model_seconds: float

    @property
    def seconds(self) -> float:
        """For all workers' bytes of one iteration."""
        return len(self.workers) * self.model_seconds


def link_loads(
    topology: Topology, model_bytes: int, goodputs: Goodputs | None = None
) -> tuple[LinkLoad, ...]:
    """The loads of all directed links that training crosses, pulls first.

    Args:
        topology: who sends over which link.
        model_bytes: of all parameters.
        goodputs: measured ones; a port that is not in it carries 1448/1514 of its rate.
    """
    crossing: dict[Port, tuple[Literal["pull", "push"], list[str]]] = {}
    for flow in flows(topology):
        for port in flow_path(topology, flow):
            crossing.setdefault(port, (flow.direction, []))[1].append(flow.worker)
    found = []
    for port, (direction, workers) in crossing.items():
        carried = (goodputs or {}).get(str(port), goodput_bps(port.rate_bps))
        seconds = model_bytes * 8 / carried
        found.append(LinkLoad(port, direction, tuple(workers), carried, seconds))
    return tuple(found)


def fullest(loads: Iterable[LinkLoad]) -> tuple[LinkLoad, ...]:
    """Those of at least one load that are busy longest; equals all count."""
    known = tuple(loads)
    longest = max(load.seconds for load in known)
    return tuple(load for load in known if isclose(load.seconds, longest, rel_tol=1e-9))
