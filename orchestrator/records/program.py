"""The records of a user's program: what ran, and every line that its processes printed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from pydantic import Field, TypeAdapter, ValidationError

from orchestrator.errors import RunError
from orchestrator.records.files import Record
from orchestrator.spec.experiment.programs import Throughput


class ProgramRecord(Record):
    """What a trial's program was, and when it ran.

    Attributes:
        processes: their names, by rank.
        hosts: theirs, by rank.
        shipped_bytes: of the files that each process got.
        throughput: how it was read.
        sent: by which key its processes say what they have sent; None: they do not.
        warm_up: readings of a process that are left out.
        began_ns: when the first process was to start, monotonic.
        ready_ns: when it was ready; that of the start if it does not say so.
        ended_ns: when the last one had ended.
        left: what it left on hosts, and was ended then: `sleep on worker0`.
    """

    command: tuple[str, ...]
    processes: tuple[str, ...] = Field(min_length=1)
    hosts: tuple[str, ...] = Field(min_length=1)
    shipped_bytes: int = Field(ge=0)
    throughput: Throughput
    warm_up: int = Field(ge=0)
    began_ns: int
    ready_ns: int
    ended_ns: int
    left: tuple[str, ...] = ()
    sent: str | None = None


class PrintedLine(NamedTuple):
    """A line that a process printed, and when it came (monotonic ns; None: it is from a file)."""

    t_ns: int | None
    stream: Literal["stdout", "stderr", "file"]
    text: str


_LINE = TypeAdapter(PrintedLine)


def dump_lines(lines: Iterable[PrintedLine]) -> bytes:
    """Lines as the record file of a process."""
    return b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines)


def load_lines(place: str, content: str) -> Iterator[PrintedLine]:
    """The lines that `dump_lines` wrote.

    Raises:
        RunError: one is broken.
    """
    for number, line in enumerate(content.split("\n"), start=1):
        if line:
            try:
                yield _LINE.validate_json(line)
            except ValidationError:
                raise RunError(f"{place}:{number}: not a printed line") from None
