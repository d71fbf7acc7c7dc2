"""Whether an emulation is large enough for an order to have an effect (pure).

What an order moves about is a worker's turn: the time in which the fullest link carries all of the
model for one worker. Under an order one worker is such a turn ahead of the next one. Two things do
not shrink with D/R below a fixed size, so that at a small D/R they are as long as a turn:

- **windows**: what TCP has on its way is beyond any order. Once the windows at the fullest link
  hold a whole turn together, workers get their data together, whatever the order;
- **messages**: each takes time of a core. Once those of one host take a whole turn, they decide who
  sends next, and not the link.

Where the real system has the same limit, the scale is not to blame.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from math import ceil, log10

from orchestrator.spec.scale import MAX_TIME, MIN_TIME, Scale
from orchestrator.spec.traffic.demands import Demands
from orchestrator.spec.traffic.graph import Port
from orchestrator.spec.traffic.small_models import sent
from orchestrator.spec.traffic.windows import (
    SocketBuffers,
    host_burst_segments,
    payload_share,
    window_bytes,
)
from orchestrator.spec.values.fields import SLICE_MICROSECONDS
from orchestrator.spec.values.text import counted
from workloads.models.profiles import Model
from workloads.schedule.schedule import Schedule

_STEPS = 1000
"""Per unit of D, in which the least one is looked for."""


@dataclass(frozen=True)
class Turns:
    """The turns of a training's workers on their network.

    Attributes:
        demands: of the training.
        buffers: TCP's, as they are asked for.
    """

    demands: Demands
    buffers: SocketBuffers = field(default_factory=SocketBuffers)

    @cached_property
    def port(self) -> Port:
        """The one that needs the longest for one model of each host that sends through it."""
        through = self.demands.through
        return max(self.demands.crossed, key=lambda port: len(through(port)) / port.rate_bps)

    def seconds(self, model: Model, scale: Scale) -> float:
        """How long that port carries the model for one worker, in emulated seconds."""
        return scale.seconds(8 * model.bytes / self.port.rate_bps)

    def bytes_in_flight(self, scale: Scale) -> float:
        """Payload that windows hold there, one of each demand, in emulated bytes."""
        if scale not in self._in_flight:
            bursts = host_burst_segments(self.demands, scale)
            self._in_flight[scale] = sum(
                window_bytes(self.demands, demand, self.buffers, scale)
                * payload_share(bursts[self.demands.paths[demand][0].node])
                for demand in self.demands.through(self.port)
            )
        return self._in_flight[scale]

    def messages(self, model: Model, unit_bytes: int | None, scale: Scale) -> tuple[int, float]:
        """How many messages the busiest host has in an iteration, and their time in seconds."""
        _, messages = sent(model, unit_bytes, scale)
        count = self._most_demands * messages
        # The time is that of both ends.
        return count, count * SLICE_MICROSECONDS / 2 / 1e6

    def why_too_short(self, model: Model, schedule: Schedule, scale: Scale) -> str:
        """What takes a whole turn at a scale, and does not in the real system; empty: nothing."""
        if schedule.place == "nowhere" and schedule.barrier:
            return ""
        if schedule.place != "nowhere":
            here = schedule.flow_count * self.bytes_in_flight(scale)
            own = model.bytes * float(scale.factor)
            if here >= own and schedule.flow_count * self.bytes_in_flight(Scale()) < model.bytes:
                return (
                    f"TCP's windows at {self.port} hold {here / 1024:,.0f} KiB together, and "
                    f"{model.name} has {own / 1024:.3g} KiB for one worker"
                )
        count, seconds = self.messages(model, schedule.slice_bytes, scale)
        turn = self.seconds(model, scale)
        if seconds < turn:
            return ""
        if self.messages(model, schedule.slice_bytes, Scale())[1] >= self.seconds(model, Scale()):
            return ""
        return (
            f"{counted(count, 'message')} of {model.name} take a host some "
            f"{1000 * seconds:.2g} ms, and {self.port} carries one worker's in {1000 * turn:.2g} ms"
        )

    @cached_property
    def _most_demands(self) -> int:
        ends = Counter(end for one in self.demands for end in (one.source, one.destination))
        return max(ends.values())

    @cached_property
    def _in_flight(self) -> dict[Scale, float]:
        return {}


_Case = tuple[Turns, Model, Schedule]


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
        schedule: under which; one that orders nothing, and waits for all workers, loses nothing.
        scale: of the emulation.
    """
    turns = Turns(demands, buffers)
    what = turns.why_too_short(model, schedule, scale)
    return f"{what} ({_enough([(turns, model, schedule)], scale)})" if what else ""


def too_small_for_order(
    networks: Iterable[Demands],
    buffers: SocketBuffers,
    models: Iterable[Model],
    schedules: Iterable[Schedule],
    scale: Scale,
) -> str:
    """In a line which models have too little at a scale for an order; empty: none."""
    # Points of a sweep share networks, and schedules that are alike in this need one look.
    all_turns = [Turns(one, buffers) for one in {id(one): one for one in networks}.values()]
    unlike = {
        (one.place == "nowhere", one.barrier, one.flow_count, one.slice_bytes): one
        for one in schedules
    }
    reasons: dict[str, str] = {}
    cases: list[_Case] = []
    for case in product(models, all_turns, unlike.values()):
        model, turns, schedule = case
        if what := turns.why_too_short(model, schedule, scale):
            reasons.setdefault(model.name, what)
            cases.append((turns, model, schedule))
    if not reasons:
        return ""
    first, *others = reasons
    same = f"; {', '.join(others)}: the same" if others else ""
    return (
        f"scale: at {scale} an order has little effect: {reasons[first]}{same} "
        f"({_enough(cases, scale)})"
    )


def _enough(cases: Sequence[_Case], scale: Scale) -> str:
    time = _least_time(cases, scale.rates)
    enough = f"D = {time:g} is enough" if time else f"no D up to {MAX_TIME} is enough"
    return f"{enough} at R = {scale.rates:g}"


def _least_time(cases: Sequence[_Case], rates: float) -> float | None:
    """The least D, of two digits, at which nothing takes a whole turn; None: there is none."""

    def large(steps: int) -> bool:
        at = Scale(rates, steps / _STEPS)
        return not any(turns.why_too_short(model, own, at) for turns, model, own in cases)

    low, high = round(MIN_TIME * _STEPS), round(MAX_TIME * _STEPS)
    if not large(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if large(middle) else (middle, high)
    digit: int = 10 ** max(0, int(log10(high)) - 1)
    return ceil(high / digit) * digit / _STEPS
