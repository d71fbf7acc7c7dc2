"""Files of records: JSON objects and JSON lines, checked against their classes both ways."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from orchestrator.errors import RunError
from workloads.process.process_records import ProcessRecord


class Record(BaseModel):
    """One JSON object, as it is written and as it is read; unknown keys are ignored."""

    # Not-a-number would pass through every mean and comparison unnoticed.
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    def as_json(self) -> dict[str, Any]:
        """The record for a JSON file."""
        return self.model_dump(mode="json")


_R = TypeVar("_R", bound=Record)
_P = TypeVar("_P", bound=ProcessRecord)

# Making one takes longer than a record.
_ADAPTERS: dict[type[ProcessRecord], TypeAdapter[Any]] = {}


@dataclass(frozen=True)
class Events:
    """The record file of a process: its lines, with their numbers."""

    place: str
    lines: tuple[tuple[int, dict[str, Any]], ...]

    def all(self, kind: type[_P]) -> Iterator[_P]:
        """All records of a kind.

        Raises:
            RunError: one is broken.
        """
        for number, line in self.lines:
            if line.get("event") == kind.event:
                with _place(f"{self.place}:{number}"):
                    record = _adapter(kind).validate_python(line)
                yield record

    def one(self, kind: type[_P]) -> _P:
        """The record of a kind.

        Raises:
            RunError: it is broken, there is none, or there are several.
        """
        records = list(self.all(kind))
        if len(records) != 1:
            message = f"{len(records)} records of event {kind.event!r}, 1 expected"
            raise RunError(f"{self.place}: {message}")
        return records[0]


def read_events(path: Path) -> Events:
    """Read a process's record file.

    Raises:
        RunError: it is missing, or a line is no JSON object.
    """
    return parse_events(str(path), read_text(path))


def parse_events(place: str, content: str) -> Events:
    """Read a process's record file.

    Args:
        place: of the content, for errors.
        content: of the file.

    Raises:
        RunError: a line is no JSON object.
    """
    lines = []
    for number, text in enumerate(content.splitlines(), start=1):
        line = _parse(f"{place}:{number}", text)
        if not isinstance(line, dict):
            raise RunError(f"{place}:{number}: not a JSON object")
        lines.append((number, line))
    return Events(place, tuple(lines))


def read_object(path: Path, kind: type[_R]) -> _R:
    value = _parse(str(path), read_text(path))
    with _place(str(path)):
        return kind.model_validate(value)


def read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RunError(f"{path}: missing") from None
    except OSError as error:
        raise RunError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise RunError(f"{path}: not text") from None


def _parse(place: str, text: str) -> object:
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise RunError(f"{place}: not JSON: {error}") from None


def _refuse(constant: str) -> object:
    # It would pass through every mean and comparison unnoticed.
    raise ValueError(f"{constant} is no number")


def _adapter(kind: type[_P]) -> TypeAdapter[_P]:
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


@contextmanager
def _place(place: str) -> Iterator[None]:
    """Say where it is that a record is broken."""
    try:
        yield
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"])) or "the record"
        raise RunError(f"{place}: {key}: {first['msg']}") from None
