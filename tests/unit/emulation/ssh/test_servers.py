"""SSH servers: started in their hosts, awaited, missed when they are gone."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from orchestrator.emulation.ssh.servers import (
    UP_SECONDS,
    SshServers,
    hosts_text,
    start_logged,
    write_etc_files,
)
from orchestrator.errors import RunError
from tests.unit.emulation.runners import FakeRunner

ADDRESSES = {"ps": "10.20.0.2", "worker0": "10.20.0.3"}
DATA = {"ps": "10.10.0.1", "worker0": "10.10.0.2"}
PIDS = {"ps": 70, "worker0": 71}


class FakeServer:
    """A server that runs until it is ended."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.status: int | None = None
        self.terminated = self.waited = False

    def poll(self) -> int | None:
        return self.status

    def terminate(self) -> None:
        self.terminated = True

    def wait(self) -> int:
        self.waited = True
        return 0


class Machine:
    """Account files, a clock, and servers that listen after some looks, or never."""

    def __init__(self, root: Path) -> None:
        (root / "etc").mkdir()
        (root / "run").mkdir()
        (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/bash\n")
        (root / "etc/shadow").write_text("root:!locked:0:0:1:7::1:\n")
        self.testbed = root / "testbed"
        self.testbed.mkdir()
        self.runner = FakeRunner()
        self.started: list[tuple[list[str], FakeServer]] = []
        self.capped: list[tuple[str, int]] = []
        self.now = 0.0
        self.listens_after: float | None = 0.1
        self.dies = False
        self.servers = SshServers(
            self.testbed,
            ADDRESSES,
            DATA,
            self.runner,
            root=root,
            start=self._start,
            clock=lambda: self.now,
            sleep=self._sleep,
        )

    def start(self) -> None:
        self.servers.start(PIDS.__getitem__, lambda host, pid: self.capped.append((host, pid)))

    def _start(self, argv: Sequence[str], log: Path) -> FakeServer:
        server = FakeServer(900 + len(self.started))
        self.started.append((list(argv), server))
        log.write_text("Cannot bind any address\n" if self.dies else "")
        server.status = 255 if self.dies else None
        return server

    def _sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds
        if self.listens_after is not None and self.now >= self.listens_after:
            for host in ADDRESSES:
                (self.testbed / "ssh" / f"{host}.pid").touch()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_every_server_runs_in_its_host_over_files_of_its_own(machine: Machine) -> None:
    machine.start()
    ssh = machine.testbed / "ssh"
    assert machine.runner.commands == [
        (None, f"mnexec -a {pid} mount --bind {ssh}/{name} /etc/{name}")
        for pid in PIDS.values()
        for name in ("passwd", "shadow")
    ]
    argv, _ = machine.started[1]
    assert argv[:5] == ["mnexec", "-a", "71", "unshare", "--uts"]
    assert argv[argv.index("sh", 6) + 1 :][:2] == ["worker0", "/usr/sbin/sshd"]
    assert argv[-1] == str(ssh / "sshd_config_worker0")
    assert "ListenAddress 10.20.0.3\n" in Path(argv[-1]).read_text()
    assert machine.capped == [("ps", 900), ("worker0", 901)]
    assert stat.S_IMODE(ssh.stat().st_mode) == 0o700


def test_hosts_are_reached_with_the_testbeds_key(machine: Machine) -> None:
    machine.start()
    accesses = machine.servers.accesses()
    assert {host: access.address for host, access in accesses.items()} == ADDRESSES
    assert {access.key_file for access in accesses.values()} == {machine.testbed / "ssh/user_key"}
    assert len({access.host_key for access in accesses.values()}) == 2


def test_a_server_that_does_not_start_says_why(machine: Machine) -> None:
    machine.dies = True
    with pytest.raises(RunError, match=r"host ps did not start: Cannot bind any address$"):
        machine.start()


def test_servers_that_never_listen_are_not_waited_for_forever(machine: Machine) -> None:
    machine.listens_after = None
    with pytest.raises(RunError, match="do not come up within 10 s"):
        machine.start()
    assert UP_SECONDS < machine.now < UP_SECONDS + 1


def test_a_server_that_has_ended_is_named(machine: Machine) -> None:
    machine.start()
    machine.servers.check()
    machine.started[1][1].status = -9
    with pytest.raises(RunError, match=r"server of host worker0 is gone \(exit status -9\)"):
        machine.servers.check()


def test_all_are_ended_and_awaited(machine: Machine) -> None:
    machine.start()
    machine.servers.stop()
    assert all(server.terminated and server.waited for _, server in machine.started)


def test_only_files_that_the_machine_has_are_replaced(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    (tmp_path / "etc/hosts.deny").write_text("ALL: ALL\n")
    files = write_etc_files(machine.testbed, Path("/home/t"), DATA, tmp_path / "etc")
    assert list(files) == ["passwd", "shadow", "hosts.deny"]
    assert files["hosts.deny"].read_text() == ""
    assert files["passwd"].read_text().startswith("root:x:0:0:root:/home/t:/bin/sh\n")
    assert stat.S_IMODE(files["shadow"].stat().st_mode) == 0o600


def test_a_host_is_found_on_the_data_network() -> None:
    assert hosts_text(DATA) == "127.0.0.1 localhost\n10.10.0.1 ps\n10.10.0.2 worker0\n"


def test_what_a_server_prints_is_kept(tmp_path: Path) -> None:
    server = start_logged(["sh", "-c", "echo out; echo err >&2"], tmp_path / "log")
    assert server.wait() == 0
    assert (tmp_path / "log").read_text() == "out\nerr\n"
