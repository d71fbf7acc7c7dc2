"""A file's data with the place of every key and value, and the problems found so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from orchestrator.errors import Problem

Loc: TypeAlias = tuple[str | int, ...]
"""A value's place in the data: keys and list indices from the root."""

Mark: TypeAlias = tuple[int, int]
"""Line and column, both from 1."""


_COPIED = 2
"""Keys and indices on the way to what can be a copy: a host, or a link."""


@dataclass
class Document:
    """A YAML file's data, with the position of every key and value and the problems so far.

    Attributes:
        display_path: the file's path for messages.
        path: the file's path as it is opened.
        text: the file's content.
        data: mappings (keys are always text), lists and scalars.
        problems: what is wrong, each with its position, in the order found.
        bad: places with a reported problem; problems that follow from these are not reported.
        cut: places whose values were left out, for they are wrong: what is around is not whole.
        copies: places in the data that are copies, and the places where they are written.
        used: places whose text is elsewhere, with the position of the alias that refers to it.
    """

    display_path: str
    path: Path
    text: str = ""
    data: object = None
    problems: list[tuple[Mark, Problem]] = field(default_factory=list)
    bad: set[Loc] = field(default_factory=set)
    cut: set[Loc] = field(default_factory=set)
    keys: dict[Loc, Mark] = field(default_factory=dict)
    values: dict[Loc, Mark] = field(default_factory=dict)
    used: dict[Loc, Mark] = field(default_factory=dict)
    copies: dict[Loc, Loc] = field(default_factory=dict)

    def report(self, mark: Mark, message: str, hint: str = "") -> None:
        """Adds a problem at a line and column."""
        line, column = mark
        self.problems.append((mark, Problem(f"{self.display_path}:{line}:{column}", message, hint)))

    def report_at(self, loc: Loc, message: str, hint: str = "", *, key: bool = False) -> None:
        """Adds a problem at a place in the data: at its value, or at its key.

        Nothing is added where a problem was reported before, at the place itself or around it;
        nor if an alias repeats a text that has the same problem where it is written; nor about
        what is not whole.
        """
        loc = self.written(loc)
        if self._is_bad(loc) or self.is_cut(loc):
            return
        self.bad.add(loc)
        mark = self._mark(loc, key=key)
        if any(mark == at and message == problem.message for at, problem in self.problems):
            return
        user = self._user(loc)
        if user is not None and user[0] != mark[0]:
            hint = f"{hint}; used on line {user[0]}" if hint else f"used on line {user[0]}"
        self.report(mark, message, hint)

    def is_bad(self, loc: Loc) -> bool:
        """Whether a problem was reported already at a place or at what it is part of."""
        return self._is_bad(self.written(loc))

    def is_cut(self, loc: Loc) -> bool:
        """Whether a value is left out at a place, or inside it."""
        return any(one[: len(loc)] == loc for one in self.cut)

    def _is_bad(self, loc: Loc) -> bool:
        return any(loc[:length] in self.bad for length in range(len(loc) + 1))

    def mark(self, loc: Loc, *, key: bool = False) -> Mark:
        """Line and column of a place, or of the nearest thing around it."""
        return self._mark(self.written(loc), key=key)

    def _mark(self, loc: Loc, *, key: bool) -> Mark:
        for length in range(len(loc), -1, -1):
            part = loc[:length]
            # What is missing inside a mapping is looked for at the mapping's name.
            first, second = (
                (self.keys, self.values) if key or length < len(loc) else (self.values, self.keys)
            )
            if part in first:
                return first[part]
            if part in second:
                return second[part]
        return (1, 1)

    def written(self, loc: Loc) -> Loc:
        """Where a place of the data is written in the file: that of a copy is its original's."""
        head, rest = loc[:_COPIED], loc[_COPIED:]
        return (*self.copies.get(head, head), *rest)

    def sorted_problems(self) -> list[Problem]:
        """The problems, in the order of their positions in the file."""
        return [problem for _, problem in sorted(self.problems, key=lambda item: item[0])]

    def _user(self, loc: Loc) -> Mark | None:
        """Position of the alias that refers to a place's text; None if the text is there itself."""
        for length in range(len(loc), -1, -1):
            if loc[:length] in self.used:
                return self.used[loc[:length]]
        return None


class Unreadable(Exception):
    """Nothing behind this point of a file can be read."""

    def __init__(self, mark: Mark, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.mark = mark
        self.hint = hint
