"""What runs below a process, seen from outside of the testbed's namespaces."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """A process that ran when /proc was read."""

    pid: int
    parent: int
    argv: tuple[str, ...]

    def __str__(self) -> str:
        line = " ".join(self.argv).replace("\n", " ")
        return f"{self.pid} {line[:90]}"


def running() -> dict[int, Process]:
    """All processes that are visible here and are no zombies."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            argv = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
            if state not in "ZX":
                pid = int(entry.name)
                found[pid] = Process(pid, int(parent), tuple(argv))
    return found


def below(pid: int) -> list[Process]:
    """The descendants of a process, parents first."""
    children: dict[int, list[Process]] = {}
    for process in running().values():
        children.setdefault(process.parent, []).append(process)
    found: list[Process] = []
    level = [pid]
    while level:
        level_processes = [child for parent in level for child in children.get(parent, [])]
        found += level_processes
        level = [child.pid for child in level_processes]
    return found


def workload(pid: int, host: str) -> Process | None:
    """The training process of a host of the testbed below a process, if it runs."""
    for process in below(pid):
        if process.argv[1:3] == ("-m", "workloads") and _directory(process).name == host:
            return process
    return None


def _directory(process: Process) -> Path:
    """Where a training process of a host works: a directory of the host's name."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process.pid}/cwd").readlink()
    return Path()


def recorded(process: Process) -> str:
    """What a training process has written into its records so far."""
    host = _directory(process).name
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process.pid}/cwd/{host}.jsonl").read_text()
    return ""


def namespaces() -> set[str]:
    """Every namespace that a visible process is in, as `net:[4026531833]`."""
    found = set()
    for link in Path("/proc").glob("[0-9]*/ns/*"):
        with contextlib.suppress(OSError):
            found.add(os.readlink(link))  # noqa: PTH115 (no path: it must not be resolved)
    return found
