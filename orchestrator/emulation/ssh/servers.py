"""The SSH servers of a testbed, one per host, over files of /etc that the testbed makes.

Started in the hosts' namespaces; the box takes them away.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from orchestrator.emulation.runner import Runner
from orchestrator.emulation.ssh.sshd import (
    PRIVILEGE_SEPARATION_DIRECTORY,
    TestbedKeys,
    make_keys,
    private_accounts,
    sshd_argv,
    sshd_config,
)
from orchestrator.errors import RunError
from orchestrator.spec import SshAccess

UP_SECONDS = 10.0
_POLL_SECONDS = 0.02


class Server(Protocol):
    """What is used of `subprocess.Popen`."""

    pid: int

    def poll(self) -> int | None: ...
    def terminate(self) -> None: ...
    def wait(self) -> int: ...


Start = Callable[[Sequence[str], Path], Server]
"""Starts a program whose output goes into a file."""


def start_logged(argv: Sequence[str], log: Path) -> Server:
    """Start a program without input; all that it prints goes into `log`."""
    with log.open("wb") as output:
        return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output)


def write_etc_files(
    directory: Path, home: Path, data: Mapping[str, str], etc: Path = Path("/etc")
) -> dict[str, Path]:
    """Write what the hosts shall find in /etc in place of the machine's own files.

    Args:
        directory: private, on the testbed's tmpfs.
        home: root's home directory on the hosts.
        data: every host's address on the data network, by name.
        etc: the machine's.

    Returns:
        The file to be mounted over each of those that the machine has, by name.
    """
    accounts = private_accounts(
        (etc / "passwd").read_text(), (etc / "shadow").read_text(), str(home)
    )
    files = {}
    # An empty hosts.deny: the machine's own may refuse all.
    for name, text in (
        ("passwd", accounts.passwd),
        ("shadow", accounts.shadow),
        ("hosts", hosts_text(data)),
        ("hosts.deny", ""),
    ):
        if (etc / name).exists():
            files[name] = directory / name
            files[name].touch(mode=0o600 if name == "shadow" else 0o644)
            files[name].write_text(text)
    return files


def hosts_text(data: Mapping[str, str]) -> str:
    """The hosts file: each host by its name, at its address on the data network.

    Programs look up their own host's name to choose the interface that they talk by (gloo does):
    they must find the data network, and neither loopback nor the management network.
    """
    own = "".join(f"{address} {host}\n" for host, address in data.items())
    return f"127.0.0.1 localhost\n{own}"


def server_argv(pid: int, host: str, config: Path) -> list[str]:
    """Arguments that start a host's server in its namespaces, under its name.

    `mnexec -a` joins the network and mount namespaces only. What SSH starts inherits the name.
    """
    # The program hostname refuses what the kernel takes: an underscore, for one.
    script = 'printf %s "$1" >/proc/sys/kernel/hostname && shift && exec "$@"'
    named = ["unshare", "--uts", "sh", "-c", script, "sh", host]
    return ["mnexec", "-a", str(pid), *named, *sshd_argv(config)]


class SshServers:
    """The servers of a testbed's hosts, at their management addresses."""

    def __init__(
        self,
        directory: Path,
        addresses: Mapping[str, str],
        data: Mapping[str, str],
        runner: Runner,
        *,
        root: Path = Path("/"),
        start: Start = start_logged,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Describe them; nothing is started.

        Args:
            directory: of the testbed, on its tmpfs; it is there.
            addresses: by host, where its server listens.
            data: by host, its address on the data network.
            runner: carries out the commands.
            root: what holds `etc` and `run`.
            start: starts a server.
            clock: returns seconds.
            sleep: waits for the seconds it is given.
        """
        self._directory = directory
        self._addresses = addresses
        self._data = data
        self._runner = runner
        self._root = root
        self._start_logged = start
        self._clock = clock
        self._sleep = sleep
        self._servers: dict[str, Server] = {}

    def start(self, pid: Callable[[str], int], started: Callable[[str, int], None]) -> None:
        """Make keys and files of /etc, start all servers, and wait until each of them listens.

        Args:
            pid: the process that keeps a host's namespaces.
            started: called with every host and its server's process, before it listens.

        Raises:
            RunError: one of them does not come up; names the host, and what its server said.
        """
        directory = self._directory / "ssh"
        directory.mkdir(mode=0o700)
        home = self._directory / "home"
        home.mkdir()
        separation = self._root / PRIVILEGE_SEPARATION_DIRECTORY.lstrip("/")
        separation.mkdir(mode=0o755, exist_ok=True)
        files = write_etc_files(directory, home, self._data, self._root / "etc")
        self._keys: TestbedKeys = make_keys(directory, self._addresses)
        for host, address in self._addresses.items():
            config = directory / f"sshd_config_{host}"
            config.write_text(
                sshd_config(
                    address=address,
                    host_key=self._keys.hosts[host].file,
                    authorized_keys=self._keys.authorized_keys,
                    pid_file=self._pid_file(host),
                )
            )
            # mnexec joins the host's mount namespace, too, which Mininet made: a bind mount there
            # is the host's own.
            inside = ["mnexec", "-a", str(pid(host))]
            for name, file in files.items():
                self._runner([*inside, "mount", "--bind", str(file), f"/etc/{name}"])
            server = self._start_logged(server_argv(pid(host), host, config), self._log(host))
            self._servers[host] = server
            started(host, server.pid)
        self._wait()

    def accesses(self) -> dict[str, SshAccess]:
        """How to reach every host."""
        return {host: self._keys.access(host, address) for host, address in self._addresses.items()}

    def check(self) -> None:
        """See that every server still runs.

        Raises:
            RunError: one does not; names the host.
        """
        for host, server in self._servers.items():
            status = server.poll()
            if status is not None:
                raise RunError(f"the SSH server of host {host} is gone (exit status {status})")

    def stop(self) -> None:
        """End all of them."""
        for server in self._servers.values():
            server.terminate()
        for server in self._servers.values():
            server.wait()

    def _wait(self) -> None:
        deadline = self._clock() + UP_SECONDS
        while not self._all_listen():
            if self._clock() > deadline:
                raise RunError(
                    f"the SSH servers of the hosts do not come up within {UP_SECONDS:.0f} s"
                )
            self._sleep(_POLL_SECONDS)

    def _all_listen(self) -> bool:
        for host, server in self._servers.items():
            if server.poll() is not None:
                log = self._log(host).read_text().strip()
                raise RunError(f"the SSH server of host {host} did not start: {log}")
        return all(self._pid_file(host).exists() for host in self._servers)

    def _pid_file(self, host: str) -> Path:
        return self._directory / "ssh" / f"{host}.pid"

    def _log(self, host: str) -> Path:
        return self._directory / f"sshd-{host}.log"
