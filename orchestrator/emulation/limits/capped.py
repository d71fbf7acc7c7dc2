"""The capped hosts of a running testbed: caps set, processes put under them, use read per trial."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.emulation.limits.caps import (
    HostCaps,
    MachineCapacity,
    host_caps,
    notes,
    size_text,
    this_machine,
    warnings,
)
from orchestrator.emulation.limits.cgroups import HostGroup, Usage
from orchestrator.emulation.limits.run_groups import NO_GROUPS, RunGroups
from orchestrator.errors import RunError
from orchestrator.records.network import CapsRecord, MeasuredUseRecord
from orchestrator.spec import Scale, Topology


class CappedHosts:
    """One group per host, with its limits set.

    Attributes:
        caps: what is enforced after all: what the kernel refused is in `why_not`.

    Raises:
        RunError: the groups cannot be made.
    """

    def __init__(
        self,
        caps: Sequence[HostCaps],
        capacity: MachineCapacity,
        groups: RunGroups,
        pin: Callable[[int, Iterable[int]], None] = os.sched_setaffinity,
    ) -> None:
        self._capacity = capacity
        self._pin = pin
        self._groups: dict[str, HostGroup] = {}
        groups.weigh(len(caps))
        kept = []
        for cap in caps:
            try:
                group = groups.host(cap.host)
            except OSError as error:
                raise RunError(f"cannot make the cgroups of host {cap.host}: {error}") from error
            self._groups[cap.host] = group
            limits, refused = group.limit(cap.cgroup_limits)
            kept.append(cap.after(limits, refused))
        self.caps = tuple(kept)
        self._affinity = {cap.host: cap.affinity for cap in kept if cap.affinity}

    def add(self, host: str, process: int) -> None:
        """Put a process of a host, and all that it will start, under the host's caps.

        Raises:
            RunError: the kernel refuses.
        """
        try:
            self._groups[host].add(process)
            if cpus := self._affinity.get(host):
                self._pin(process, cpus)
        except OSError as error:
            raise RunError(f"cannot put {host} under its caps: {error.strerror}") from error

    def warnings(self) -> tuple[str, ...]:
        """What a person should know of the caps."""
        return warnings(self.caps, self._capacity)

    def notes(self) -> list[str]:
        """The warnings, and what is usual in an emulation and hence only recorded."""
        return [*self.warnings(), *notes(self.caps, self._capacity)]

    def usage(self) -> dict[str, Usage]:
        """What every host has used."""
        return {name: group.usage() for name, group in self._groups.items()}

    def meter(self, first: int, last: int) -> CapsMeter:
        """Begin to measure a trial whose measured iterations are `first` to `last`."""
        fresh = {name: group.reset_peak() for name, group in self._groups.items()}
        return CapsMeter(self.caps, self.usage, fresh, first=first, last=last)


def cap_hosts(
    topology: Topology, scale: Scale, groups: RunGroups, pids: Mapping[str, int]
) -> CappedHosts:
    """Put every host of a running network under its caps.

    Args:
        topology: says the caps, in the real system's sizes.
        scale: R and D.
        groups: the run's cgroups; `NO_GROUPS`: nothing is capped, and nothing pinned either.
        pids: the process of every host from which all others of it descend.

    Raises:
        RunError: the kernel refuses.
    """
    capacity = this_machine(groups.missing, affinity=groups is not NO_GROUPS)
    hosts = CappedHosts(host_caps(topology, scale, capacity), capacity, groups)
    for name, pid in pids.items():
        hosts.add(name, pid)
    return hosts


@dataclass
class _Mark:
    seconds: float
    usage: Mapping[str, Usage]


class CapsMeter:
    """What the hosts use in one trial, and in its measured iterations alone.

    Processes burn CPU as they start: a throttled start says nothing of the figures.
    """

    def __init__(
        self,
        caps: Sequence[HostCaps],
        usage: Callable[[], Mapping[str, Usage]],
        fresh_peak: Mapping[str, bool],
        *,
        first: int,
        last: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._caps = caps
        self._usage = usage
        self._fresh_peak = fresh_peak
        self._clock = clock
        # Before the first iteration of all, the server says that it listens. Without a server
        # nobody does: the first iteration is left out then.
        self._begin_at = ("iteration", first - 1) if first else ("listening", None)
        self._end_at = ("iteration", last)
        self._late = ("iteration", 0) if not first and last else None
        self._begin: _Mark | None = None
        self._end: _Mark | None = None
        self._start = self._mark()

    def event(self, event: Mapping[str, Any]) -> None:
        """Take an event of the parameter server, or where there is none of a worker."""
        what = (event.get("event"), event.get("iteration"))
        if what == self._begin_at or (self._begin is None and what == self._late):
            self._begin = self._mark()
        elif what == self._end_at:
            self._end = self._mark()

    def finish(self) -> tuple[dict[str, CapsRecord], list[str]]:
        """The trial's record by host, and a line for each host of which something was killed."""
        now = self._usage()
        record: dict[str, CapsRecord] = {}
        killed = []
        for cap in self._caps:
            use, before = now[cap.host], self._start.usage[cap.host]
            kills = use.oom_kills - before.oom_kills
            if kills:
                killed.append(f"{cap.host}: killed for memory: {_which(cap)}")
            record[cap.host] = CapsRecord(
                asked=cap.asked.record(),
                enforced=cap.enforced.record(),
                why_not=cap.why_not,
                cpuset_by=cap.cpuset_by,
                **_use(before, use),
                memory_peak_bytes=use.memory_peak_bytes,
                memory_peak_of="trial" if self._fresh_peak[cap.host] else "run",
                oom_kills=kills,
                measured=self._measured(cap.host),
            )
        return record, killed

    def _measured(self, host: str) -> MeasuredUseRecord | None:
        if self._begin is None or self._end is None:
            return None
        seconds = self._end.seconds - self._begin.seconds
        used = _use(self._begin.usage[host], self._end.usage[host])
        return MeasuredUseRecord(seconds=seconds, **used)

    def _mark(self) -> _Mark:
        return _Mark(self._clock(), self._usage())


def _use(before: Usage, after: Usage) -> dict[str, Any]:
    cpu = None
    if before.cpu_seconds is not None and after.cpu_seconds is not None:
        cpu = after.cpu_seconds - before.cpu_seconds
    return {
        "cpu_seconds": cpu,
        "periods": after.periods - before.periods,
        "throttled_periods": after.throttled_periods - before.throttled_periods,
        "throttled_seconds": after.throttled_seconds - before.throttled_seconds,
    }


def _which(cap: HostCaps) -> str:
    here, asked = cap.enforced.memory_bytes, cap.asked.memory_bytes
    if here is None or asked is None:
        return "the machine has no more"
    scaled = f" ({size_text(asked)} at scale 1)" if here != asked else ""
    return f"its host's cap is {size_text(here)}{scaled}"
