"""The watch over Mininet's shells, with processes of our own in their place."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from mininet.node import Node

from orchestrator.emulation.network.mininet_watchdog import shells_watched
from orchestrator.errors import RunError


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """A shell that waits for its input, which never comes."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        nodes: dict[int, Any] = {7: SimpleNamespace(name="worker1", shell=process)}
        monkeypatch.setattr(Node, "outToNode", nodes)
        yield process
        process.kill()


def test_a_read_without_end_is_ended_when_the_shell_is_gone(
    shell: subprocess.Popen[bytes],
) -> None:
    read_end, write_end = os.pipe()
    shell.kill()
    with pytest.raises(RunError, match="node worker1 of the testbed is gone"), shells_watched():
        os.read(read_end, 1)
    os.close(read_end)
    os.close(write_end)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) == signal.SIG_DFL


def test_a_command_that_fails_because_the_shell_is_gone_is_not_the_cause(
    shell: subprocess.Popen[bytes],
) -> None:
    shell.kill()
    shell.wait()
    with pytest.raises(RunError, match="node worker1 of the testbed is gone"), shells_watched():
        raise Exception("Error creating interface pair")


@pytest.mark.usefixtures("shell")
def test_what_mininet_gives_up_with_is_an_error_of_the_run() -> None:
    with pytest.raises(RunError, match="cannot build the network: File exists"), shells_watched():
        raise Exception("File exists")
    with pytest.raises(KeyError), shells_watched():
        raise KeyError("a defect stays what it is")
