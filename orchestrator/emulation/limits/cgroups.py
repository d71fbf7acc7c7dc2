"""Control groups of both kinds: where they can be made, how limits are set and use is read.

Version 1 has one tree per controller (or few), version 2 one for all; a machine may have both at
once. Directories are made below the process' own group (v1) or its nearest ancestor that gives
controllers to its children (v2, where a group with processes in it cannot), so that limits of a
container or a session around the testbed stay in force.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from orchestrator.emulation.limits.caps import Limits, cpu_list

CONTROLLERS = ("cpu", "cpuacct", "cpuset", "memory")
"""Those of use here; `cpuacct` is a part of `cpu` in version 2."""
_NEEDED = ("cpu", "cpuset", "memory")


@dataclass(frozen=True)
class Hierarchy:
    """One tree of cgroups.

    Attributes:
        version: 1 or 2.
        controllers: those of `CONTROLLERS` that its directories will have.
        mount: where the tree is mounted.
        directory: where this process may make directories.
    """

    version: int
    controllers: tuple[str, ...]
    mount: Path
    directory: Path


@dataclass(frozen=True)
class Layout:
    """The cgroups of a machine; `str` says which, `v1 (cpu, memory)`, or nothing.

    Attributes:
        hierarchies: those in which directories can be made.
        missing: `cpu`, `cpuset` and `memory` if no hierarchy has it, and why.
    """

    hierarchies: tuple[Hierarchy, ...]
    missing: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        by_version: dict[int, list[str]] = {}
        for tree in self.hierarchies:
            names = [name for name in tree.controllers if name in _NEEDED]
            by_version.setdefault(tree.version, []).extend(names)
        return "; ".join(
            f"v{version} ({', '.join(names)})" for version, names in by_version.items() if names
        )


@dataclass(frozen=True)
class _Mount:
    root: str
    point: Path
    read_only: bool
    kind: str
    options: frozenset[str]


def find_layout(process: Path = Path("/proc/self")) -> Layout:
    """Where this process may make cgroups; needs no privilege to look."""
    mounts = list(_mounts(_text(process / "mountinfo")))
    own = dict(_own_groups(_text(process / "cgroup")))
    missing = dict.fromkeys(_NEEDED, "no cgroup file system is mounted")
    hierarchies: dict[Path, Hierarchy] = {}
    for controller in CONTROLLERS:
        for mount in mounts:
            if controller not in mount.options or mount.kind != "cgroup":
                continue
            if mount.read_only:
                missing[controller] = f"{mount.point} is mounted read-only"
                continue
            names = tuple(name for name in CONTROLLERS if name in mount.options)
            directory = _inside(mount, own.get(controller, "/"))
            hierarchies[mount.point] = Hierarchy(1, names, mount.point, directory)
            break
    taken = {name for tree in hierarchies.values() for name in tree.controllers}
    for mount in mounts:
        if mount.kind == "cgroup2":
            tree, why = _unified(mount, _inside(mount, own.get("", "/")), taken)
            if tree is not None:
                hierarchies[mount.point] = tree
                taken.update(tree.controllers)
            missing.update({name: why[name] for name in _NEEDED if name in why})
            break
    return Layout(
        tuple(hierarchies.values()), {name: missing[name] for name in _NEEDED if name not in taken}
    )


def _unified(mount: _Mount, own: Path, taken: set[str]) -> tuple[Hierarchy | None, dict[str, str]]:
    """The nearest ancestor of a group that gives its children the most of the controllers."""
    wanted = [name for name in _NEEDED if name not in taken]
    there = _text(mount.point / "cgroup.controllers").split()
    why = {name: f"{mount.point} has no controller {name}" for name in wanted}
    if mount.read_only:
        return None, dict.fromkeys(wanted, f"{mount.point} is mounted read-only")
    best = mount.point
    given: list[str] = []
    for folder in (own, *own.parents):
        names = _text(folder / "cgroup.subtree_control").split()
        gives = [name for name in wanted if name in names]
        if len(gives) > len(given):
            best, given = folder, gives
        if folder == mount.point:
            break
    for name in wanted:
        if name in there and name not in given:
            why[name] = (
                f"{mount.point}/cgroup.subtree_control does not give {name} to its children "
                f"(echo +{name} into it, or let systemd do so)"
            )
        elif name in given:
            del why[name]
    if not given:
        return None, why
    return Hierarchy(2, tuple(given), mount.point, best), why


def _mounts(mountinfo: str) -> Iterator[_Mount]:
    for line in mountinfo.splitlines():
        before, dash, after = line.partition(" - ")
        fields, described = before.split(), after.split()
        if dash and described[0] in ("cgroup", "cgroup2"):
            yield _Mount(
                root=_unescaped(fields[3]),
                point=Path(_unescaped(fields[4])),
                read_only="ro" in fields[5].split(","),
                kind=described[0],
                options=frozenset(described[-1].split(",")),
            )


def _own_groups(text: str) -> Iterator[tuple[str, str]]:
    """Controller (empty: version 2) and the process' own group in its tree."""
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            yield controller, path


