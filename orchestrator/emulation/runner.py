"""The one place where commands are carried out, inside a network namespace or not.

Everything above decides purely and hands over argument lists; a test passes its own runner.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from typing import Protocol

from orchestrator.errors import MachineError, RunError

COMMAND_SECONDS = 20.0


class Runner(Protocol):
    """Carries out one command and returns its standard output."""

    def __call__(
        self, argv: Sequence[str], *, namespace: int | None = None, given: str = ""
    ) -> str:
        """Run `argv`, in the network namespace of process `namespace` if one is given.

        Args:
            argv: program and arguments.
            namespace: a process.
            given: what the program reads on its standard input.
        """
        ...


class SubprocessRunner:
    """Runs commands as processes."""

    def __call__(
        self, argv: Sequence[str], *, namespace: int | None = None, given: str = ""
    ) -> str:
        """Run a command to its end.

        Raises:
            MachineError: the program is not there.
            RunError: the command failed; the message holds it and what it printed.
        """
        inside = ["nsenter", f"--net=/proc/{namespace}/ns/net", "--"] if namespace else []
        try:
            done = subprocess.run(
                [*inside, *argv],
                input=given,
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
            output = (done.stderr or done.stdout).strip().replace("\n", "; ")
            raise RunError(f"{' '.join(argv)}: exit status {done.returncode}: {output}")
        return done.stdout


_FAILED = re.compile(r"Command failed -:(\d+)")


def run_together(
    runner: Runner, commands: Sequence[Sequence[str]], *, namespace: int | None = None
) -> str:
    """Run commands of one program, `ip` or `tc`, in their order, by a single process.

    To start a program takes longer than what it then does; a port takes a dozen commands.

    Returns:
        What they printed, one after the other.

    Raises:
        MachineError: the program is not there.
        RunError: a command failed, and those after it were not run; the message holds it.
    """
    program, *options = ("tc", "-d") if commands[0][0] == "tc" else ("ip",)
    lines = [" ".join(command[1:]) for command in commands]
    argv = [program, *options, "-batch", "-"]
    try:
        return runner(argv, namespace=namespace, given="".join(f"{line}\n" for line in lines))
    except RunError as error:
        failed = _FAILED.search(str(error))
        if failed is None:
            raise
        reason = str(error).removeprefix(f"{' '.join(argv)}: ").replace(f"; {failed[0]}", "")
        raise RunError(f"{program} {lines[int(failed[1]) - 1]}: {reason}") from error
