"""The one place where commands are carried out, inside a network namespace or not.

Everything above decides purely and hands over argument lists; a test hands in a runner of its own.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import Protocol

from orchestrator.errors import MachineError, RunError

COMMAND_SECONDS = 20.0


class Runner(Protocol):
    """Carries out one command and returns its standard output."""

    def __call__(self, argv: Sequence[str], *, namespace: int | None = None) -> str:
        """Run `argv`, in the network namespace of process `namespace` if one is given."""
        ...


class SubprocessRunner:
    """Runs commands as processes."""

    def __call__(self, argv: Sequence[str], *, namespace: int | None = None) -> str:
        """Run a command to its end.

        Raises:
            MachineError: the program is not there.
            RunError: the command failed; the message holds it and what it printed.
        """
        inside = ["nsenter", f"--net=/proc/{namespace}/ns/net", "--"] if namespace else []
        try:
            done = subprocess.run(
                [*inside, *argv],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=COMMAND_SECONDS,
                check=False,
            )
        except FileNotFoundError as error:
            raise MachineError(f"program {error.filename} is missing", "run make setup") from error
        except subprocess.TimeoutExpired as error:
            raise RunError(f"{' '.join(argv)}: no answer in {COMMAND_SECONDS:.0f} s") from error
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip().replace("\n", "; ")
            raise RunError(f"{' '.join(argv)}: exit status {done.returncode}: {said}")
        return done.stdout
