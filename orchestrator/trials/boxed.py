"""Runs one of our own programs in a box, seen from outside, and hands on how it ended."""

from __future__ import annotations

import sys

from orchestrator.emulation.box import run_in_box
from orchestrator.errors import DmlbedError, Interrupted, RunError

_KILLED = 128 + 9


class AlreadySaid(DmlbedError):
    """The box ended with an error that it has printed itself; only the exit code is left."""

    def __init__(self, status: int) -> None:
        super().__init__("")
        self.exit_code = Interrupted.exit_code if status in (130, 143) else status

    def lines(self) -> list[str]:
        return []


def run_boxed(module: str, argument: str, if_killed: str) -> None:
    """Run `python -m module argument` in a box of its own; call it on the main thread.

    Raises:
        DmlbedError: it did not end well; the message has been printed inside the box unless the
            error carries one.
    """
    status = run_in_box([sys.executable, "-m", module, argument])
    if status == _KILLED:
        raise RunError(if_killed)
    if status:
        raise AlreadySaid(status)
