"""What TCP's windows and the links' delays leave of a path (pure).

A connection has at most a window on its way in a round trip, which here is that of the links'
delays alone. How much of it is payload depends on the sizes of packets, and how much is on its way
on when the kernel wakes the sender: as soon as a third of the buffer is free. So there is a
least and a most. Real and emulated windows differ where these have a least size, so that figures
for a run take those of its scale.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, log2

from orchestrator.predict.network.loads import Goodputs, goodput_bps
from orchestrator.predict.network.server_loads import server_loads
from orchestrator.spec import (
    INITIAL_SEGMENTS,
    KEPT,
    PAYLOAD_BYTES,
    WAYS,
    Demand,
    Demands,
    Port,
    Scale,
    ServerExchange,
    SocketBuffers,
    emulated_send_bytes,
    packet_segments,
    payload_share,
    rate_text,
    window_bytes,
)
from workloads.library import RING
from workloads.models.profiles import Model
from workloads.schedule.schedule import Schedule

WOKEN = 1 / 3
"""Of a send buffer must be free before the kernel wakes who waits to fill it."""


def window_bps(
    demands: Demands, demand: Demand, buffers: SocketBuffers, scale: Scale
) -> tuple[float, float] | None:
    """Payload in bit/s of the real system that a flow's window lets through; None: any.

    Returns:
        The least, with packets of one segment and a sender that is woken late, and the most.
    """
    round_trip = demands.round_trip_us(demand) / 1e6
    if not round_trip:
        return None
    bits = 8 * window_bytes(demands, demand, buffers, scale) / float(scale.factor)
    least = bits * payload_share(1)
    most = bits * payload_share(packet_segments(demands, demand, scale))
    # What wakes it is acknowledged only when the last of it has been carried.
    return least / (round_trip + WOKEN * least / _path_bps(demands, demand)), most / round_trip


def _path_bps(demands: Demands, demand: Demand) -> float:
    return goodput_bps(min(port.rate_bps for port in demands.paths[demand]))


def capped(
    demands: Demands,
    buffers: SocketBuffers,
    scale: Scale,
    goodputs: Goodputs | None = None,
    *,
    least: bool = False,
) -> Goodputs:
    """What ports carry at most, in bit/s of the real system, with the windows of those who send.

    Args:
        demands: who sends over which link.
        buffers: asked for.
        scale: whose windows count.
        goodputs: measured payload of ports; others carry 1448/1514 of their rate.
        least: whether with the least that windows let through instead of the most.
    """
    carried_bps = dict(goodputs or {})
    for demand in demands:
        through = window_bps(demands, demand, buffers, scale)
        if through is None:
            continue
        most = through[0] if least else through[1]
        own = _own_port(demands, demand)
        if own is None:
            continue
        carried = carried_bps.get(str(own), goodput_bps(own.rate_bps))
        if most < carried:
            carried_bps[str(own)] = most
    return carried_bps


def _own_port(demands: Demands, demand: Demand) -> Port | None:
    """The slowest of a path's two ends that nobody else crosses: a host has one link."""
    crossed = demands.paths[demand]
    own = [port for port in (crossed[-1], crossed[0]) if demands.through(port) == (demand,)]
    return min(own, key=lambda port: port.rate_bps, default=None)


def window_limits(demands: Demands, buffers: SocketBuffers, scale: Scale) -> str:
    """In a line which flow's window may not fill its path, at once or ever; empty if all do."""
    return next(_too_small(demands, buffers, scale), "")


def _too_small(demands: Demands, buffers: SocketBuffers, scale: Scale) -> Iterator[str]:
    for demand in demands:
        through = window_bps(demands, demand, buffers, scale)
        if through is None:
            continue
        path = _path_bps(demands, demand)
        trip_us = demands.round_trip_us(demand)
        if through[0] < path:
            size = emulated_send_bytes(demands, demand, buffers, scale)
            yield (
                f"a send buffer of {size / 1024:.4g} KiB over a round trip of "
                f"{scale.seconds(trip_us) / 1000:.3g} ms leaves "
                f"the {demand} {rate_text(through[0], 3)} to {rate_text(through[1], 3)} of "
                f"{rate_text(path, 3)}"
            )
        elif grows(demands, demand, scale):
            yield (
                f"over a round trip of {scale.seconds(trip_us) / 1000:.3g} ms TCP has to find out "
                f"what the way of the {demand} takes"
            )


