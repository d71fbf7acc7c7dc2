"""CPU and memory caps per host: what was asked, what this machine can enforce, and why not (pure).

CPU: a quota of `cores` x the period. It is not scaled: the compute of a host's device is emulated
by waiting, so the cap bounds the real work of the processes that stand for it. A machine's whole is
all that it can give, so a host that asks for more has all of it.

Memory: the file's figure is the real system's and scales like all bytes, x D/R, but for the
programs' own part (`PROGRAM_BYTES`): an interpreter does not get smaller with the tensors. At
D = R the cap is what was written. A model that does not fit into the real host then does not fit
into the emulated one either.

cpuset: only where the file names CPUs. Pinning by our own choice would make two testbeds on one
machine meet on the same CPUs while others idle. Where no cgroup gives it (systemd does not delegate
that controller to a login session), the CPU affinity of a host's first processes keeps it: all that
they start inherits that. It is weaker, for a program may change its own.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from orchestrator.errors import MachineError
from orchestrator.records.network import LimitsRecord
from orchestrator.spec import Host, Scale, Topology

PROGRAM_BYTES = 128 * 2**20
"""Python with numpy, the SSH server and its sessions: 25 to 40 MiB measured, libraries aside."""

PERIOD_US = 10_000
"""Short, so that a throttled host stops often for moments instead of once for long."""
MIN_QUOTA_US = 1000
"""The kernel's least."""


@dataclass(frozen=True)
class MachineCapacity:
    """What this machine has to give.

    Attributes:
        cpus: the CPUs that may be used, by number.
        memory_bytes: of the whole machine.
        missing: cgroup controllers (`cpu`, `cpuset`, `memory`) that cannot be used, and why.
        affinity: whether CPU affinity may take the place of a missing `cpuset`.
    """

    cpus: tuple[int, ...]
    memory_bytes: int
    missing: Mapping[str, str] = field(default_factory=dict)
    affinity: bool = True

    @property
    def cores(self) -> int:
        """How many CPUs there are."""
        return len(self.cpus)


def this_machine(missing: Mapping[str, str], *, affinity: bool = True) -> MachineCapacity:
    """The capacity of the machine that this process runs on."""
    return MachineCapacity(
        cpus=tuple(sorted(os.sched_getaffinity(0))),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        missing=missing,
        affinity=affinity,
    )


@dataclass(frozen=True)
class Limits:
    """Limits of one host; None or empty: none.

    Attributes:
        cores: how many it may use at once.
        memory_bytes: of all its processes, swap included.
        cpuset: the CPUs that it may run on.
    """

    cores: float | None = None
    memory_bytes: int | None = None
    cpuset: tuple[int, ...] = ()

    @property
    def period_us(self) -> int:
        """The period of the CPU quota; longer where the quota would be below the kernel's least."""
        return max(PERIOD_US, math.ceil(MIN_QUOTA_US / (self.cores or 1)))

    @property
    def quota_us(self) -> int | None:
        """CPU time per period, over all CPUs."""
        return None if self.cores is None else round(self.cores * self.period_us)

    def record(self) -> LimitsRecord:
        """For a trial's network.json."""
        return LimitsRecord(cores=self.cores, memory_bytes=self.memory_bytes, cpuset=self.cpuset)


