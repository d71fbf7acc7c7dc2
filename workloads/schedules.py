"""Communication schedules: named points in the space of four choices.

**order** (in which order parameters are asked for, or flows are served), **place** (who enforces
it), **granularity** (whole tensors or slices) and **synchronisation**. The two schedules of this
version differ in one thing only, the place: with `switch-priority` the switch ports of the trunk
serve the workers' flows in strict priority. The processes on the hosts do exactly the same under
both, down to the same random pull orders.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from workloads.errors import unknown_name


@dataclass(frozen=True)
class Schedule:
    """A communication schedule.

    Attributes:
        name: as experiments name it.
        order: order of a worker's pulls: "random" is a new permutation of all tensors each
            iteration, from (seed, repeat, worker, iteration).
        place: where flows are ordered: "nowhere" (every flow in one class) or "switch".
        granularity: unit that is ordered: "tensor".
        synchronisation: "step-barrier": the next iteration starts everywhere when all gradients
            of all workers are applied.
        source: where the rule comes from.
        switch_order: what the switch orders by: "worker" (strict priority, first worker of the
            topology first, in both directions), or None when the place is not the switch.
    """

    name: str
    order: Literal["random"]
    place: Literal["nowhere", "switch"]
    granularity: Literal["tensor"]
    synchronisation: Literal["step-barrier"]
    source: str
    switch_order: Literal["worker"] | None = None


_NONE = Schedule(
    name="none",
    order="random",
    place="nowhere",
    granularity="tensor",
    synchronisation="step-barrier",
    source=(
        "TensorFlow 1.x parameter server, the unscheduled column of the published experiment: all "
        "receives are issued when the step starts, so they arrive in an effectively random order"
    ),
)

_SWITCH_PRIORITY = Schedule(
    name="switch-priority",
    order="random",
    place="switch",
    granularity="tensor",
    synchronisation="step-barrier",
    source=(
        "the scheduled column of the published experiment, 'Accelerate DML with communication "
        "schedule' (network priority scheduling at the switch). The page does not state the rule: "
        "strict priority between workers, in fixed order and both directions, at the trunk's two "
        "switch ports is our inference, because it reproduces the published figures"
    ),
    switch_order="worker",
)

SCHEDULES: tuple[Schedule, ...] = (_NONE, _SWITCH_PRIORITY)


def schedule_names() -> tuple[str, ...]:
    """Names of all schedules, baseline first."""
    return tuple(schedule.name for schedule in SCHEDULES)


def get_schedule(name: str) -> Schedule:
    """Return the schedule of that name.

    Raises:
        ValueError: there is none; the message has the nearest name.
    """
    for schedule in SCHEDULES:
        if schedule.name == name:
            return schedule
    raise ValueError(unknown_name("schedule", name, schedule_names()))
