"""The errors that a process of a trial ends with.

    WorkloadError       1  the training failed: a peer, the network, an address
    +-- FrameError      1  bytes that are no valid frame
    JobError            2  the job file is wrong; carries every problem found

Each becomes one line per problem on stderr, never a traceback.
"""

from __future__ import annotations

import difflib
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any


class WorkloadError(Exception):
    """The training cannot continue; the message names who, and the iteration."""


class FrameError(WorkloadError):
    """A peer sent bytes that are no valid frame."""


class JobError(Exception):
    """A job file is wrong; holds all problems at once."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def raised_by(method: Callable[..., Any], error: BaseException) -> str:
    """Return "KeyError: 'x' (own.py, line 7)": what a user's code raised, and where in its file.

    Args:
        method: that was called; the line is one of its file's, if the error came up there.
        error: that it raised.
    """
    file = getattr(getattr(method, "__code__", None), "co_filename", "")
    lines = [
        line
        for frame, line in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_filename == file
    ]
    where = f" ({Path(file).name}, line {lines[-1]})" if lines else ""
    hint = _absent(error)
    return f"{type(error).__name__}: {error}{where}" + (f" ({hint})" if hint else "")


def _absent(error: BaseException) -> str:
    """A hint for an attribute that one of the objects with fields lacks: what it has instead."""
    if not isinstance(error, AttributeError) or not is_dataclass(error.obj):
        return ""
    known = [name for name in dir(error.obj) if not name.startswith("_")]
    return nearest(str(error.name), known, else_list="it has")


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """Return "unknown model 'alexnett' (did you mean 'alexnet'?)", or the list of known names."""
    return f"unknown {kind} '{name}' ({nearest(name, known, else_list='known')})"


def nearest(name: str, known: Iterable[str], *, else_list: str = "") -> str:
    """A hint with the nearest known name, or else with all of them, control characters escaped.

    Args:
        name: what was written.
        known: the names there are.
        else_list: how to introduce the list of all names if none is near; no list if empty.
    """
    names = list(known)
    lowered = {candidate.lower(): candidate for candidate in reversed(names)}
    close = difflib.get_close_matches(name[:64].lower(), list(lowered), n=1, cutoff=0.6)
    if close:
        return f"did you mean '{_printable(lowered[close[0]])}'?"
    return f"{else_list}: {', '.join(map(_printable, names))}" if else_list and names else ""


def _printable(name: str) -> str:
    return name if name.isprintable() else repr(name)[1:-1]
