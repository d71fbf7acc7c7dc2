"""How much may be on its way: bursts of ports and hosts, TCP windows of paths (pure).

**A burst** is what crosses a port as one packet, to be cut later (GSO); nothing overtakes it, and
switches do not cut it. So a port's rate limits it to a millisecond, and its queue to a fifth of
what that holds: a burst that finds no room is lost as a whole. A host's bursts are those of the
slowest port on any way that it sends on.

**A window** is what one connection may have unacknowledged: its send buffer. What `auto` makes of
a path is, in the real system's bytes, the sum of two parts:

- what it takes to fill the path alone: its slowest rate times its round-trip time;
- what must wait in a queue, so that the slowest port is never idle while a sender wakes up: 48 KiB
  from 1 Gbit/s on (measured: less leaves the trunk idle, more overruns the queue, and TCP then
  shares it unfairly), in proportion below; but 10 ms of the rate, 16 KiB at most, because TCP
  acknowledges late; and never below 6 KiB, with which TCP has four segments on their way. Of the
  smallest queue on the path it takes no more than lets the windows of `QUEUE_WINDOWS` workers in.

Without delays and from 1 Gbit/s on that is 48 KiB with any queue of at least 480 KiB.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from orchestrator.spec.graph import Flow, Port, flow_path, flows
from orchestrator.spec.scale import BURST_SEGMENTS, MIN_SEND_BUFFER_BYTES, Scale
from orchestrator.spec.topology import Topology

FRAME_BYTES = 1514
"""A full Ethernet frame as tc counts it."""
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
        return max(RECEIVE_BUFFER_BYTES, KEPT * largest)


def auto_send_bytes(topology: Topology, flow: Flow) -> int:
    """The send buffer that fits a flow's path: see above."""
    crossed = _ways(topology).paths[flow]
    rate = min(port.rate_bps for port in crossed)
    waiting = min(
        max(
            min(FULL_BUFFER_BYTES, FULL_BUFFER_BYTES * rate // FULL_BUFFER_BPS),
            min(MIN_SEND_BUFFER_BYTES, int(rate * LEAST_SECONDS / 8)),
        ),
        *(queue_share_bytes(topology, port) for port in crossed),
    )
    on_the_way = on_the_way_bytes(topology, flow)
    return min(MOST_BUFFER_BYTES, on_the_way + max(LEAST_BUFFER_BYTES, waiting))


def on_the_way_bytes(topology: Topology, flow: Flow) -> int:
    """What it takes to fill a flow's path alone: its slowest rate times its round trip."""
    rate = min(port.rate_bps for port in _ways(topology).paths[flow])
    return rate * round_trip_us(topology, flow.worker) // (8 * 10**6)


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
    return KEPT * scale.send_buffer_bytes(buffers.send_bytes(topology, flow))
