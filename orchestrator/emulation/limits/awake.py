"""Keeps the CPUs of a virtual machine awake while something is measured.

A virtual CPU without work is halted, and the hypervisor gives its processor to another machine. The
next packet then waits until it comes back. Measured on a shared host of two CPUs: of sleeps of
1 ms, one in a hundred ended over 2 ms late, and the worst 10 ms; with CPUs that are awake 0.1 and
1 ms. In 2 ms the windows of a link run empty, and it carries less than its rate.

So there is a process for each CPU that runs only while nothing else is ready (SCHED_IDLE). What
these processes use is idle time.

Not where switches are a process: it shares the CPUs with the hosts' processes, and a CPU that is
never idle takes no ready process over from another one until the next tick. Measured with userspace
Open vSwitch at R = 8, four times by turns: the first priority had 84 to 95 % of the link with CPUs
that are kept awake, and 96 to 98 % without.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from orchestrator.emulation.box import idler
from orchestrator.spec import OVS_USER


def is_virtual(cpuinfo: Callable[[], str] = Path("/proc/cpuinfo").read_text) -> bool:
    """Whether this machine's CPUs are a hypervisor's, by what the CPUs say of themselves."""
    with contextlib.suppress(OSError):
        for line in cpuinfo().splitlines():
            if line.startswith("flags"):
                return "hypervisor" in line.split()
    return False


def cpus_to_keep_awake(switch_kind: str) -> tuple[int, ...]:
    """The CPUs of this process, if they are virtual and switches are the kernel's; else none.

    Real ones wake up at once.
    """
    if switch_kind == OVS_USER or not is_virtual():
        return ()
    return tuple(sorted(os.sched_getaffinity(0)))


class Awake:
    """Keeps CPUs awake while it is entered; a context manager."""

    def __init__(self, cpus: tuple[int, ...]) -> None:
        """Begin; `cpus`: which."""
        self.cpus = cpus
        self._processes: list[subprocess.Popen[bytes]] = []

    def used_seconds(self) -> float:
        """CPU time that was idle but for these processes, of all CPUs, since they began."""
        return sum(map(_used_seconds, self._processes))

    def __enter__(self) -> Self:
        for cpu in self.cpus:
            # -I and -S: it needs nothing, and begins at once.
            argv = [sys.executable, "-I", "-S", str(idler.__file__), str(cpu)]
            self._processes.append(
                subprocess.Popen(
                    argv,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
        self._processes.clear()


def _used_seconds(process: subprocess.Popen[bytes]) -> float:
    """Of a process, by the scheduler's own count: ticks are too coarse for a short time."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{process.pid}/schedstat").read_text().split()[0]) / 1e9
    return 0.0
