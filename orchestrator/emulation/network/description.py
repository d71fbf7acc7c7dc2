"""What a network is to be emulated: all that a testbed must know of an experiment (pure)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

from orchestrator.spec import (
    Demands,
    Scale,
    SocketBuffers,
    Topology,
    queueing_seconds,
    united,
)

LEAST_TIMER_MS = 200
"""Linux' least time before TCP sends something again, unless it is asked for another."""
MOST_TIMER_MS = 100_000
"""Linux' longest such time is two minutes."""


@dataclass(frozen=True)
class NetworkDescription:
    """A network, as it is in reality, and how it is emulated.

    Attributes:
        networks: what its exchanges demand of hosts, switches and links, in the real system's
            rates and times; the first one is what it has as long as nothing else is asked for.
        scale: R and D.
        congestion_control: of every host's TCP.
        socket_buffers: of the connections that will cross it.
    """

    networks: tuple[Demands, ...]
    scale: Scale
    congestion_control: str
    socket_buffers: SocketBuffers

    @property
    def topology(self) -> Topology:
        """Its hosts, switches and links."""
        return self.networks[0].topology

    @cached_property
    def demands(self) -> Demands:
        """Of all exchanges together: who may send to whom."""
        return united(self.networks)

    def with_scale(self, scale: Scale) -> NetworkDescription:
        """The same network at another scale."""
        return replace(self, scale=scale)

    @property
    def timer_ms(self) -> int:
        """TCP's least timer: slow queues hold a segment for longer than Linux would wait."""
        longest = max(
            queueing_seconds(demands, self.socket_buffers, self.scale) for demands in self.networks
        )
        return min(MOST_TIMER_MS, max(LEAST_TIMER_MS, math.ceil(1000 * longest)))
