"""Processes that programs leave on hosts: found by the host's network namespace, and ended.

What a program starts in a new session outlives the session that it was started in, and
would disturb the trials that follow.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

_SERVER = "sshd"
"""How the names of a host's own processes begin that may come at any time: a connection's."""


class Strays:
    """Tells what runs on hosts, and ends what was not there before."""

    def __init__(
        self,
        hosts: Mapping[str, int],
        proc: Path = Path("/proc"),
        kill: Callable[[int, signal.Signals], None] = os.kill,
    ) -> None:
        """Take the process of every host that keeps its namespaces."""
        self._hosts = hosts
        self._proc = proc
        self._kill = kill

    def running(self) -> dict[int, str]:
        """All processes on the hosts, and on which; those that have ended and wait are none."""
        by_namespace = {self._namespace(pid): host for host, pid in self._hosts.items()}
        by_namespace.pop(None, None)
        hosts = {}
        for entry in self._proc.iterdir():
            if entry.name.isdigit():
                host = by_namespace.get(self._namespace(int(entry.name)))
                if host is not None and self._state(int(entry.name)) not in "XZ":
                    hosts[int(entry.name)] = host
        return hosts

    def end(self, known: Mapping[int, str]) -> tuple[str, ...]:
        """End all processes on hosts that are not `known`; `sleep on worker0` for each."""
        ended = []
        for pid, host in self.running().items():
            name = self._name(pid)
            if pid in known or not name or name.startswith(_SERVER):
                continue
            try:
                self._kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            ended.append(f"{name} on {host}")
        return tuple(ended)

    def _namespace(self, pid: int) -> int | None:
        try:
            return (self._proc / str(pid) / "ns/net").stat().st_ino
        except OSError:
            return None

    def _name(self, pid: int) -> str:
        try:
            return (self._proc / str(pid) / "comm").read_text().strip()
        except OSError:
            return ""

    def _state(self, pid: int) -> str:
        try:
            return (self._proc / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
        except (OSError, IndexError):
            return "X"
