"""The command `dmlbed`: finds the verb, and ends every verb alike.

A verb is a click command of the verb's name in the module or folder of that name beside this file;
its docstring is its help text. It raises `DmlbedError`, whose lines and exit code are dealt with
here.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from orchestrator import __version__
from orchestrator.errors import DmlbedError, Interrupted, MachineError, disk_error
from orchestrator.terminal.streams import finished, prepare

VERBS = (
    "list",
    "validate",
    "plan",
    "bound",
    "run",
    "report",
    "trace",
    "bench",
    "model",
    "profile",
    "shrink",
    "memory",
    "doctor",
)

# Where Debian keeps sshd, ip and tc; `su` without a dash leaves them out of PATH.
_ADMINISTRATOR_PATHS = ("/usr/sbin", "/sbin")


class Verbs(click.Group):
    """Loads a verb's module when it is asked for, so that no verb waits for another's libraries."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        """All verbs, in the order in which one uses them."""
        return list(VERBS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 (click's signature)
        cmd_name: str,
    ) -> click.Command | None:
        """The verb of that name, or None."""
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(f"orchestrator.cli.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Carry the verb out; an error ends it with its lines on stderr and its exit code."""
        try:
            _check_working_directory()
            return super().invoke(ctx)
        except DmlbedError as error:
            _end(ctx, error)
        except KeyboardInterrupt:
            _end(ctx, Interrupted("interrupted"))
        except OSError as error:
            full = disk_error(error)
            if full is None:
                raise
            _end(ctx, full)


def _end(ctx: click.Context, error: DmlbedError) -> NoReturn:
    for line in error.lines():
        print(line, file=sys.stderr)
    ctx.exit(error.exit_code)


def _check_working_directory() -> None:
    """See that paths mean something.

    Raises:
        MachineError: the directory that they start from was removed.
    """
    try:
        Path.cwd()
    except FileNotFoundError:
        hint = "change to one that is there"
        raise MachineError("the working directory was removed", hint) from None


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="dmlbed")
def cli() -> None:
    """Measure communication scheduling of distributed training on an emulated network.

    Exit codes: 2 wrong input, 3 the machine lacks something, 4 a trial failed, 5 a run finished but
    its figures may not be used, 130 interrupted, 141 the reader of standard output went before its
    end (a run is finished and kept all the same).
    """


def main() -> None:
    """Carry out the command line and end the process; a caller may have prepared its streams."""
    prepare()
    path = os.environ.get("PATH", os.defpath).split(os.pathsep)
    missing = [folder for folder in _ADMINISTRATOR_PATHS if folder not in path]
    os.environ["PATH"] = os.pathsep.join([*path, *missing])
    sys.exit(_status())


def _status() -> int:
    """The exit status of the command line, with all that it had to say written."""
    try:
        status = cli.main(prog_name="dmlbed", standalone_mode=False) or 0
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
        status = Interrupted.exit_code
    # What is left is Python's own end, which Ctrl-C would spoil with a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        return finished(status)
    except OSError as error:
        lost = disk_error(error) or DmlbedError(f"standard output: {error.strerror}")
        print(lost, file=sys.stderr)
        return status or lost.exit_code
