"""How long each end of a link is busy in one iteration, however its traffic is ordered.

A directed link carries the bytes of all demands whose path crosses it. No schedule has an iteration
that is shorter than the time for which the fullest link is busy (unless what is demanded differs).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isclose
from typing import TypeVar

from orchestrator.spec import FRAME_BYTES, PAYLOAD_BYTES, Demand, Demands, Port

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
        demands: those whose path crosses it, in their order.
        goodput_bps: payload that it carries, in bit/s.
    """

    port: Port
    demands: tuple[Demand, ...]
    goodput_bps: float

    def alone(self, size: int) -> float:
        """Seconds in which it carries that many bytes."""
        return size * 8 / self.goodput_bps

    @property
    def seconds(self) -> float:
        """For all bytes of one iteration."""
        sizes = Counter(demand.bytes for demand in self.demands)
        return sum(count * self.alone(size) for size, count in sizes.items())


AnyLoad = TypeVar("AnyLoad", bound=LinkLoad)


def link_loads(demands: Demands, goodputs: Goodputs | None = None) -> tuple[LinkLoad, ...]:
    """The loads of all directed links that demands cross, in the order in which they are met.

    Args:
        demands: who sends how much to whom.
        goodputs: measured ones; a port that is not in it carries 1448/1514 of its rate.
    """
    known = goodputs or {}
    return tuple(
        LinkLoad(port, demands.through(port), known.get(str(port), goodput_bps(port.rate_bps)))
        for port in demands.crossed
    )


def fullest(loads: Iterable[AnyLoad]) -> tuple[AnyLoad, ...]:
    """Those of at least one load that are busy longest; equals all count."""
    known = tuple(loads)
    longest = max(load.seconds for load in known)
    return tuple(load for load in known if isclose(load.seconds, longest, rel_tol=1e-9))
