"""What this machine can do, and what of that a run needs.

`inspect_machine` looks (kernel features are tried in throw-away network namespaces, so the machine
itself is not changed); `checks` judges purely; `require_for_run` refuses before anything is built.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from orchestrator.emulation.limits.cgroups import find_layout
from orchestrator.emulation.machine.needs import FEATURES, PROGRAMS, Feature, Need, Program
from orchestrator.errors import MachineError

MINIMUM_CORES = 2
MINIMUM_MEMORY_BYTES = 2 * 2**30
MINIMUM_DISK_BYTES = 200 * 2**20

_SET_UP = "make setup"
SET_UP_TORCH = "make setup-torch"


@dataclass(frozen=True)
class Machine:
    """What was found.

    Attributes:
        kernel: name and release.
        root: whether this process is root.
        boxes: whether private network, mount and PID namespaces can be made.
        programs: where each program is, None if it is missing.
        features: whether the kernel has each; None if that could not be tried.
        openvswitch: whether the kernel has Open vSwitch's module.
        congestion_controls: those known to work in a new network namespace.
        cgroups: the kinds there are and their controllers, `v1 (cpu, memory)`, or `none`.
        tmpfs: whether the kernel has it.
        cores: cores that this process may use.
        memory_bytes: memory available now.
        disk_bytes: space available where results go.
        memory_total_bytes: memory of the whole machine.
        caps_missing: cgroup controllers that hosts cannot be given, and why.
        torch: the version that the hosts' Python finds; None if there is none.
    """

    kernel: str
    root: bool
    boxes: bool
    programs: dict[str, str | None]
    features: dict[str, bool | None]
    openvswitch: bool
    congestion_controls: tuple[str, ...]
    cgroups: str
    tmpfs: bool
    cores: int
    memory_bytes: int
    disk_bytes: int
    memory_total_bytes: int = 0
    caps_missing: Mapping[str, str] = field(default_factory=dict)
    torch: str | None = None

    def to_json(self) -> dict[str, Any]:
        """All of it, for a run's record."""
        return asdict(self)


@dataclass(frozen=True)
class Check:
    """One thing looked at.

    Attributes:
        what: its name.
        found: what there is, in a few words.
        met: whether that is enough; None if it could not be tried.
        need: what cannot do without it.
        needed_for: the same, for people.
        remedy: what to do if it is not met.
    """

    what: str
    found: str
    met: bool | None
    need: Need
    needed_for: str
    remedy: str = ""