@dataclass(frozen=True)
class HostCaps:
    """The caps of one host.

    Attributes:
        host: its name.
        asked: as in the topology, in the real system's figures.
        limits: what is to be set on this machine, in emulated bytes.
        enforced: what then holds: `limits`, and what the machine's own size enforces.
        why_not: a line for each thing that is not enforced as asked.
        pinned: the cpuset is kept by CPU affinity, and not by a cgroup.
    """

    host: str
    asked: Limits
    limits: Limits
    enforced: Limits
    why_not: tuple[str, ...] = ()
    pinned: bool = False

    @property
    def cgroup_limits(self) -> Limits:
        """Those of the limits that a cgroup is asked for."""
        return replace(self.limits, cpuset=()) if self.pinned else self.limits

    @property
    def affinity(self) -> tuple[int, ...]:
        """The CPUs that the host's processes are bound to; empty: to none."""
        return self.limits.cpuset if self.pinned else ()

    @property
    def cpuset_by(self) -> str | None:
        """What keeps the cpuset: `cgroup` or `affinity`; None if there is none."""
        if not self.enforced.cpuset:
            return None
        return "affinity" if self.pinned else "cgroup"

    def after(self, kept: Limits, refused: Iterable[str]) -> HostCaps:
        """The caps after the kernel kept `kept` of `cgroup_limits`, and said why."""
        wanted, held = self.cgroup_limits, self.enforced
        enforced = Limits(
            held.cores if kept.cores == wanted.cores else None,
            held.memory_bytes if kept.memory_bytes == wanted.memory_bytes else None,
            held.cpuset,
        )
        why_not = (*self.why_not, *refused)
        if kept.cpuset != wanted.cpuset:
            why_not = (*why_not, _by_affinity(wanted.cpuset, "the cgroup was refused"))
            return replace(self, enforced=enforced, why_not=why_not, pinned=True)
        return replace(self, enforced=enforced, why_not=why_not)


def memory_cap(memory_bytes: int, scale: Scale) -> int:
    """Emulated bytes that stand for a real host's memory."""
    own = min(memory_bytes, PROGRAM_BYTES)
    rest = memory_bytes - own
    return own + (scale.bytes(rest) if rest else 0)


def host_caps(topology: Topology, scale: Scale, capacity: MachineCapacity) -> tuple[HostCaps, ...]:
    """The caps of all hosts, in the order of the file."""
    return tuple(_caps(host, scale, capacity) for host in topology.hosts)


def _caps(host: Host, scale: Scale, capacity: MachineCapacity) -> HostCaps:
    asked = Limits(host.cores, host.memory_bytes, host.cpuset)
    why_not: list[str] = []
    cpuset = _cpuset(asked, capacity, why_not)
    cores = _cores(asked, len(cpuset) or capacity.cores, capacity, why_not)
    memory = None
    if asked.memory_bytes is not None:
        memory = memory_cap(asked.memory_bytes, scale)
        if "memory" in capacity.missing:
            why_not.append(f"no memory cap: {capacity.missing['memory']}")
            memory = None
    limits = Limits(cores, memory, cpuset)
    reached = cores
    if cores is None and (asked.cores is not None or cpuset) and "cpu" not in capacity.missing:
        reached = len(cpuset) or capacity.cores
    pinned = bool(cpuset) and "cpuset" in capacity.missing
    enforced = Limits(reached, memory, cpuset)
    return HostCaps(host.name, asked, limits, enforced, tuple(why_not), pinned)


def _cpuset(asked: Limits, capacity: MachineCapacity, why_not: list[str]) -> tuple[int, ...]:
    if not asked.cpuset:
        return ()
    if "cpuset" in capacity.missing and not capacity.affinity:
        why_not.append(f"no cpuset: {capacity.missing['cpuset']}")
        return ()
    absent = [cpu for cpu in asked.cpuset if cpu not in capacity.cpus]
    if absent:
        listed = ", ".join(map(str, absent))
        why_not.append(f"no CPU {listed} here: the machine has {cpu_list(capacity.cpus)}")
    there = tuple(cpu for cpu in asked.cpuset if cpu in capacity.cpus)
    if there and "cpuset" in capacity.missing:
        why_not.append(_by_affinity(there, capacity.missing["cpuset"]))
    return there


def _by_affinity(cpus: Sequence[int], why: str) -> str:
    return f"CPU {cpu_list(cpus)} by affinity, which a program may change for itself: {why}"


def _cores(
    asked: Limits, there: int, capacity: MachineCapacity, why_not: list[str]
) -> float | None:
    """The quota to be set, in cores; none where the CPUs that are there are the cap."""
    if asked.cores is None:
        return None
    if "cpu" in capacity.missing:
        why_not.append(f"no CPU cap: {capacity.missing['cpu']}")
        return None
    if asked.cores > there:
        whose = "its cpuset" if there < capacity.cores else "the machine"
        why_not.append(f"asked {asked.cores:g} cores, enforced: all {there}, {whose} has no more")
    return asked.cores if asked.cores < there else None


