"""What acknowledgements take of a port while the opposite direction is full (pure).

A receiver acknowledges every packet, and of small ones every second, if that comes
within the 40 ms that it waits for it. Such answers have the top class at every port, so that data
has what they leave: nothing to speak of where packets are large, 11 % where links are ten times
faster down than up.
"""

from __future__ import annotations

from orchestrator.predict.network.fair_shares import FluidNetwork
from orchestrator.spec import FRAME_BYTES, Demands, Port, Scale, host_burst_segments, ports

ACK_BYTES = 66
"""A frame without payload: Ethernet, IP, and TCP with timestamps."""
DELAYED_SECONDS = 0.040
MOST_SHARE = 0.9


def acks_share(demands: Demands, scale: Scale, port: Port) -> float:
    """Share of a port's rate that acknowledgements have while the opposite direction is full."""
    back = next(p for p in ports(demands.topology) if (p.node, p.peer) == (port.peer, port.node))
    answered = demands.through(back)
    if not answered:
        return 0.0
    full = scale.rate(round(_together_bps(demands, back)))
    bursts = host_burst_segments(demands, scale)
    segments = min(bursts[demand.source] for demand in answered)
    if 2 * 8 * FRAME_BYTES * len(answered) / full < DELAYED_SECONDS:
        segments = max(2, segments)
    acks = full / (segments * FRAME_BYTES) * ACK_BYTES
    return min(MOST_SHARE, acks / scale.rate(port.rate_bps))


def _together_bps(demands: Demands, port: Port) -> float:
    """Bits per second of the real system that all demands through a port can bring it."""
    paths = [demands.paths[demand] for demand in demands.through(port)]
    numbers = {crossed: number for number, crossed in enumerate(dict.fromkeys(sum(paths, ())))}
    network = FluidNetwork(
        [crossed.rate_bps for crossed in numbers],
        [[numbers[crossed] for crossed in path] for path in paths],
        [0] * len(paths),
    )
    return sum(network.rates(frozenset(range(len(paths)))).values())
