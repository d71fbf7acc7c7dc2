"""Whether an emulation is large enough for an order to have an effect (pure).

What an order moves about is a worker's turn: the time in which the fullest link carries all of the
model for one worker. Under an order one worker is such a turn ahead of the next one. Two things do
not shrink with D/R below a size of their own, so that at a small D/R they are as long as a turn:

- **windows**: what TCP has on its way is beyond any order. Once the windows at the fullest link
  hold a whole turn together, workers get their data together, whatever the order;
- **messages**: each takes time of a core. Once those of one host take a whole turn, they decide who
  goes on, and not the link.

Where it is so in the real system, too, it is no fault of the scale.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import product
from math import ceil, log10

from orchestrator.spec.fields import SLICE_MICROSECONDS
from orchestrator.spec.scale import MAX_TIME, MIN_TIME, Scale
from orchestrator.spec.small_models import sent
from orchestrator.spec.text import counted
from orchestrator.spec.traffic.demands import Demands
from orchestrator.spec.traffic.graph import Port
from orchestrator.spec.traffic.windows import (
    SocketBuffers,
    packet_segments,
    payload_share,
    window_bytes,
)
from workloads.models.profiles import Model
from workloads.schedule.library import Schedule

_STEPS = 1000
"""Per unit of D, in which the least one is looked for."""


def fullest_port(demands: Demands) -> Port:
    """The port that needs the longest for one model of everybody who sends through it."""
    return max(demands.crossed, key=lambda port: len(demands.through(port)) / port.rate_bps)


def bytes_in_flight(demands: Demands, buffers: SocketBuffers, scale: Scale) -> float:
    """Payload that windows hold at the fullest port, one of each demand, in emulated bytes."""
    return sum(
        window_bytes(demands, demand, buffers, scale)
        * payload_share(packet_segments(demands, demand, scale))
        for demand in demands.through(fullest_port(demands))
    )


def message_seconds(
    demands: Demands, model: Model, unit_bytes: int | None, scale: Scale
) -> tuple[int, float]:
    """How many messages the busiest host has in an iteration, and their time on this machine."""
    ends = Counter(end for one in demands for end in (one.source, one.destination))
    _, messages = sent(model, unit_bytes, scale)
    count = max(ends.values()) * messages
    # The time is that of both ends.
    return count, count * SLICE_MICROSECONDS / 2 / 1e6


def turn_seconds(demands: Demands, model: Model, scale: Scale) -> float:
    """How long the fullest port carries the model for one worker, in emulated seconds."""
    return scale.seconds(8 * model.bytes / fullest_port(demands).rate_bps)


def without_order(
    demands: Demands,
    buffers: SocketBuffers,
    model: Model,
    schedule: Schedule,
    scale: Scale,
) -> str:
    """Why an order has little effect at a scale, and which D is enough; empty if it has its own.

    Args:
        demands: of the training.
        buffers: TCP's, as they are asked for.
        model: that is trained.
        schedule: under which; one that orders nothing, and waits for everybody, loses nothing.
        scale: of the emulation.
    """
    what = _too_long(demands, buffers, model, schedule, scale)
    if not what:
        return ""
    time = _least_time(demands, buffers, model, schedule, scale.rates)
    return f"{what} ({_enough(time, scale)})"


def too_small_for_order(
    networks: Iterable[Demands],
    buffers: SocketBuffers,
    models: Iterable[Model],
    schedules: Iterable[Schedule],
    scale: Scale,
) -> str:
    """In a line which models have too little at a scale for an order; empty: none."""
    known, using = list(networks), list(schedules)
    found: dict[str, str] = {}
    least: list[float | None] = []
    for model in models:
        for demands, schedule in product(known, using):
            if what := _too_long(demands, buffers, model, schedule, scale):
                found.setdefault(model.name, what)
                least.append(_least_time(demands, buffers, model, schedule, scale.rates))
    if not found:
        return ""
    others = [name for name in found if name != next(iter(found))]
    same = f"; {', '.join(others)}: the same" if others else ""
    # What is enough for all.
    time = max(least, key=lambda one: MAX_TIME + 1 if one is None else one)
    return (
        f"scale: at {scale} an order has little effect: {next(iter(found.values()))}{same} "
        f"({_enough(time, scale)})"
    )


def _too_long(
    demands: Demands, buffers: SocketBuffers, model: Model, schedule: Schedule, scale: Scale
) -> str:
    """What takes a whole turn at a scale, and does not in the real system; empty: nothing."""
    if schedule.place == "nowhere" and schedule.barrier:
        return ""
    port = fullest_port(demands)
    if schedule.place != "nowhere":
        here = schedule.flow_count * bytes_in_flight(demands, buffers, scale)
        own = model.bytes * float(scale.factor)
        real = schedule.flow_count * bytes_in_flight(demands, buffers, Scale())
        if here >= own and real < model.bytes:
            return (
                f"TCP's windows at {port} hold {here / 1024:.3g} KiB together, and "
                f"{model.name} has {own / 1024:.3g} KiB for one worker"
            )
    count, seconds = message_seconds(demands, model, schedule.slice_bytes, scale)
    turn = turn_seconds(demands, model, scale)
    _, without_scale = message_seconds(demands, model, schedule.slice_bytes, Scale())
    if seconds >= turn and without_scale < turn_seconds(demands, model, Scale()):
        return (
            f"{counted(count, 'message')} of {model.name} take a host some "
            f"{1000 * seconds:.2g} ms, and {port} carries one worker's in {1000 * turn:.2g} ms"
        )
    return ""


def _enough(time: float | None, scale: Scale) -> str:
    enough = f"D = {time:g} is enough" if time else f"no D up to {MAX_TIME} is enough"
    return f"{enough} at R = {scale.rates:g}"


def _least_time(
    demands: Demands, buffers: SocketBuffers, model: Model, schedule: Schedule, rates: float
) -> float | None:
    """The least D, of two digits, at which nothing takes a whole turn; None: there is none."""

    def large(steps: int) -> bool:
        at = Scale(rates, steps / _STEPS)
        return not _too_long(demands, buffers, model, schedule, at)

    low, high = round(MIN_TIME * _STEPS), round(MAX_TIME * _STEPS)
    if not large(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if large(middle) else (middle, high)
    digit: int = 10 ** max(0, int(log10(high)) - 1)
    return ceil(high / digit) * digit / _STEPS
