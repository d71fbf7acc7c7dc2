"""What TCP's windows and the links' delays leave of a path (pure).

A connection has at most a window on its way in a round trip, which here is that of the links'
delays alone. Real and emulated windows differ where these have a least size, so that figures for a
run take those of its scale.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, log2
from typing import Literal

from orchestrator.bounds.loads import PAYLOAD_BYTES, Goodputs, goodput_bps, link_loads
from orchestrator.spec import (
    INITIAL_SEGMENTS,
    Flow,
    Scale,
    SocketBuffers,
    Topology,
    flow_path,
    flows,
    rate_text,
    round_trip_us,
    window_bytes,
)

KEPT = 2
"""The kernel keeps twice what is asked; how much of that is payload hangs on the packets' sizes."""


def most_window_bps(
    topology: Topology, flow: Flow, buffers: SocketBuffers, scale: Scale
) -> float | None:
    """Payload in bit/s of the real system that a flow's window lets through; None: any."""
    round_trip = round_trip_us(topology, flow.worker) / 1e6
    if not round_trip:
        return None
    real = window_bytes(topology, flow, buffers, scale) / float(scale.factor)
    return 8 * real / round_trip


def capped(
    topology: Topology, buffers: SocketBuffers, scale: Scale, goodputs: Goodputs | None = None
) -> Goodputs:
    """What ports carry at most, in bit/s of the real system, with the windows of those who send.

    Args:
        topology: who sends over which link.
        buffers: asked for.
        scale: whose windows count.
        goodputs: measured payload of ports; others carry 1448/1514 of their rate.
    """
    found = dict(goodputs or {})
    for flow in flows(topology):
        most = most_window_bps(topology, flow, buffers, scale)
        if most is None:
            continue
        # A host has one link, so this one is the worker's own.
        crossed = flow_path(topology, flow)
        own = crossed[-1] if flow.direction == "pull" else crossed[0]
        carried = found.get(str(own), goodput_bps(own.rate_bps))
        if most < carried:
            found[str(own)] = most
    return found


def window_limits(topology: Topology, buffers: SocketBuffers, scale: Scale) -> str:
    """In a line which flow's window may be too small to fill its path; empty if none is.

    Such a flow is faster or slower with the sizes of packets, which nothing here knows.
    """
    return next(_too_small(topology, buffers, scale), "")


def _too_small(topology: Topology, buffers: SocketBuffers, scale: Scale) -> Iterator[str]:
    for flow in flows(topology):
        most = most_window_bps(topology, flow, buffers, scale)
        path = goodput_bps(min(port.rate_bps for port in flow_path(topology, flow)))
        if most is not None and most / KEPT < path:
            size = scale.send_buffer_bytes(buffers.send_bytes(topology, flow))
            yield (
                f"a send buffer of {size / 1024:.3g} KiB over a round trip of "
                f"{scale.seconds(round_trip_us(topology, flow.worker)) / 1000:.3g} ms leaves "
                f"the {flow} {rate_text(most / KEPT, 3)} to {rate_text(most, 3)} of "
                f"{rate_text(path, 3)}"
            )


FULL_WAY = 0.7
"""What is left of a long way, at worst, while TCP finds out how much it takes: cubic gives up 30 %
with every loss."""


def long_ways_seconds(
    topology: Topology,
    model_bytes: int,
    buffers: SocketBuffers,
    scale: Scale,
    credit_bytes: int | None,
) -> float:
    """What delays add at most to an iteration in which nothing overlaps, in real seconds.

    Pulls and pushes at what the smallest window (or a schedule's credit) lets through, slow start
    before each, and the round trips of a step barrier and of workers that push in turns.
    """
    trip = longest_round_trip_seconds(topology)
    if not trip:
        return 0.0
    added, factor = (2 + len(topology.workers)) * trip, float(scale.factor)
    for way in ("pull", "push"):
        phase = max(
            load.seconds for load in link_loads(topology, model_bytes) if load.direction == way
        )
        windows = [
            window_bytes(topology, flow, buffers, scale)
            for flow in flows(topology)
            if flow.direction == way
        ]
        rounds = max(0.0, log2(max(windows) / (INITIAL_SEGMENTS * PAYLOAD_BYTES)))
        least = min(windows) / KEPT / factor
        if credit_bytes is not None and way == "push":
            least = min(least, credit_bytes)
        added += max(phase / FULL_WAY, trip * model_bytes / least) - phase + ceil(rounds) * trip
    return added


def long_ways(topology: Topology, buffers: SocketBuffers, scale: Scale) -> tuple[str, ...]:
    """In lines what delays and windows come to, in the real system's figures; none without."""
    trip = longest_round_trip_seconds(topology)
    if not trip:
        return ()
    sizes = {
        window_bytes(topology, flow, buffers, scale) / KEPT / float(scale.factor)
        for flow in flows(topology)
    }
    least, most = (f"{size / 1024:.4g}" for size in (min(sizes), max(sizes)))
    named = f"{least} KiB" if least == most else f"{least} to {most} KiB"
    return (
        f"delays: a round trip takes up to {1000 * trip:.3g} ms; send buffers have {named}. "
        "That TCP has to find out what a long way takes is in no prediction",
    )


def delays_seconds(topology: Topology, worker: str) -> tuple[float, float]:
    """Seconds from the parameter server to a worker by the links' delays, and back."""
    ways: tuple[Literal["pull", "push"], ...] = ("pull", "push")
    down, up = (
        sum(port.delay_us for port in flow_path(topology, Flow(worker, way))) / 1e6 for way in ways
    )
    return down, up


def longest_round_trip_seconds(topology: Topology) -> float:
    """Of all workers."""
    return max(round_trip_us(topology, worker.name) for worker in topology.workers) / 1e6
