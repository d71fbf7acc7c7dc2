"""How much may be on its way: bursts of ports and hosts, TCP windows of paths (pure).

**A burst** is what crosses a port as one packet, to be cut later (GSO); nothing overtakes it, and
switches do not cut it. So a port's rate limits it to a millisecond, and its queue to a fifth of
what that holds: a burst that finds no room is lost as a whole. A host's bursts are those of the
slowest port on any way that it sends on.

**A window** is what one connection may have unacknowledged: its send buffer. What `auto` makes of
a path is the sum of two parts:

- its part of what the path holds: of every port the rate times the round-trip time, by the flows
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
from functools import lru_cache
from math import ceil

from orchestrator.spec.scale import BURST_SEGMENTS, MIN_SEND_BUFFER_BYTES, Scale
from orchestrator.spec.topology import Topology
from orchestrator.spec.traffic.graph import Flow, Port, flow_path, flows

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
class _Ways:
    """The ports that every flow crosses, and how many flows cross every port."""

    paths: Mapping[Flow, tuple[Port, ...]]
    crossing: Mapping[Port, int]


@lru_cache(maxsize=8)
def _ways(topology: Topology) -> _Ways:
    paths = {flow: flow_path(topology, flow) for flow in flows(topology)}
    return _Ways(paths, Counter(port for crossed in paths.values() for port in crossed))


@dataclass(frozen=True)
class SocketBuffers:
    """What is asked of TCP's buffers, in the real system's bytes; None: what the paths need."""

    send: int | None = None
    receive: int | None = None

    @property
    def auto(self) -> bool:
        """Whether the topology has a say."""
        return self.send is None or self.receive is None

    def send_bytes(self, topology: Topology, flow: Flow) -> int:
        """The send buffer of a flow."""
        return auto_send_bytes(topology, flow) if self.send is None else self.send

    def receive_bytes(self, topology: Topology) -> int:
        """The receive buffer of all flows: a listening socket has one size for all."""
        if self.receive is not None:
            return self.receive
        largest = max(self.send_bytes(topology, flow) for flow in flows(topology))
        # Of what is kept, the kernel offers half as a window.
        return max(RECEIVE_BUFFER_BYTES, min(KEPT * MOST_BUFFER_BYTES, KEPT * KEPT * largest))


def auto_send_bytes(topology: Topology, flow: Flow) -> int:
    """The send buffer that fits a flow's path: see above."""
    return _auto_bytes(topology, flow, Scale())


def emulated_send_bytes(
    topology: Topology, flow: Flow, buffers: SocketBuffers, scale: Scale
) -> int:
    """The send buffer of a flow at a scale, in emulated bytes.

    On long ways `auto` follows the scale's own packets and least queues.
    """
    if buffers.send is None:
        return _auto_bytes(topology, flow, scale)
    return scale.send_buffer_bytes(buffers.send)


def payload_share(segments: int) -> float:
    """How much of a send buffer is payload, in packets of `segments` segments."""
    payload = segments * PAYLOAD_BYTES
    return payload / (payload + BOOKKEEPING_BYTES)


def packet_segments(topology: Topology, flow: Flow, scale: Scale) -> int:
    """How many segments a flow's sender may send as one packet."""
    return host_burst_segments(topology, scale)[_ways(topology).paths[flow][0].node]


def _auto_bytes(topology: Topology, flow: Flow, scale: Scale) -> int:
    """In emulated bytes."""
    queued = scale.send_buffer_bytes(_queued_bytes(topology, flow))
    trip = scale.seconds(round_trip_us(topology, flow.worker) / 1e6)
    if not trip:
        return queued
    parts = [
        (port, PAYLOAD_BYTES / FRAME_BYTES / workers_crossing(topology, port))
        for port in _ways(topology).paths[flow]
    ]
    # Payload, of which the kernel keeps this share of twice the size.
    kept = KEPT * payload_share(packet_segments(topology, flow, scale))
    on_the_way = min(part * scale.rate(port.rate_bps) * trip / 8 for port, part in parts)
    size = queued + ceil(on_the_way / kept)
    at_once = int(min(part * scale.queue_bytes(port.queue_bytes) for port, part in parts))
    if at_once < INITIAL_SEGMENTS * PAYLOAD_BYTES:
        size = max(queued, min(size, int(at_once / kept)))
    return min(MOST_BUFFER_BYTES, size)