def warnings(caps: Sequence[HostCaps], capacity: MachineCapacity) -> tuple[str, ...]:
    """What a person should know of the caps before a run: one line each."""
    asked = {
        "cpu": any(cap.asked.cores is not None for cap in caps),
        "memory": any(cap.asked.memory_bytes is not None for cap in caps),
        "cpuset": any(cap.asked.cpuset for cap in caps),
    }
    lines = [
        f"no {name} caps are enforced: {capacity.missing[name]}"
        for name, wanted in asked.items()
        if wanted and name in capacity.missing and not (name == "cpuset" and capacity.affinity)
    ]
    memory = sum(cap.enforced.memory_bytes or 0 for cap in caps)
    if memory > capacity.memory_bytes:
        lines.append(
            f"the hosts' memory caps add up to {size_text(memory)}, this machine has "
            f"{size_text(capacity.memory_bytes)}: not all hosts can fill theirs at once"
        )
    return tuple(lines)


def notes(caps: Sequence[HostCaps], capacity: MachineCapacity) -> tuple[str, ...]:
    """What is usual in an emulation, and hence only recorded: idle CPU tells whether it matters."""
    lines = []
    if pinned := [cap.host for cap in caps if cap.pinned]:
        lines.append(f"CPU affinity keeps the cpuset of {', '.join(pinned)}, and no cgroup")
    cores = sum(cap.enforced.cores or 0 for cap in caps)
    if cores > capacity.cores:
        lines.append(
            f"the hosts' CPU caps add up to {cores:g} cores, this machine has {capacity.cores}: "
            "not all hosts can use theirs at once"
        )
    return tuple(lines)


def refusals(caps: Iterable[HostCaps], capacity: MachineCapacity) -> tuple[str, ...]:
    """Hosts whose memory this machine does not have."""
    return tuple(
        f"host {cap.host} asks for {size_text(cap.asked.memory_bytes or 0)} of memory"
        + (f", {size_text(here)} at this scale" if here != cap.asked.memory_bytes else "")
        + f"; this machine has {size_text(capacity.memory_bytes)}"
        for cap in caps
        if (here := cap.limits.memory_bytes or 0) > capacity.memory_bytes
    )


def require_capacity(caps: Iterable[HostCaps], capacity: MachineCapacity) -> None:
    """Refuse a topology with a host that has more memory than the machine.

    Raises:
        MachineError: there is one; the message names all of them, with the remedy.
    """
    refused = refusals(caps, capacity)
    if refused:
        hint = "a smaller D/R in --scale R,D, or less memory in the topology"
        raise MachineError("; ".join(refused), hint)


def size_text(size: int) -> str:
    """A size for people: `256 MiB`, `15.9 GiB`."""
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20)):
        if size >= factor:
            return f"{round(size / factor, 1):g} {unit}"
    return f"{size / 1024:g} KiB"


def limits_text(limits: Limits) -> str:
    """Limits for people: `2 cores, 4 GiB, CPUs 0-1`; empty if there are none."""
    parts = []
    if limits.cores is not None:
        parts.append(f"{limits.cores:g} core{'' if limits.cores <= 1 else 's'}")
    if limits.memory_bytes is not None:
        parts.append(size_text(limits.memory_bytes))
    if limits.cpuset:
        parts.append(f"CPU {cpu_list(limits.cpuset)}")
    return ", ".join(parts)


def cpu_list(cpus: Sequence[int]) -> str:
    """CPUs as the kernel writes them: `0-3,8`."""
    spans: list[tuple[int, int]] = []
    for cpu in cpus:
        if spans and spans[-1][1] == cpu - 1:
            spans[-1] = (spans[-1][0], cpu)
        else:
            spans.append((cpu, cpu))
    return ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in spans)