def _inside(mount: _Mount, group: str) -> Path:
    """Where a group is in the file system; the mount itself if it is not below it."""
    below = os.path.relpath(group, mount.root)
    folder = mount.point / below
    return folder if not below.startswith("..") and folder.is_dir() else mount.point


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), text)


@dataclass(frozen=True)
class Usage:
    """What a group has used since it was made; None: the kernel does not count it.

    Attributes:
        cpu_seconds: user and system time.
        periods: periods of the CPU quota in which something ran.
        throttled_periods: those of them in which the quota did not suffice.
        throttled_seconds: how long that kept something from running, summed over the CPUs.
        memory_peak_bytes: since `HostGroup.reset_peak`, files in the page cache included.
        oom_kills: processes killed for memory.
    """

    cpu_seconds: float | None
    periods: int
    throttled_periods: int
    throttled_seconds: float
    memory_peak_bytes: int | None
    oom_kills: int


class HostGroup:
    """The cgroup of one host: a directory in each hierarchy.

    Raises:
        OSError: the directories cannot be made.
    """

    def __init__(self, hierarchies: tuple[Hierarchy, ...], host: str) -> None:
        self._at: dict[str, tuple[int, Path]] = {}
        self._folders: list[Path] = []
        self._peak: int | None = None
        for tree in hierarchies:
            folder = tree.directory / host
            folder.mkdir(exist_ok=True)
            inherit_cpuset(tree, folder)
            self._folders.append(folder)
            for controller in tree.controllers:
                self._at[controller] = (tree.version, folder)

    def limit(self, limits: Limits) -> tuple[Limits, list[str]]:
        """Set limits and read them back.

        Returns:
            The limits that hold, and a line for each thing that the kernel refused or kept
            otherwise.
        """
        problems: list[str] = []
        if limits.quota_us is not None and not self._quota(limits, problems):
            limits = replace(limits, cores=None)
        if limits.memory_bytes is not None and not self._memory(limits.memory_bytes, problems):
            limits = replace(limits, memory_bytes=None)
        if limits.cpuset:
            cpus = cpu_list(limits.cpuset)
            if not self._set("cpuset", "cpuset.cpus", cpus, problems):
                limits = replace(limits, cpuset=())
        return limits, problems

    def _quota(self, limits: Limits, problems: list[str]) -> bool:
        quota, period = str(limits.quota_us), str(limits.period_us)
        if self._version("cpu") == 2:
            return self._set("cpu", "cpu.max", f"{quota} {period}", problems)
        return self._set("cpu", "cpu.cfs_period_us", period, problems) and self._set(
            "cpu", "cpu.cfs_quota_us", quota, problems
        )

    def _memory(self, size: int, problems: list[str]) -> bool:
        # The kernel counts in pages.
        page = os.sysconf("SC_PAGE_SIZE")
        text = str(size // page * page)
        if self._version("memory") == 2:
            name, swap = "memory.swap.max", "0"
            done = self._set("memory", "memory.max", text, problems)
        else:
            name, swap = "memory.memsw.limit_in_bytes", text
            done = self._set("memory", "memory.limit_in_bytes", text, problems)
        if done and self._file("memory", name).exists():
            self._set("memory", name, swap, problems)
        elif done and len(_text(Path("/proc/swaps")).splitlines()) > 1:
            problems.append("swap is not counted: the kernel has no accounting of it")
        return done

    def add(self, process: int) -> None:
        """Put a process, and all that it will start, into the group.

        Raises:
            OSError: there is no such process, or the kernel refuses.
        """
        for folder in self._folders:
            (folder / "cgroup.procs").write_text(str(process))

    def reset_peak(self) -> bool:
        """Begin to measure the memory peak anew; False if this kernel cannot."""
        if "memory" not in self._at:
            return False
        try:
            if self._version("memory") == 1:
                self._file("memory", "memory.max_usage_in_bytes").write_text("0")
            else:
                # The reset holds for reads through the same open file only (Linux 6.12).
                if self._peak is None:
                    self._peak = os.open(self._file("memory", "memory.peak"), os.O_RDWR)
                os.write(self._peak, b"0\n")
        except OSError:
            return False
        return True

    def usage(self) -> Usage:
        """Read all counters now."""
        stat = self._numbers("cpu", "cpu.stat")
        if self._version("cpu") == 2:
            cpu = stat.get("usage_usec")
            cpu_seconds = None if cpu is None else cpu / 1e6
            throttled = stat.get("throttled_usec", 0) / 1e6
        else:
            used = self._read("cpuacct", "cpuacct.usage")
            cpu_seconds = int(used) / 1e9 if used else None
            throttled = stat.get("throttled_time", 0) / 1e9
        events = "memory.events" if self._version("memory") == 2 else "memory.oom_control"
        return Usage(
            cpu_seconds=cpu_seconds,
            periods=stat.get("nr_periods", 0),
            throttled_periods=stat.get("nr_throttled", 0),
            throttled_seconds=throttled,
            memory_peak_bytes=self._memory_peak(),
            oom_kills=self._numbers("memory", events).get("oom_kill", 0),
        )

    def _memory_peak(self) -> int | None:
        if self._peak is not None:
            text = os.pread(self._peak, 64, 0).decode()
        elif self._version("memory") == 2:
            text = self._read("memory", "memory.peak")
        else:
            text = self._read("memory", "memory.max_usage_in_bytes")
        return int(text) if text.strip() else None

    def _version(self, controller: str) -> int:
        return self._at[controller][0] if controller in self._at else 0

    def _file(self, controller: str, name: str) -> Path:
        return self._at[controller][1] / name

    def _read(self, controller: str, name: str) -> str:
        return _text(self._file(controller, name)) if controller in self._at else ""

    def _numbers(self, controller: str, name: str) -> dict[str, int]:
        pairs = (line.split() for line in self._read(controller, name).splitlines())
        return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2}

    def _set(self, controller: str, name: str, value: str, problems: list[str]) -> bool:
        """Write a limit and read it back; whether it was kept."""
        file = self._file(controller, name)
        try:
            file.write_text(value)
            kept = file.read_text().strip()
        except OSError as error:
            problems.append(f"the kernel refused {name} {value}: {error.strerror}")
            return False
        if kept != value:
            problems.append(f"asked {name} {value}, the kernel kept {kept}")
        return kept == value


def inherit_cpuset(tree: Hierarchy, folder: Path) -> None:
    """In version 1 a new cpuset is empty, and no process may enter it."""
    if tree.version == 1 and "cpuset" in tree.controllers:
        for name in ("cpuset.cpus", "cpuset.mems"):
            (folder / name).write_text((folder.parent / name).read_text())


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
