"""What a network is to be emulated: all that a testbed must know of an experiment (pure)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from orchestrator.spec import Demands, Scale, SocketBuffers, Topology, queueing_seconds

LEAST_TIMER_MS = 200
"""Linux' least time before TCP sends something again, unless it is asked for another."""
MOST_TIMER_MS = 100_000
"""Linux' longest such time is two minutes."""


@dataclass(frozen=True)
class NetworkDescription:
    """A network, as it is in reality, and how it is emulated.

    Attributes:
        demands: on hosts, switches and links, in the real system's rates and times.
        scale: R and D.
        congestion_control: of every host's TCP.
        socket_buffers: of the connections that will cross it.
    """

    demands: Demands
    scale: Scale
    congestion_control: str
    socket_buffers: SocketBuffers

    @property
    def topology(self) -> Topology:
        """Its hosts, switches and links."""
        return self.demands.topology

    def with_scale(self, scale: Scale) -> NetworkDescription:
        """The same network at another scale."""
        return replace(self, scale=scale)

    @property
    def timer_ms(self) -> int:
        """TCP's least timer: slow queues hold a segment for longer than Linux would wait."""
        longest = queueing_seconds(self.demands, self.socket_buffers, self.scale)
        return min(MOST_TIMER_MS, max(LEAST_TIMER_MS, math.ceil(1000 * longest)))
