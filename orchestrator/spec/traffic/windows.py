"""How much may be on its way: bursts of ports and hosts, TCP windows of paths (pure).

**A burst** is what crosses a port as one packet, to be cut later (GSO); nothing overtakes it, and
switches do not cut it. So a port's rate limits it to a millisecond, and its queue to a fifth of
what that holds: a burst that finds no room is lost as a whole. A host's bursts are those of the
slowest port on any way that it sends on.

**A window** is what one connection may have unacknowledged: its send buffer. What `auto` makes of
a path is the sum of two parts:

- its part of what the path holds: of every port the rate times the round-trip time, by the demands
  that cross it. So all of them together hold no more than ways and queues do, and one alone may be
  too small to fill its path. It is given in payload, of which a send buffer holds less than its
  size: the kernel counts its own bookkeeping of every packet;
- what must wait in a queue, so that the slowest port is never idle while a sender wakes up: 48 KiB
  from 1 Gbit/s on (measured: less leaves the trunk idle, more overruns the queue, and TCP then
  shares it unfairly), in proportion below; but 10 ms of the rate, 16 KiB at most, because TCP
  acknowledges late; and never below 6 KiB, with which TCP has four segments on their way. Of the
  smallest queue on the path it takes no more than lets the windows of `QUEUE_WINDOWS` workers in.

Without delays and from 1 Gbit/s on that is 48 KiB with any queue of at least 480 KiB. On a long way
a window that is whole from the start (`INITIAL_SEGMENTS`) also is no more than its part of every
queue, for fast links bring all of them at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from orchestrator.spec.scale import BURST_SEGMENTS, MIN_SEND_BUFFER_BYTES, Scale
from orchestrator.spec.traffic.demands import Demand, Demands
from orchestrator.spec.traffic.graph import Port

FRAME_BYTES = 1514
"""A full Ethernet frame as tc counts it."""
PAYLOAD_BYTES = 1448
"""What it carries: TCP with timestamps in 1500 bytes of IP."""
BOOKKEEPING_BYTES = 1280
"""What a send buffer counts of a packet beside its payload (2728 bytes for 1448, on Linux 6.1)."""
BURST_SECONDS = 0.001
"""How long a burst may hold a port; a full frame may always."""

FULL_BUFFER_BYTES = 48 * 1024
"""Send buffer from `FULL_BUFFER_BPS` on; the kernel keeps twice that."""
FULL_BUFFER_BPS = 10**9
LEAST_SECONDS = 0.010
LEAST_BUFFER_BYTES = 6 * 1024
MOST_BUFFER_BYTES = 1 << 29
"""What the kernel can double twice."""
RECEIVE_BUFFER_BYTES = 256 * 1024
"""The receive buffer must only be larger than what is on its way."""
KEPT = 2
"""The kernel keeps twice what is asked, for its own bookkeeping of what is in the buffer."""
QUEUE_WINDOWS = 5
INITIAL_SEGMENTS = 80
"""More than a send buffer of 48 KiB may have on its way, from the start and after every pause: slow
start ends at the first queue (HyStart), at 16 segments for one flow and 30 for another, and for
seconds they share a trunk accordingly."""


@dataclass(frozen=True)
class SocketBuffers:
    """What is asked of TCP's buffers, in the real system's bytes; None: what the paths need."""

    send: int | None = None
    receive: int | None = None

    @property
    def auto(self) -> bool:
        """Whether the topology decides a size."""
        return self.send is None or self.receive is None

    def send_bytes(self, demands: Demands, demand: Demand) -> int:
        """The send buffer of a flow."""
        return auto_send_bytes(demands, demand) if self.send is None else self.send

    def receive_bytes(self, demands: Demands) -> int:
        """The receive buffer of all flows: a listening socket has one size for all."""
        if self.receive is not None:
            return self.receive
        largest = max((self.send_bytes(demands, demand) for demand in demands), default=0)
        # Of what is kept, the kernel offers half as a window.
        return max(RECEIVE_BUFFER_BYTES, min(KEPT * MOST_BUFFER_BYTES, KEPT * KEPT * largest))

    def resolved(self, demands: Demands, *, varied: bool) -> dict[str, Any]:
        """The sizes, ready for JSON; by demand where they differ.

        Args:
            demands: whose.
            varied: whether there are points of a sweep, at which they may be others. On long ways
                they are others at a scale.
        """
        follows = varied or any(map(demands.round_trip_us, demands))
        sizes = {one.name: self.send_bytes(demands, one) for one in demands}
        return {
            "send_bytes": max(sizes.values()),
            "receive_bytes": self.receive_bytes(demands),
            **({"send_bytes_of": sizes} if len(set(sizes.values())) > 1 else {}),
            **({"auto": True} if follows and self.send is None else {}),
        }


def buffers_of(record: Mapping[str, Any]) -> SocketBuffers:
    """What the resolved form of an experiment asks of TCP's buffers."""
    if "asked_buffers" in record:
        return SocketBuffers(**record["asked_buffers"])
    sizes = record.get("socket_buffers", {})
    if sizes.get("auto"):
        return SocketBuffers()
    return SocketBuffers(sizes.get("send_bytes"), sizes.get("receive_bytes"))


def auto_send_bytes(demands: Demands, demand: Demand) -> int:
    """The send buffer that fits a flow's path: see above."""
    return _auto_bytes(demands, demand, Scale())


def emulated_send_bytes(
    demands: Demands, demand: Demand, buffers: SocketBuffers, scale: Scale
) -> int:
    """The send buffer of a flow at a scale, in emulated bytes.

    On long ways `auto` follows the scale's own packets and least queues.
    """
    if buffers.send is None:
        return _auto_bytes(demands, demand, scale)
    return scale.send_buffer_bytes(buffers.send)


