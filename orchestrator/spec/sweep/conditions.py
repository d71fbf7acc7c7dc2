"""What a point of a sweep may differ in, and what it is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from orchestrator.memory import FRAMEWORK
from orchestrator.spec.placement import ALONE, Placement
from orchestrator.spec.sweep.sweep import Sweep, Values
from orchestrator.spec.sweep.topologies import with_shape, with_workers
from orchestrator.spec.sweep.variable import LINK_KEYS, Value, Variable
from orchestrator.spec.topology import Topology
from orchestrator.spec.traffic.windows import SocketBuffers
from orchestrator.spec.values.text import quoted
from workloads.schedule.schedule import Schedule

_FIELDS = {"codec": ("push_codec", "pull_codec")}
"""Keys of a schedule that stand for several of its fields."""
_SCHEDULE_FIELDS = {one.name for one in fields(Schedule)}


@dataclass(frozen=True)
class Conditions:
    """What a point of a sweep may differ in.

    Attributes:
        topology: under the same name if it is the topology as it was.
        placement: with the point's number of workers.
        batch: images per worker.
        congestion_control: of TCP.
        buffers: what is asked of TCP's.
        schedules: by name, all that may be varied.
        order_of_operations: in which workers compute a model's layers.
    """

    topology: Topology
    placement: Placement
    batch: int
    congestion_control: str = ""
    buffers: SocketBuffers = field(default_factory=SocketBuffers)
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    order_of_operations: str = FRAMEWORK


def conditions(sweep: Sweep, values: Values, base: Conditions) -> Conditions:
    """The conditions at values, which need not be those of a point.

    Args:
        sweep: what is varied.
        values: one for each variable.
        base: the conditions without the sweep.

    Raises:
        ValueError: the topology has no such link, a schedule's choices contradict each other, or
            one worker is left with nobody to exchange with.
    """
    at = base
    for variable, value in zip(sweep.variables, values, strict=True):
        before = at.topology
        at = _at(variable, value, at)
        if at.topology != before:
            name = f"{before.name}-{variable.label(value)}"
            at = replace(at, topology=replace(at.topology, name=name))
    return at


def varied(schedule: Schedule, key: str, value: Value) -> Schedule:
    """A schedule with another value of one of its keys, as files name them.

    Raises:
        ValueError: its choices contradict each other.
    """
    own = f"{key}_bytes" if f"{key}_bytes" in _SCHEDULE_FIELDS else key
    changed: dict[str, Any] = dict.fromkeys(_FIELDS.get(key, (own,)), value)
    try:
        return replace(schedule, **changed)
    except ValueError as error:
        raise ValueError(f"schedule {quoted(schedule.name)} contradicts itself: {error}") from None


def _at(variable: Variable, value: Value, at: Conditions) -> Conditions:
    key = variable.key
    if variable.link is not None:
        return replace(at, topology=with_shape(at.topology, variable.link, LINK_KEYS[key], value))
    if key == "workers":
        topology, placement = with_workers(at.topology, at.placement, int(value))
        if not placement.servers and len(placement.workers) == 1:
            raise ValueError(ALONE)
        return replace(at, topology=topology, placement=placement)
    if key in ("send_buffer", "receive_buffer"):
        size = value if isinstance(value, int) else None
        return replace(at, buffers=replace(at.buffers, **{key.removesuffix("_buffer"): size}))
    if not variable.schedules:
        changed: dict[str, Any] = {key: value}
        return replace(at, **changed)
    own = {name: varied(at.schedules[name], key, value) for name in variable.schedules}
    return replace(at, schedules={**at.schedules, **own})
