"""The two consoles, and the width of each: a pipe has no edge at which a line would have to end."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from rich.console import Console

NO_EDGE = 10_000
"""Columns of a stream that is not a terminal."""


def answers() -> Console:
    """Standard output: what was asked for, and nothing else."""
    return _console(sys.stdout, stderr=False)


def messages() -> Console:
    """Standard error: progress, and what a person should know."""
    return _console(sys.stderr, stderr=True)


def say(console: Console, text: str) -> None:
    """One line as it is; a terminal wraps it."""
    console.print(text, soft_wrap=True, markup=False, emoji=False, highlight=False)


def _console(stream: TextIO, *, stderr: bool) -> Console:
    asked = os.environ.get("COLUMNS", "")
    width = int(asked) if asked.isascii() and asked.isdigit() else 0
    if not width and not stream.isatty():
        width = NO_EDGE
    # Names of files and hosts are no markup and no emoji.
    return Console(
        stderr=stderr, width=width or None, markup=False, emoji=False, highlight=False,
        _environ={name: value for name, value in os.environ.items() if name != "COLUMNS"},
    )  # fmt: skip
