from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from orchestrator.deployment.scripts import (
    PID_MARK,
    remove_argv,
    start_command,
    stop_argv,
)

STUBBORN = "trap '' TERM; sleep 1000 & echo ready; wait"


@contextmanager
def started(*argv: str, directory: str = "/") -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run a start command as sshd does: one socket as stdin and stdout; its pid is read."""
    ours, other_end = socket.socketpair()
    theirs = other_end.detach()
    command = start_command(argv, directory=directory, environment={})
    with (
        ours,
        subprocess.Popen(
            ["sh", "-c", command], stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL
        ) as process,
    ):
        os.close(theirs)
        try:
            with ours.makefile("rb") as lines:
                mark = lines.readline().decode()
                assert mark.startswith(PID_MARK)
                if argv[-1] == STUBBORN:
                    assert lines.readline() == b"ready\n"
            yield process, int(mark.removeprefix(PID_MARK))
        finally:
            # Before the process is waited for: this is what ends it.
            ours.close()


def session(leader: int) -> list[str]:
    """Command names of the processes of a session that still run."""
    names = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            name, _, rest = stat.read_text().partition("(")[2].rpartition(")")
            state, _, _, its_session = rest.split()[:4]
            if int(its_session) == leader and state not in "ZX":
                names.append(name)
    return names


def test_every_word_of_a_start_command_is_quoted() -> None:
    words = ["a b", "$(reboot)", "'", ";", "", "-n"]
    command = start_command(words, directory="/tmp/x y", environment={"A": "1; 2"})
    assert command.startswith("exec sh -c ")
    assert shlex.split(command)[4:] == ["dmlbed-start", "/tmp/x y", "env", "A=1; 2", *words]


@pytest.mark.parametrize("name", ["", "A=B", "-i"])
def test_a_bad_name_of_a_variable(name: str) -> None:
    with pytest.raises(ValueError, match="environment variable"):
        start_command(["true"], directory="/", environment={name: "x"})


def test_the_exit_status_comes_through() -> None:
    with started("sh", "-c", "exit 7") as (process, _):
        assert process.wait(10) == 7


def test_the_signal_comes_through() -> None:
    with started("sleep", "1000") as (process, pid):
        assert os.getsid(pid) == os.getpgid(pid) == pid
        os.kill(pid, signal.SIGKILL)
        assert process.wait(10) == 128 + signal.SIGKILL


def test_children_end_with_their_leader() -> None:
    with started("sh", "-c", STUBBORN) as (process, pid):
        # The second one is called sleep once it has got that far.
        assert len(session(pid)) == 2
        os.kill(pid, signal.SIGKILL)
        process.wait(10)
        assert session(pid) == []


def test_the_end_of_the_channel_ends_the_session() -> None:
    with started("sh", "-c", STUBBORN) as (process, pid):
        pass
    assert process.wait(10) == 128 + signal.SIGKILL
    assert session(pid) == []


def test_a_directory_that_is_not_there() -> None:
    command = start_command(["true"], directory="/no/such", environment={})
    done = subprocess.run(
        ["sh", "-c", command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (126, "")
    assert "/no/such" in done.stderr


def test_stop_asks_first() -> None:
    with started("sleep", "1000") as (process, pid):
        assert subprocess.run(stop_argv(pid, 10), check=False).returncode == 0
        assert process.wait(10) == 128 + signal.SIGTERM


def test_stop_insists() -> None:
    with started("sh", "-c", STUBBORN) as (process, pid):
        assert subprocess.run(stop_argv(pid, 0.05), check=False).returncode == 0
        assert process.wait(10) == 128 + signal.SIGKILL
        assert session(pid) == []


def test_remove(tmp_path: Path) -> None:
    one, two = tmp_path / "trial" / "-a b", tmp_path / "trial" / "two"
    (one / "deep").mkdir(parents=True)
    two.mkdir()
    assert subprocess.run(remove_argv(str(one)), check=False).returncode == 0
    assert list((tmp_path / "trial").iterdir()) == [two]
    assert subprocess.run(remove_argv(str(two)), check=False).returncode == 0
    assert list(tmp_path.iterdir()) == []
    assert subprocess.run(remove_argv(str(two)), check=False).returncode == 0
