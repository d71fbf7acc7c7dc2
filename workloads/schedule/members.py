"""Who takes part in an exchange, and how they stand to each other (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workloads.library import HYBRID, PARAMETER_SERVER, RING, SPLIT
from workloads.schedule.library import get_schedule
from workloads.schedule.schedule import UNSCHEDULED, Schedule


@dataclass(frozen=True)
class Members:
    """All that take part in a schedule's exchange, by the names of their hosts.

    Attributes:
        servers: the parameter servers that the schedule uses, in their order.
        workers: in the order in which their gradients are summed.
        ring: all workers in an order that suits the topology: each can send to the next one, and
            the last to the first, without crossing a link oftener than needed; empty: `workers`.
        groups: the workers in groups that are near each other, each in ring order; empty: one
            group of all.
        shares: where an exchange takes several ways at once, the share of the model by way.
        schedule: what they do.
    """

    servers: tuple[str, ...]
    workers: tuple[str, ...]
    ring: tuple[str, ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()
    shares: Mapping[str, float] = field(default_factory=dict, hash=False)
    schedule: Schedule = field(default_factory=lambda: get_schedule(UNSCHEDULED))

    def __post_init__(self) -> None:
        if not self.ring:
            object.__setattr__(self, "ring", self.workers)
        if not self.groups:
            object.__setattr__(self, "groups", (self.ring,))

    @property
    def owners(self) -> int:
        """Over how many hosts the units of the model are spread: what is large is cut for them."""
        exchange = self.schedule.exchange
        if exchange == PARAMETER_SERVER:
            return max(1, len(self.servers))
        if exchange == HYBRID:
            return max(map(len, self.groups))
        return len(self.ring) if exchange in (RING, SPLIT) else 1

    @property
    def parties(self) -> tuple[tuple[int, ...], ...]:
        """The numbers of workers that have one pace: those of a group, else each by itself."""
        numbers = {name: number for number, name in enumerate(self.workers)}
        if self.schedule.exchange != HYBRID:
            return tuple((number,) for number in numbers.values())
        return tuple(tuple(numbers[name] for name in group) for group in self.groups)

    def group_of(self, worker: str) -> tuple[str, ...]:
        """The group that a worker is in."""
        return next(group for group in self.groups if worker in group)

    def as_job(self) -> dict[str, Any]:
        """What a job says of them beside its workers and its schedule, ready for JSON."""
        return {
            "servers": list(self.servers),
            "ring": list(self.ring),
            "groups": [list(group) for group in self.groups],
            "shares": dict(self.shares),
        }
