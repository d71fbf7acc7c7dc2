"""The box: private namespaces in which a whole testbed lives, seen from outside.

    dmlbed  ->  setpriv+unshare  ->  supervisor (PID 1 of the box)  ->  the command in the box

Each link of this chain dies with the one before it (PDEATHSIG, `--kill-child`), and PID 1 of a
PID namespace takes every process in it along; network namespaces, veths, bridges and the tmpfs go
when their last process does. So SIGKILL of any process of the chain leaves nothing behind. A life
line (a pipe whose write end only the outer process holds) closes the short gaps in which a parent
could die before its child has asked for PDEATHSIG.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from types import FrameType

from orchestrator.errors import Interrupted, MachineError

# How long the command in the box may take to end by itself once it has been asked to.
STOP_SECONDS = 15.0
_POLL_SECONDS = 0.2
STOP = b"s"

OWN_PYTHON = (sys.executable, "-P", "-m")
"""Begins the command of one of our modules. -P: do not import from the working directory."""


def box_command(argv: Sequence[str], life_line: int) -> list[str]:
    """Argument list that runs `argv` in a new box, under its supervisor."""
    return [
        "setpriv", "--pdeathsig", "KILL", "--",
        "unshare", "--net", "--mount", "--pid", "--ipc", "--uts",
        "--fork", "--kill-child", "--",
        *OWN_PYTHON, "orchestrator.emulation.box.supervisor", str(life_line), "--", *argv,
    ]  # fmt: skip


def run_in_box(argv: Sequence[str], given: bytes = b"") -> int:
    """Run a command in a new box and wait for it; must be called on the main thread.

    SIGINT and SIGTERM of this process ask the command to stop (it gets one SIGINT); a second one,
    or `STOP_SECONDS`, ends the box at once.

    Args:
        argv: the command.
        given: what it reads on its standard input.

    Returns:
        The command's exit status; 128 + n if signal n ended it.

    Raises:
        MachineError: the box cannot be made on this machine.
        Interrupted: the box had to be ended at once.
    """
    read_end, write_end = os.pipe()
    try:
        # A file in memory: unlike a pipe it takes all at once, and it goes by itself.
        memory = os.memfd_create("given")
        with _stop_requests() as stop_requests, open(memory, "w+b") as stdin:
            stdin.write(given)
            stdin.seek(0)
            try:
                process = subprocess.Popen(
                    box_command(argv, read_end),
                    stdin=stdin,
                    pass_fds=(read_end,),
                    # Ctrl-C reaches only this process, which then stops the box in good order.
                    start_new_session=True,
                )
            except FileNotFoundError as error:
                raise MachineError(
                    f"program {error.filename} is missing", "Debian package util-linux"
                ) from error
            os.close(read_end)
            read_end = -1
            status = _wait(process, write_end, stop_requests)
    finally:
        for end in (read_end, write_end):
            if end >= 0:
                os.close(end)
    return status if status >= 0 else 128 - status


def _wait(process: subprocess.Popen[bytes], life_line: int, stop_requests: list[int]) -> int:
    asked = 0
    deadline = float("inf")
    killed = False
    while True:
        try:
            status = process.wait(timeout=_POLL_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        else:
            if killed:
                raise Interrupted("stopped at once: all of the testbed has been taken down")
            return status
        # Counted once: one that comes while the first is passed on is a second one.
        requests = len(stop_requests)
        if requests > asked:
            if asked:
                deadline = 0.0
            else:
                deadline = time.monotonic() + STOP_SECONDS
                with contextlib.suppress(BrokenPipeError):
                    os.write(life_line, STOP)
            asked = requests
        if time.monotonic() > deadline:
            process.kill()
            killed = True


@contextlib.contextmanager
def _stop_requests() -> Iterator[list[int]]:
    """Collects SIGINT and SIGTERM in a list while the body runs."""
    requests: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        del frame
        requests.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield requests
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
