"""The errors that dmlbed ends with.

    DmlbedError            4  anything below
    +-- InputError         2  what a person wrote is wrong; carries every problem found
    +-- MachineError       3  this machine lacks something; carries the remedy
    +-- RunError           4  a trial or a testbed failed
    +-- UnusableError      5  the run finished, but its figures may not be used
    +-- ScaleRefuted      75  the scale is not carried any more; inside a run, which finds another
    +-- Interrupted      130  a person stopped the run
    +-- ReaderGoneError  141  nobody read the answer to its end; all else went well

The exit code is a property of the error, so that every verb ends alike.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in what a person wrote.

    Attributes:
        place: where it is, `file:line:column` for a file, the option's name for an option.
        message: what is wrong, in one clause.
        hint: the remedy, or empty.
    """

    place: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.place}: {self.message}{hint}"


class DmlbedError(Exception):
    """Base of all errors that end a command with one clear line."""

    exit_code = 4

    def lines(self) -> list[str]:
        """The lines to print on stderr."""
        return [str(self)]


class InputError(DmlbedError):
    """Wrong input; holds all problems at once, in the order in which they stand."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def lines(self) -> list[str]:
        return [str(problem) for problem in self.problems]


class MachineError(DmlbedError):
    """The machine lacks something that the run needs."""

    exit_code = 3

    def __init__(self, message: str, hint: str = "") -> None:
        self.hint = hint
        super().__init__(f"{message} ({hint})" if hint else message)


class RunError(DmlbedError):
    """A trial, a process of it or the testbed failed."""

    exit_code = 4


class UnusableError(DmlbedError):
    """The run finished, but its figures may not be used."""

    exit_code = 5


class ScaleRefuted(DmlbedError):
    """A remembered scale is not carried any more, and no trial has run; it has been said.

    It crosses the wall of a box, and no command ends with it.
    """

    exit_code = 75

    def __init__(self) -> None:
        super().__init__("")

    def lines(self) -> list[str]:
        return []


class Interrupted(DmlbedError):
    """A person stopped the run; what was finished is kept."""

    exit_code = 130


class ReaderGoneError(DmlbedError):
    """All went well, but the reader of standard output left before its end; nothing is said."""

    exit_code = 141

    def __init__(self) -> None:
        super().__init__("")

    def lines(self) -> list[str]:
        return []


_DISK_ERRORS = {
    errno.ENOSPC: "no space left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
}


def disk_error(error: OSError) -> MachineError | None:
    """The one line for an error of the disk that results are written to; None for any other."""
    if error.errno not in _DISK_ERRORS:
        return None
    place = f"{error.filename}: " if error.filename else ""
    hint = "free some, or write elsewhere with --out"
    return MachineError(f"{place}{_DISK_ERRORS[error.errno]}", hint)