def grows(demands: Demands, demand: Demand, scale: Scale) -> bool:
    """Whether TCP starts with less than fills a flow's path, as after every pause."""
    trip = scale.seconds(demands.round_trip_us(demand) / 1e6)
    held = _path_bps(demands, demand) / float(scale.rates) * trip / 8
    return held > INITIAL_SEGMENTS * PAYLOAD_BYTES


FULL_WAY = 0.7
"""What is left of a long way, at worst, while TCP finds out how much it takes: cubic gives up 30 %
with every loss."""


def in_flight(schedule: Schedule, model: Model, workers: int) -> float | None:
    """Bytes that a schedule's credit has under way in a round trip, at least; None: no credit.

    A unit is sent even if the credit is smaller. In a ring it goes 2(n - 1) hops before it counts
    as answered.
    """
    if schedule.window_bytes is None:
        return None
    largest = schedule.slice_bytes
    units = sum(ceil(one.bytes / largest) if largest else 1 for one in model.tensors)
    hops = max(1, 2 * (workers - 1)) if schedule.exchange == RING else 1
    return max(schedule.window_bytes, model.bytes / units) / hops


def long_ways_seconds(
    exchange: ServerExchange,
    model_bytes: int,
    buffers: SocketBuffers,
    scale: Scale,
    credit_bytes: float | None,
) -> float:
    """What delays add at most to an iteration in which nothing overlaps, in real seconds.

    Pulls and pushes at what the smallest window (or a schedule's credit) lets through, slow start
    before each, and the round trips of a step barrier and of workers that push in turns.
    """
    trip = longest_round_trip_seconds(exchange.demands)
    if not trip:
        return 0.0
    demands = exchange.demands
    added = (2 + len(exchange.workers)) * trip
    for way in WAYS:
        phase = max(
            load.seconds for load in server_loads(exchange, model_bytes) if load.direction == way
        )
        those = exchange.those(way)
        windows = [window_bytes(demands, demand, buffers, scale) for demand in those]
        through = [window_bps(demands, demand, buffers, scale) for demand in those]
        rounds = max(0.0, log2(max(windows) / (INITIAL_SEGMENTS * PAYLOAD_BYTES)))
        least = min(bps[0] for bps in through if bps is not None)
        if credit_bytes is not None and way == "push":
            least = min(least, 8 * credit_bytes / trip)
        added += max(phase / FULL_WAY, 8 * model_bytes / least) - phase + ceil(rounds) * trip
    return added


def long_ways(demands: Demands, buffers: SocketBuffers, scale: Scale) -> tuple[str, ...]:
    """Lines that say what delays and windows mean for the real system; none without delays."""
    trip = longest_round_trip_seconds(demands)
    if not trip:
        return ()
    sizes = {
        window_bytes(demands, demand, buffers, scale) / KEPT / float(scale.factor)
        for demand in demands
    }
    least, most = (f"{size / 1024:.4g}" for size in (min(sizes), max(sizes)))
    named = f"{least} KiB" if least == most else f"{least} to {most} KiB"
    return (f"delays: a round trip takes up to {1000 * trip:.3g} ms; send buffers have {named}",)


def delays_seconds(exchange: ServerExchange, worker: str) -> tuple[float, float]:
    """Seconds from the parameter server to a worker by the links' delays, and back."""
    paths = exchange.demands.paths
    down, up = (
        sum(port.delay_us for port in paths[exchange.demand(way, worker)]) / 1e6 for way in WAYS
    )
    return down, up


def longest_round_trip_seconds(demands: Demands) -> float:
    """Of all demands."""
    return max(map(demands.round_trip_us, demands), default=0) / 1e6
