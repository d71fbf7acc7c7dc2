"""The outer end of a box, with a plain process in the box's place."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from orchestrator.emulation.box import box
from orchestrator.emulation.box.box import OWN_PYTHON, box_command, run_in_box
from orchestrator.errors import Interrupted, MachineError

ASK_TO_STOP = "import os, signal, sys; line = int(sys.argv[1]); os.kill(os.getppid(), signal.{})\n"


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """The box is a Python program, which gets the life line's number: no namespaces, no root."""

    def command(argv: Sequence[str], life_line: int) -> list[str]:
        return [sys.executable, "-c", *argv, str(life_line)]

    monkeypatch.setattr(box, "box_command", command)


def test_the_chain_of_a_box() -> None:
    command = box_command(["the", "command"], 7)
    assert command[:4] == ["setpriv", "--pdeathsig", "KILL", "--"]
    unshare = command[4 : command.index(sys.executable)]
    assert unshare[0] == "unshare"
    assert set(unshare[1:]) == {
        "--net", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "--",
    }  # fmt: skip
    assert command[command.index(sys.executable) :] == [
        *OWN_PYTHON, "orchestrator.emulation.box.supervisor", "7", "--", "the", "command",
    ]  # fmt: skip


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize(
    ("program", "status"),
    [
        ("", 0),
        ("raise SystemExit(5)", 5),
        ("import os; os.kill(os.getpid(), 9)", 137),
        # Open in the box: the standard three, the life line's read end, and what lists them. With
        # the write end, too, the box would keep itself alive.
        ("import os; raise SystemExit(len(os.listdir('/proc/self/fd')))", 5),
    ],
)
def test_the_status_is_handed_on(program: str, status: int) -> None:
    assert run_in_box([program]) == status


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_request_to_stop_goes_down_the_life_line(name: str) -> None:
    program = ASK_TO_STOP.format(name) + "sys.exit(42 if os.read(line, 9) == b's' else 1)"
    assert run_in_box([program]) == 42


@pytest.mark.usefixtures("plain")
def test_a_second_request_ends_the_box_at_once() -> None:
    program = ASK_TO_STOP.format("SIGINT") + (
        "os.read(line, 9); os.kill(os.getppid(), signal.SIGINT); signal.pause()"
    )
    with pytest.raises(Interrupted, match=r"^stopped at once"):
        run_in_box([program])


@pytest.mark.usefixtures("plain")
def test_a_box_that_does_not_stop_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(box, "STOP_SECONDS", 0.0)
    with pytest.raises(Interrupted):
        run_in_box([ASK_TO_STOP.format("SIGTERM") + "signal.pause()"])


@pytest.mark.usefixtures("plain")
def test_ctrl_c_reaches_only_the_outer_process() -> None:
    assert run_in_box([f"import os, sys; sys.exit(os.getsid(0) == {os.getsid(0)})"]) == 0


@pytest.mark.usefixtures("plain")
def test_nothing_of_this_process_is_changed() -> None:
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    open_files = sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208 (names, not paths)
    run_in_box([""])
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers
    assert sorted(os.listdir("/proc/self/fd")) == open_files  # noqa: PTH208


def test_a_missing_program_is_the_machines_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    open_files = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    with pytest.raises(MachineError) as error:
        run_in_box(["true"])
    assert str(error.value) == "program setpriv is missing (Debian package util-linux)"
    assert len(os.listdir("/proc/self/fd")) == open_files  # noqa: PTH208
