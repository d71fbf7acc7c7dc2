"""Measured times of layers as a table: a CSV file, which people may also bring from elsewhere.

Its columns are `COLUMNS`; macs and bytes are those of the whole batch, bytes as float32. `layer` (a
description), `held_out` (1: not learnt from), `spent_seconds` (on measuring it) and `threads` may
be left out; other columns are left alone.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from orchestrator.errors import InputError, Problem
from orchestrator.spec.values.text import counted, nearest, quoted
from workloads.models.execution import PASSES, Work
from workloads.models.profiles import KINDS

WORK_COLUMNS = ("kind", "macs", "bytes_in", "bytes_out", "bytes_of_parameters")
SECONDS_COLUMNS = tuple(f"{way}_seconds" for way in PASSES)
COLUMNS = (*WORK_COLUMNS, *SECONDS_COLUMNS)
ALL_COLUMNS = ("layer", *COLUMNS, "held_out", "spent_seconds", "threads")

_MOST_PROBLEMS = 20


@dataclass(frozen=True)
class Row:
    """A layer, and how long it took.

    Attributes:
        work: what it does.
        seconds: by pass.
        layer: what it is, for people.
        held_out: whether nothing is learnt from it; None: whoever learns decides.
        spent_seconds: on measuring it.
        threads: that computed it; 0: not known.
    """

    work: Work
    seconds: Mapping[str, float]
    layer: str = ""
    held_out: bool | None = None
    spent_seconds: float = 0.0
    threads: int = 0

    @property
    def step_seconds(self) -> float:
        """Of both passes."""
        return sum(self.seconds.values())

    def written(self) -> str:
        """It as a line of the table."""
        line = io.StringIO()
        work = self.work
        sizes = (work.macs, work.bytes_in, work.bytes_out, work.bytes_of_parameters)
        csv.writer(line, lineterminator="\n").writerow(
            [
                self.layer,
                work.kind,
                *(f"{size:.0f}" for size in sizes),
                *(f"{self.seconds[way]:.4g}" for way in PASSES),
                "" if self.held_out is None else int(self.held_out),
                f"{self.spent_seconds:.3f}",
                self.threads,
            ]
        )
        return line.getvalue()


def heading() -> str:
    """The first line of a table."""
    return ",".join(ALL_COLUMNS) + "\n"


def read_table(path: Path) -> list[Row]:
    """The rows of a table.

    Raises:
        InputError: with all problems of the file, as far as they are not too many.
    """
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise InputError([Problem(str(path), "no such file")]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError([Problem(str(path), f"cannot be read: {error}")]) from None
    reader = csv.DictReader(io.StringIO(text), skipinitialspace=True)
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        hint = f"a table has the columns {', '.join(COLUMNS)}"
        message = f"missing {counted(len(missing), 'column')}: {', '.join(missing)}"
        raise InputError([Problem(f"{path}:1", message, hint)])
    rows: list[Row] = []
    problems: list[Problem] = []
    for cells in reader:
        try:
            rows.append(_row(cells))
        except InputError as error:
            place = f"{path}:{reader.line_num}: "
            problems += [replace(one, place=place + one.place) for one in error.problems]
    if problems:
        raise InputError(problems[:_MOST_PROBLEMS])
    if not rows:
        raise InputError([Problem(str(path), "no layer", "a row for each, below the columns")])
    return rows


def _row(cells: Mapping[str, str | None]) -> Row:
    problems: list[Problem] = []

    def text(column: str) -> str:
        return (cells.get(column) or "").strip()

    def number(column: str, *, positive: bool = False, default: str = "") -> float:
        written = text(column) or default
        try:
            value = float(written)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and (value > 0 if positive else value >= 0)):
            least = "above 0" if positive else "at least 0"
            problems.append(Problem(column, f"must be a number {least}, found {quoted(written)}"))
        return value

    kind = text("kind")
    if kind not in KINDS:
        hint = nearest(kind, KINDS, else_list="kinds")
        problems.append(Problem("kind", f"no kind of layer: {quoted(kind)}", hint))
    held_out = {"": None, "0": False, "1": True}.get(text("held_out"), ...)
    if held_out is ...:
        problems.append(Problem("held_out", f"must be 0 or 1, found {quoted(text('held_out'))}"))
    macs, into, out, own = (number(column) for column in WORK_COLUMNS[1:])
    seconds = [number(column, positive=True) for column in SECONDS_COLUMNS]
    spent, threads = (number(column, default="0") for column in ("spent_seconds", "threads"))
    if problems or held_out is ...:
        raise InputError(problems)
    return Row(
        Work(kind, macs, into, out, own),
        dict(zip(PASSES, seconds, strict=True)),
        text("layer"),
        held_out,
        spent,
        int(threads),
    )


def split(rows: Sequence[Row], seed: int, share: float) -> tuple[list[Row], list[Row]]:
    """Rows to learn from, and rows that are held out.

    Args:
        rows: of a table; those that say which they are stay that.
        seed: of the choice among the others.
        share: of the others that is held out.
    """
    draw = Random(seed)
    chosen = [draw.random() < share if row.held_out is None else row.held_out for row in rows]
    learnt = [row for row, out in zip(rows, chosen, strict=True) if not out]
    return learnt, [row for row, out in zip(rows, chosen, strict=True) if out]
