"""What acknowledgements take of a port while the opposite direction is full (pure).

A receiver acknowledges every packet, and of small ones every second, if that comes
within the 40 ms that it waits for it. Such answers have the top class at every port, so that data
has what they leave: nothing to speak of where packets are large, 11 % where links are ten times
faster down than up.
"""

from __future__ import annotations

from orchestrator.predict.bottleneck import bottleneck
from orchestrator.predict.loads import LinkLoad
from orchestrator.spec import FRAME_BYTES, Scale, Topology, host_burst_segments, ports

ACK_BYTES = 66
"""A frame without payload: Ethernet, IP, and TCP with timestamps."""
DELAYED_SECONDS = 0.040
MOST_SHARE = 0.9


def acks_share(topology: Topology, scale: Scale, load: LinkLoad) -> float:
    """Share of a port's rate that acknowledgements have while the opposite direction is full."""
    port = load.port
    back = next(p for p in ports(topology) if (p.node, p.peer) == (port.peer, port.node))
    opposite = bottleneck(topology, "push" if load.direction == "pull" else "pull")
    full = scale.rate(min(back.rate_bps, opposite.rate_bps))
    senders = [topology.ps.name] if load.direction == "push" else list(load.workers)
    bursts = host_burst_segments(topology, scale)
    segments = min(bursts[sender] for sender in senders)
    if 2 * 8 * FRAME_BYTES * len(load.workers) / full < DELAYED_SECONDS:
        segments = max(2, segments)
    acks = full / (segments * FRAME_BYTES) * ACK_BYTES
    return min(MOST_SHARE, acks / scale.rate(port.rate_bps))
