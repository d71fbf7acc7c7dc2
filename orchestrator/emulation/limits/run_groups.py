"""The cgroups of one run: made before its box, removed after it, whatever ends the run.

Their name says whose they are: `dmlbed-<pid>-<start>-<namespace>`, the process that made them, its
start time in the kernel's ticks (a pid comes again, both together do not) and the PID namespace
that counts so. Who removes them: that process; a guardian if it was killed; the next command if
both were.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.emulation.box import guardian
from orchestrator.emulation.limits.cgroups import (
    Hierarchy,
    HostGroup,
    Layout,
    find_layout,
    inherit_cpuset,
)

_NAME = re.compile(r"dmlbed-(\d+)-(\d+)-(\d+)")

REMOVE_SECONDS = 5.0
"""For the last processes of a box that was killed to vanish; the guardian has more patience."""


@dataclass(frozen=True)
class RunGroups:
    """The directories of one run.

    Attributes:
        hierarchies: `directory` is the run's own in each.
        missing: controllers that no host can be given, and why.
    """

    hierarchies: tuple[Hierarchy, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)

    def host(self, name: str) -> HostGroup:
        """Make the group of a host.

        Raises:
            OSError: it cannot be made.
        """
        return HostGroup(self.hierarchies, name)

    def weigh(self, hosts: int) -> None:
        """Give the run the weight of as many processes as it has hosts.

        A group as it is made weighs as much as one process beside it, a switch's for one, however
        many hosts are in it: under load they would get a share that no cap asks for.
        """
        for tree in self.hierarchies:
            if "cpu" in tree.controllers:
                file, text = (
                    ("cpu.shares", str(1024 * hosts))
                    if tree.version == 1
                    else ("cpu.weight", str(min(100 * hosts, 10_000)))
                )
                with contextlib.suppress(OSError):
                    (tree.directory / file).write_text(text)

    def to_json(self) -> str:
        """As text for the process in the box, which reads it with `from_json`."""
        trees = [
            [tree.version, tree.controllers, str(tree.mount), str(tree.directory)]
            for tree in self.hierarchies
        ]
        return json.dumps({"hierarchies": trees, "missing": dict(self.missing)})

    @classmethod
    def from_json(cls, text: str) -> RunGroups:
        """The groups that `to_json` wrote."""
        fields = json.loads(text)
        return cls(
            tuple(
                Hierarchy(version, tuple(controllers), Path(mount), Path(directory))
                for version, controllers, mount, directory in fields["hierarchies"]
            ),
            fields["missing"],
        )


NO_GROUPS = RunGroups(
    missing=dict.fromkeys(("cpu", "cpuset", "memory"), "the testbed was built without cgroups")
)


@contextlib.contextmanager
def run_groups(layout: Layout | None = None) -> Iterator[RunGroups]:
    """The cgroups of a run of this process, as long as the body runs.

    A hierarchy in which nothing can be made is left out: its controllers are then `missing`.
    """
    layout = layout or find_layout()
    remove_stale(layout)
    name = own_name()
    folders = [tree.directory / name for tree in layout.hierarchies]
    with _guarded(folders):
        try:
            yield _make(layout, name)
        finally:
            guardian.remove_when_empty(folders, REMOVE_SECONDS)


def _make(layout: Layout, name: str) -> RunGroups:
    trees = []
    missing = dict(layout.missing)
    for tree in layout.hierarchies:
        folder = tree.directory / name
        try:
            folder.mkdir()
            inherit_cpuset(tree, folder)
            if tree.version == 2:
                gives = " ".join(f"+{name}" for name in tree.controllers)
                (folder / "cgroup.subtree_control").write_text(gives)
        except OSError as error:
            why = f"cannot make {folder}: {error.strerror}"
            missing.update({name: why for name in tree.controllers if name != "cpuacct"})
        else:
            trees.append(Hierarchy(tree.version, tree.controllers, tree.mount, folder))
    return RunGroups(tuple(trees), missing)


@contextlib.contextmanager
def _guarded(folders: list[Path]) -> Iterator[None]:
    """A guardian beside the body; it ends with the body, and removes nothing that is gone."""
    process = subprocess.Popen(
        # -I and -S: nothing of this project's environment can break or slow it.
        [sys.executable, "-I", "-S", str(guardian.__file__), *map(str, folders)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        if process.stdin is not None:
            process.stdin.close()
        # If something is still in the groups, the guardian stays for it, and we do not.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=1.0)


def own_name() -> str:
    """The name of this process' directories."""
    pid = os.getpid()
    return f"dmlbed-{pid}-{_started(pid)}-{_namespace()}"


def stale(
    name: str,
    started: Callable[[int], int | None],
    namespace: int,
) -> bool:
    """Whether a directory of that name belongs to a run whose process is gone.

    Those of another PID namespace cannot be judged from here, and are not.
    """
    parts = _NAME.fullmatch(name)
    if parts is None or int(parts[3]) != namespace:
        return False
    return started(int(parts[1])) != int(parts[2])


def remove_stale(layout: Layout | None = None) -> list[Path]:
    """Remove what dead runs left behind anywhere in the trees, and say what that was."""
    layout = layout or find_layout()
    namespace = _namespace()
    stale_folders = []
    for tree in layout.hierarchies:
        for folder, below, _ in os.walk(tree.mount):
            ours = [name for name in below if _NAME.fullmatch(name)]
            below[:] = [name for name in below if name not in ours]
            stale_folders += [
                Path(folder, name) for name in ours if stale(name, _started, namespace)
            ]
    left = guardian.remove(stale_folders)
    return [folder for folder in stale_folders if folder not in left]


def _started(pid: int) -> int | None:
    """When a process started, in ticks since the machine did; None if there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def _namespace() -> int:
    return Path("/proc/self/ns/pid").stat().st_ino