def _queued_bytes(topology: Topology, flow: Flow) -> int:
    """What of a send buffer is to wait in queues, in the real system's bytes."""
    crossed = _ways(topology).paths[flow]
    rate = min(port.rate_bps for port in crossed)
    waiting = min(
        max(
            min(FULL_BUFFER_BYTES, FULL_BUFFER_BYTES * rate // FULL_BUFFER_BPS),
            min(MIN_SEND_BUFFER_BYTES, int(rate * LEAST_SECONDS / 8)),
        ),
        *(queue_share_bytes(topology, port) for port in crossed),
    )
    return max(LEAST_BUFFER_BYTES, waiting)


def on_the_way_bytes(topology: Topology, flow: Flow) -> int:
    """A flow's part of what its path holds: of each port the rate times the round trip, shared."""
    part = min(
        port.rate_bps / workers_crossing(topology, port) for port in _ways(topology).paths[flow]
    )
    return int(part * round_trip_us(topology, flow.worker) / (8 * 10**6))


def queue_share_bytes(topology: Topology, port: Port) -> int:
    """The send buffer whose window takes a worker's part of a port's queue."""
    return port.queue_bytes // (KEPT * shared_windows(topology, port))


def shared_windows(topology: Topology, port: Port) -> int:
    """How many windows a port's queue holds, at least."""
    return min(workers_crossing(topology, port), QUEUE_WINDOWS)


def workers_crossing(topology: Topology, port: Port) -> int:
    """How many workers' flows cross a port."""
    return _ways(topology).crossing.get(port, 0)


def least_queue_bytes(topology: Topology, port: Port) -> int:
    """The least real queue with which TCP works at a port; 0 where no flow crosses it.

    It holds the least windows, of four segments, of `QUEUE_WINDOWS` workers, or of as many as there
    are: with less they are lost at once, and again whenever they are sent anew.
    """
    return KEPT * LEAST_BUFFER_BYTES * shared_windows(topology, port)


def round_trip_us(topology: Topology, worker: str) -> int:
    """Microseconds from the parameter server to a worker and back, by the links' delays alone."""
    return sum(
        port.delay_us
        for direction in ("pull", "push")
        for port in _ways(topology).paths[Flow(worker, direction)]
    )


def port_burst_segments(port: Port, scale: Scale) -> int:
    """How many segments may cross a port as one packet, in the emulation; at least 1."""
    allowed = min(
        BURST_SEGMENTS,
        port.rate_bps * BURST_SECONDS / (8 * FRAME_BYTES),
        port.queue_bytes / (QUEUE_WINDOWS * FRAME_BYTES),
    )
    return max(1, round(allowed * float(scale.factor)))


def host_burst_segments(topology: Topology, scale: Scale) -> dict[str, int]:
    """By host, how many segments it may send as one packet: what the slowest port allows."""
    bursts: dict[str, int] = {}
    for crossed in _ways(topology).paths.values():
        least = min(port_burst_segments(port, scale) for port in crossed)
        sender = crossed[0].node
        bursts[sender] = min(bursts.get(sender, least), least)
    return bursts


def queueing_seconds(topology: Topology, buffers: SocketBuffers, scale: Scale) -> float:
    """The longest that a byte can be on its way, if all windows stand in its queues (emulated)."""
    waiting: Counter[Port] = Counter()
    for flow, crossed in _ways(topology).paths.items():
        size = window_bytes(topology, flow, buffers, scale)
        waiting.update(dict.fromkeys(crossed, size))
    slowest = max(8 * size / scale.rate(port.rate_bps) for port, size in waiting.items())
    trips = (round_trip_us(topology, worker.name) for worker in topology.workers)
    return slowest + scale.seconds(max(trips) / 1e6)


def window_bytes(topology: Topology, flow: Flow, buffers: SocketBuffers, scale: Scale) -> int:
    """What the kernel keeps for a flow's send buffer, in emulated bytes: the most in flight."""
    return KEPT * emulated_send_bytes(topology, flow, buffers, scale)
