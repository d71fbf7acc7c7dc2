"""The first process of a box, outside of one: its commands, orphans and life line are real."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from orchestrator.emulation.box import supervisor
from orchestrator.emulation.box.box import STOP

ROOT = Path(__file__).parents[4]
PATIENCE = 20.0

# PR_SET_CHILD_SUBREAPER: orphans come to it, as they come to PID 1 of a box.
SUPERVISE = """\
import ctypes, sys
from orchestrator.emulation.box.supervisor import supervise
ctypes.CDLL(None).prctl(36, 1)
sys.exit(supervise(int(sys.argv[1]), sys.argv[2:]))
"""

# Says so when its orphan, ended at once, has been reaped.
WITH_ORPHAN = """\
import os, subprocess, sys, time
orphan = int(subprocess.check_output(["sh", "-c", "true & echo $!"]))
end = time.monotonic() + 15
while os.path.exists(f"/proc/{orphan}") and time.monotonic() < end:
    os.sched_yield()
sys.exit(11 if os.path.exists(f"/proc/{orphan}") else 12)
"""


class Supervised:
    """A supervisor with a command under it, and the writing end of its life line."""

    def __init__(self, command: list[str]) -> None:
        read_end, self.life_line = os.pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISE, str(read_end), *command],
            pass_fds=(read_end,),
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        os.close(read_end)

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def cut(self) -> None:
        os.close(self.life_line)
        self.life_line = -1

    @property
    def status(self) -> int:
        return self.process.wait(PATIENCE)


@contextmanager
def supervised(*command: str) -> Iterator[Supervised]:
    made = Supervised(list(command))
    try:
        yield made
    finally:
        if made.life_line >= 0:
            made.cut()
        made.process.communicate(timeout=PATIENCE)


@pytest.mark.parametrize(
    ("command", "status"),
    [("true", 0), ("exit 5", 5), ("kill -9 $$", 137), ("kill -TERM $$", 143)],
)
def test_it_ends_as_the_command_does(command: str, status: int) -> None:
    with supervised("sh", "-c", command) as box:
        assert box.status == status


def test_orphans_are_reaped_while_the_command_runs() -> None:
    with supervised(sys.executable, "-c", WITH_ORPHAN) as box:
        assert box.status == 12


def test_a_request_to_stop_interrupts_the_command_once() -> None:
    program = (
        "import signal\n"
        "try:\n"
        "    print('ready', flush=True)\n"
        "    signal.sigwait({signal.SIGINT})\n"
        "    raise KeyboardInterrupt\n"
        "except KeyboardInterrupt:\n"
        "    raise SystemExit(42)"
    )
    with supervised(sys.executable, "-c", program) as box:
        assert box.line() == "ready\n"
        os.write(box.life_line, STOP)
        assert box.status == 42


def test_a_broken_life_line_ends_it_at_once() -> None:
    # Without a PID namespace the command outlives it, so the command says who is to be ended.
    with supervised("sh", "-c", "echo $$; exec tail -f /dev/null") as box:
        command = int(box.line())
        try:
            box.cut()
            assert box.status == 137
        finally:
            with suppress(ProcessLookupError):
                os.kill(command, 9)


def test_namespaces_that_cannot_be_prepared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> None:
        raise subprocess.CalledProcessError(32, ["mount"])

    monkeypatch.setattr(supervisor, "prepare", refuse)
    monkeypatch.setattr(sys, "argv", ["supervisor", "3", "--", "true"])
    with pytest.raises(SystemExit) as end:
        supervisor.main()
    assert end.value.code == 3
    assert capsys.readouterr().err == (
        "dmlbed: cannot prepare the testbed's namespaces:"
        " Command '['mount']' returned non-zero exit status 32.\n"
    )