def attempt(argv: Sequence[str], lines: str = "") -> bool:
    """Whether a command, with `lines` on its standard input, succeeds within 20 seconds."""
    try:
        done = subprocess.run(
            argv, input=lines, text=True, capture_output=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def installed(library: str) -> str | None:
    """The version of a Python library; None if there is none."""
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None


@dataclass(frozen=True)
class Probes:
    """The ways in which the machine is asked; a test answers in its place."""

    attempt: Callable[[Sequence[str], str], bool] = attempt
    which: Callable[[str], str | None] = shutil.which
    user_id: Callable[[], int] = os.geteuid
    files: Path = Path("/")
    installed: Callable[[str], str | None] = installed


def inspect_machine(
    congestion_control: str = "cubic", results: Path = Path("results"), probes: Probes | None = None
) -> Machine:
    """Look at this machine (a fraction of a second).

    Args:
        congestion_control: tried too, because a kernel lists only those already loaded.
        results: where results would go; need not exist.
        probes: how the machine is asked.
    """
    probes = probes or Probes()
    root = probes.user_id() == 0
    box = "unshare --net --mount --pid --fork --kill-child --mount-proc true"
    boxes = root and probes.attempt(box.split(), "")
    programs = {program.name: probes.which(program.name) for program in PROGRAMS}

    def tried(tool: str, lines: Sequence[str]) -> bool | None:
        if not boxes or programs[tool] is None:
            return None
        return probes.attempt(
            ("unshare", "--net", "--", tool, "-batch", "-"), "\n".join(lines) + "\n"
        )

    sysctl = probes.files / "proc/sys/net/ipv4/tcp_available_congestion_control"
    congestion_controls = _text(sysctl).split()
    route = f"route add 192.0.2.0/24 dev lo congctl {congestion_control}"
    if congestion_control not in congestion_controls and tried("ip", ("link set lo up", route)):
        congestion_controls.append(congestion_control)
    layout = find_layout(probes.files / "proc/self")
    return Machine(
        kernel=f"{platform.system()} {platform.release()}",
        root=root,
        boxes=boxes,
        programs=programs,
        features={feature.name: tried(feature.tool, feature.lines) for feature in FEATURES},
        openvswitch=has_module(probes.files, "openvswitch"),
        congestion_controls=tuple(congestion_controls),
        cgroups=str(layout) or "none",
        tmpfs="tmpfs" in _text(probes.files / "proc/filesystems").split(),
        cores=len(os.sched_getaffinity(0)),
        memory_bytes=_memory(_text(probes.files / "proc/meminfo"), "MemAvailable"),
        disk_bytes=_disk_space(results),
        memory_total_bytes=_memory(_text(probes.files / "proc/meminfo"), "MemTotal"),
        caps_missing=layout.missing,
        torch=probes.installed("torch"),
    )


def checks(machine: Machine, congestion_control: str = "cubic") -> tuple[Check, ...]:
    """Judge a machine, the most fundamental things first."""
    return (
        _root(machine),
        _namespaces(machine),
        *(_program(program, machine) for program in PROGRAMS),
        *(_feature(feature, machine) for feature in FEATURES),
        *_kernel(machine, congestion_control),
        _torch(machine),
        *_resources(machine),
    )


def _root(machine: Machine) -> Check:
    answer = "yes" if machine.root else "no"
    return Check("root", answer, machine.root, Need.RUN, "making networks", "call it with sudo")


def _namespaces(machine: Machine) -> Check:
    met = machine.boxes if machine.root and machine.programs["unshare"] else None
    remedy = "a machine, or a container with all privileges, where unshare works"
    return Check("namespaces", _found(met), met, Need.RUN, "the testbed's box", remedy)


def _program(program: Program, machine: Machine) -> Check:
    path = machine.programs[program.name]
    remedy = f"Debian package {program.package}"
    if program.need in (Need.RUN, Need.BENCH):
        remedy = f"{_SET_UP}, or {remedy}"
    where = path or "missing"
    return Check(program.name, where, path is not None, program.need, program.needed_for, remedy)


def _feature(feature: Feature, machine: Machine) -> Check:
    met = machine.features[feature.name]
    remedy = f"a kernel with CONFIG_{feature.option}"
    if feature.need is Need.DELAY:
        remedy += ", or links without a delay"
    return Check(feature.name, _found(met), met, feature.need, feature.needed_for, remedy)


def _kernel(machine: Machine, congestion_control: str) -> Iterator[Check]:
    met = machine.openvswitch
    remedy = "a kernel with CONFIG_OPENVSWITCH"
    yield Check("openvswitch", _found(met), met, Need.OPENFLOW, "ovs-kernel", remedy)
    met = machine.tmpfs
    remedy = "a kernel with CONFIG_TMPFS"
    yield Check("tmpfs", _found(met), met, Need.RUN, "private run state", remedy)
    known = ", ".join(machine.congestion_controls)
    met = congestion_control in machine.congestion_controls
    remedy = f"congestion_control: one of {known}"
    name = f"TCP {congestion_control}"
    yield Check(name, known or "none known", met, Need.RUN, "congestion control", remedy)
    met = not {"cpu", "memory"} & set(machine.caps_missing)
    purpose = f"caps, up to {machine.cores} cores, {_gib(machine.memory_total_bytes)} a host"
    remedy = "; ".join(dict.fromkeys(machine.caps_missing.values()))
    yield Check("cgroups", machine.cgroups, met, Need.CAPS, purpose, remedy)
    why = machine.caps_missing.get("cpuset")
    kept = f"by CPU affinity: {why}" if why else "by cgroups"
    yield Check("cpuset", kept, True, Need.CAPS, "hosts with a cpuset")


def _torch(machine: Machine) -> Check:
    version = machine.torch or "missing"
    purpose = "torch scripts, real training"
    return Check("torch", version, machine.torch is not None, Need.TORCH, purpose, SET_UP_TORCH)


def _resources(machine: Machine) -> Iterator[Check]:
    smaller = "a larger R in --scale R,D"
    met = machine.cores >= MINIMUM_CORES
    purpose = f"published rates: {MINIMUM_CORES}"
    yield Check("cores", str(machine.cores), met, Need.PUBLISHED, purpose, smaller)
    met = machine.memory_bytes >= MINIMUM_MEMORY_BYTES
    purpose = f"published models: {_gib(MINIMUM_MEMORY_BYTES)}"
    yield Check("memory", _gib(machine.memory_bytes), met, Need.PUBLISHED, purpose, smaller)
    met = machine.disk_bytes >= MINIMUM_DISK_BYTES
    purpose = f"results: {_gib(MINIMUM_DISK_BYTES)}"
    remedy = "free some, or write elsewhere with --out"
    yield Check("disk space", _gib(machine.disk_bytes), met, Need.RUN, purpose, remedy)


def lacking(rows: Sequence[Check], *needs: Need) -> str:
    """What of `needs` is not met, with each remedy once; empty if nothing is.

    What could not be tried is left out: what prevented the trial is named already.
    """
    by_remedy: dict[str, list[str]] = {}
    for row in rows:
        if row.need in needs and row.met is False:
            by_remedy.setdefault(row.remedy, []).append(row.what)
    return "; ".join(f"{', '.join(what)} ({remedy})" for remedy, what in by_remedy.items())


def why_no_delays(probes: Probes | None = None) -> str:
    """Why links with delays do not work here, or cannot be probed; empty if they work."""
    machine = inspect_machine(probes=probes)
    if missing := lacking(checks(machine), Need.DELAY):
        return f"this machine lacks what delays need: {missing}"
    tried = all(check.met is not None for check in checks(machine) if check.need is Need.DELAY)
    return "" if tried else "only root can find out whether this machine can make delays"


def require_for_run(
    *,
    delay: bool,
    congestion_control: str,
    results: Path = Path("results"),
    probes: Probes | None = None,
) -> Machine:
    """Refuse a machine on which a run cannot work, before anything is built.

    Args:
        delay: whether a link has a delay.
        congestion_control: the one that the experiment asks for.
        results: where results go.
        probes: how the machine is asked.

    Returns:
        What was found, for the run's record.

    Raises:
        MachineError: something is missing; the message names all of it, with the remedies.
    """
    machine = inspect_machine(congestion_control, results, probes)
    needs = (Need.RUN, Need.DELAY) if delay else (Need.RUN,)
    if missing := lacking(checks(machine, congestion_control), *needs):
        raise MachineError(f"this machine lacks: {missing}")
    return machine


def _found(met: bool | None) -> str:
    return "not known" if met is None else "yes" if met else "missing"


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def has_module(files: Path, name: str) -> bool:
    """Whether a module is loaded, built in, or can be loaded."""
    modules = files / "lib/modules" / platform.release()
    lists = (_text(modules / file) for file in ("modules.dep", "modules.builtin"))
    return (files / "sys/module" / name).is_dir() or any(f"/{name}.ko" in text for text in lists)


def _memory(meminfo: str, which: str) -> int:
    for line in meminfo.splitlines():
        if line.startswith(f"{which}:"):
            return int(line.split()[1]) * 1024
    return 0


def _disk_space(results: Path) -> int:
    folder = results.absolute()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
