"""CPU time of the testbed's processes and of all others on the machine.

A box sees its own processes only. Its supervisor therefore keeps the machine's /proc, as it was
before the box got its own, at `MACHINE_PROC`. Kernel threads are neither: they work for whoever
sends packets or writes files, which for most of the time is the testbed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from orchestrator.emulation.box.idler import NAME as AWAKE
from orchestrator.emulation.box.supervisor import MACHINE_PROC

_KERNEL_THREAD = 0x00200000  # PF_KTHREAD of the kernel's sched.h
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
# Fields of /proc/<pid>/stat behind the program's name, which may hold blanks and brackets.
_FLAGS, _STARTED = 6, 19
_USER, _SYSTEM, _CHILDREN_USER, _CHILDREN_SYSTEM = 11, 12, 13, 14


class Process(NamedTuple):
    """A process is its number and the tick at which it began: numbers come again."""

    pid: int
    started: int


class Ticks(NamedTuple):
    """CPU time of a process, and of those of its children that ended and were waited for."""

    own: int
    children: int


@dataclass(frozen=True)
class Seen:
    """All processes at one moment but the kernel's.

    Attributes:
        testbed: those of the testbed.
        others: all others that can be seen.
        user: of all, what they had in their own code and not in the kernel's. What keeps CPUs
            awake is in here only: its time is idle time.
    """

    testbed: Mapping[Process, Ticks]
    others: Mapping[Process, Ticks]
    user: Mapping[Process, Ticks]


class Stat(NamedTuple):
    """What /proc/<pid>/stat tells: its name, when it began, and whether it is the kernel's own."""

    name: str
    started: int
    kernel: bool
    ticks: Ticks
    user: Ticks


def parse_stat(text: bytes) -> Stat:
    """The text of /proc/<pid>/stat."""
    end = text.rindex(b")")
    name = text[text.index(b"(") + 1 : end].decode(errors="replace")
    fields = text[end + 2 :].split()
    user = Ticks(int(fields[_USER]), int(fields[_CHILDREN_USER]))
    ticks = Ticks(user.own + int(fields[_SYSTEM]), user.children + int(fields[_CHILDREN_SYSTEM]))
    kernel = bool(int(fields[_FLAGS]) & _KERNEL_THREAD)
    return Stat(name, int(fields[_STARTED]), kernel, ticks, user)


def used_seconds(before: Mapping[Process, Ticks], after: Mapping[Process, Ticks]) -> float:
    """CPU seconds between two looks, with those of processes that have begun and ended since.

    What a process that ended has used is its parent's from then on. So of what parents got, that
    which had been seen is subtracted; a parent that does not wait for its children gets nothing.
    """
    own = reaped = 0
    for process, now in after.items():
        earlier = before.get(process, Ticks(0, 0))
        own += now.own - earlier.own
        reaped += now.children - earlier.children
    gone = sum(sum(ticks) for process, ticks in before.items() if process not in after)
    return (own + max(0, reaped - gone)) / _TICKS_PER_SECOND


class ProcessReader:
    """Reads all processes of the machine; remembers which of them are in the box."""

    def __init__(
        self,
        proc: Path = MACHINE_PROC,
        in_box: Callable[[Path], bool] | None = None,
    ) -> None:
        """Read below `proc`; `in_box` tells by a process' directory if it is the testbed's."""
        self._proc = proc
        self._in_box = in_box or _same_namespace
        self._testbed: dict[Process, bool] = {}

    def __call__(self) -> Seen | None:
        """Look now; None where the machine's processes cannot be seen."""
        try:
            names = [name for name in os.listdir(self._proc) if name.isdigit()]  # noqa: PTH208
        except OSError:
            return None
        testbed: dict[Process, Ticks] = {}
        others: dict[Process, Ticks] = {}
        user: dict[Process, Ticks] = {}
        for name in names:
            try:
                stat = parse_stat(_read(f"{self._proc}/{name}/stat"))
                if stat.kernel:
                    continue
                process = Process(int(name), stat.started)
                if stat.name == AWAKE:
                    user[process] = stat.user
                    continue
                if process not in self._testbed:
                    self._testbed[process] = self._in_box(self._proc / name)
            except (OSError, ValueError):
                continue  # it has ended
            (testbed if self._testbed[process] else others)[process] = stat.ticks
            user[process] = stat.user
        self._testbed = {process: process in testbed for process in (*testbed, *others)}
        return Seen(testbed, others, user)


def _read(path: str) -> bytes:
    """A small file, without what objects for paths and files cost a thousand times a second."""
    file = os.open(path, os.O_RDONLY)
    try:
        return os.read(file, 4096)
    finally:
        os.close(file)


def _same_namespace(process: Path) -> bool:
    return (process / "ns/pid").stat().st_ino == Path("/proc/self/ns/pid").stat().st_ino
