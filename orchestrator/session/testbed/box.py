"""Runs one of our own programs in a box, seen from outside, and reports how it ended."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Sequence

from orchestrator.emulation.box.box import OWN_PYTHON, run_in_box
from orchestrator.errors import (
    DmlbedError,
    InputError,
    Interrupted,
    MachineError,
    ReaderGoneError,
    RunError,
    ScaleRefuted,
    UnusableError,
)

# A process that signal n ended has the exit status 128 + n.
_SIGNAL = 128
_SAID = {
    error.exit_code for error in (InputError, MachineError, RunError, UnusableError, Interrupted)
}


class ReportedError(DmlbedError):
    """The box ended with an error that it has printed itself; only the exit code is left."""

    def __init__(self, status: int) -> None:
        super().__init__("")
        self.exit_code = status

    def lines(self) -> list[str]:
        return []


def run_boxed(module: str, arguments: Sequence[str], kept: Callable[[], str]) -> None:
    """Run `python -m module` in a new box; call it on the main thread.

    Args:
        module: of ours; it prints its own errors.
        arguments: what it is told, on its standard input: a whole experiment does not fit on a
            command line.
        kept: says what is left when the box was ended: a clause of a message.

    Raises:
        DmlbedError: it did not end well; the message has been printed inside the box unless the
            error carries one.
    """
    try:
        status = run_in_box([*OWN_PYTHON, module], json.dumps(arguments).encode())
    except Interrupted as error:
        raise Interrupted(f"{error}; {kept()}") from error
    if status == 0:
        return
    for silent in (ReaderGoneError, ScaleRefuted):
        if status == silent.exit_code:
            raise silent
    if status not in _SAID:
        # With the box's first process, unshare may be all that is left to say anything.
        signals = {_SIGNAL + number: number.name for number in signal.Signals}
        end = f"was killed ({signals[status]})" if status in signals else "ended unexpectedly"
        raise RunError(f"the testbed {end}; all of it has been taken down, and {kept()}")
    raise ReportedError(status)