def payload_share(segments: int) -> float:
    """How much of a send buffer is payload, in packets of `segments` segments."""
    payload = segments * PAYLOAD_BYTES
    return payload / (payload + BOOKKEEPING_BYTES)


def packet_segments(demands: Demands, demand: Demand, scale: Scale) -> int:
    """How many segments a flow's sender may send as one packet."""
    return host_burst_segments(demands, scale)[demands.paths[demand][0].node]


def _auto_bytes(demands: Demands, demand: Demand, scale: Scale) -> int:
    """In emulated bytes."""
    queued = scale.send_buffer_bytes(_queued_bytes(demands, demand))
    trip = scale.seconds(demands.round_trip_us(demand) / 1e6)
    if not trip:
        return queued
    parts = [
        (port, PAYLOAD_BYTES / FRAME_BYTES / len(demands.through(port)))
        for port in demands.paths[demand]
    ]
    # Payload, of which the kernel keeps this share of twice the size.
    kept = KEPT * payload_share(packet_segments(demands, demand, scale))
    on_the_way = min(part * scale.rate(port.rate_bps) * trip / 8 for port, part in parts)
    size = queued + ceil(on_the_way / kept)
    at_once = int(min(part * scale.queue_bytes(port.queue_bytes) for port, part in parts))
    if at_once < INITIAL_SEGMENTS * PAYLOAD_BYTES:
        size = max(queued, min(size, int(at_once / kept)))
    return min(MOST_BUFFER_BYTES, size)


def _queued_bytes(demands: Demands, demand: Demand) -> int:
    """What of a send buffer is to wait in queues, in the real system's bytes."""
    crossed = demands.paths[demand]
    rate = min(port.rate_bps for port in crossed)
    waiting = min(
        max(
            min(FULL_BUFFER_BYTES, FULL_BUFFER_BYTES * rate // FULL_BUFFER_BPS),
            min(MIN_SEND_BUFFER_BYTES, int(rate * LEAST_SECONDS / 8)),
        ),
        *(queue_share_bytes(demands, port) for port in crossed),
    )
    return max(LEAST_BUFFER_BYTES, waiting)


def on_the_way_bytes(demands: Demands, demand: Demand) -> int:
    """A flow's part of what its path holds: of each port the rate times the round trip, shared."""
    part = min(port.rate_bps / len(demands.through(port)) for port in demands.paths[demand])
    return int(part * demands.round_trip_us(demand) / (8 * 10**6))


def queue_share_bytes(demands: Demands, port: Port) -> int:
    """The send buffer whose window takes a worker's part of a port's queue."""
    return port.queue_bytes // (KEPT * shared_windows(demands, port))


def shared_windows(demands: Demands, port: Port) -> int:
    """How many windows a port's queue holds, at least."""
    return min(len(demands.through(port)), QUEUE_WINDOWS)


def least_queue_bytes(demands: Demands, port: Port) -> int:
    """The least real queue with which TCP works at a port; 0 where no flow crosses it.

    It holds the least windows, of four segments, of `QUEUE_WINDOWS` workers, or of as many as there
    are: with less they are lost at once, and again whenever they are sent anew.
    """
    return KEPT * LEAST_BUFFER_BYTES * shared_windows(demands, port)


def emulated_queue_bytes(demands: Demands, port: Port, scale: Scale) -> int:
    """The emulated limit of a port's queue.

    Windows do not get smaller than TCP needs them. So that they fit as they do in the real queue,
    it holds what is to wait of all that cross it; no more than the real one.
    """
    windows = sum(
        KEPT * scale.send_buffer_bytes(_queued_bytes(demands, one)) for one in demands.through(port)
    )
    return max(scale.queue_bytes(port.queue_bytes), min(port.queue_bytes, windows))


def port_burst_segments(port: Port, scale: Scale) -> int:
    """How many segments may cross a port as one packet, in the emulation; at least 1."""
    allowed = min(
        BURST_SEGMENTS,
        port.rate_bps * BURST_SECONDS / (8 * FRAME_BYTES),
        port.queue_bytes / (QUEUE_WINDOWS * FRAME_BYTES),
    )
    return max(1, round(allowed * float(scale.factor)))


def host_burst_segments(demands: Demands, scale: Scale) -> dict[str, int]:
    """By host, how many segments it may send as one packet: what the slowest port allows."""
    bursts: dict[str, int] = {}
    of_ports = {port: port_burst_segments(port, scale) for port in demands.crossed}
    for crossed in demands.paths.values():
        least = min(of_ports[port] for port in crossed)
        sender = crossed[0].node
        bursts[sender] = min(bursts.get(sender, least), least)
    return bursts


def queueing_seconds(demands: Demands, buffers: SocketBuffers, scale: Scale) -> float:
    """The longest that a byte can be on its way, if all windows wait in its queues (emulated)."""
    if not demands.all:
        return 0.0
    waiting: Counter[Port] = Counter()
    for demand, crossed in demands.paths.items():
        size = window_bytes(demands, demand, buffers, scale)
        waiting.update(dict.fromkeys(crossed, size))
    slowest = max(8 * size / scale.rate(port.rate_bps) for port, size in waiting.items())
    longest = max(demands.round_trip_us(demand) for demand in demands)
    return slowest + scale.seconds(longest / 1e6)


def window_bytes(demands: Demands, demand: Demand, buffers: SocketBuffers, scale: Scale) -> int:
    """What the kernel keeps for a flow's send buffer, in emulated bytes: the most in flight."""
    return KEPT * emulated_send_bytes(demands, demand, buffers, scale)
