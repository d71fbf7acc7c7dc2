"""Files of records: JSON objects and JSON lines, checked against their classes both ways."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from orchestrator.errors import RunError


class Record(BaseModel):
    """One JSON object, as it is written and as it is read; unknown keys are ignored."""

    # Not-a-number would pass through every mean and comparison unnoticed.
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    def as_json(self) -> dict[str, Any]:
        """The record for a JSON file."""
        return self.model_dump(mode="json")


_R = TypeVar("_R", bound=Record)


@dataclass(frozen=True)
class Events:
    """The record file of a process: its lines, with their numbers."""

    path: Path
    lines: tuple[tuple[int, dict[str, Any]], ...]

    def all(self, event: str, kind: type[_R]) -> Iterator[_R]:
        """All records of an event.

        Raises:
            RunError: one is broken.
        """
        for number, line in self.lines:
            if line.get("event") == event:
                yield _check(f"{self.path}:{number}", line, kind)

    def one(self, event: str, kind: type[_R]) -> _R:
        """The record of an event.

        Raises:
            RunError: it is broken, there is none, or there are several.
        """
        found = list(self.all(event, kind))
        if len(found) != 1:
            raise RunError(f"{self.path}: {len(found)} records of event {event!r}, 1 expected")
        return found[0]


def read_events(path: Path) -> Events:
    """Read a process's record file.

    Raises:
        RunError: it is missing, or a line is no JSON object.
    """
    lines = []
    for number, text in enumerate(read_text(path).splitlines(), start=1):
        line = _parse(f"{path}:{number}", text)
        if not isinstance(line, dict):
            raise RunError(f"{path}:{number}: not a JSON object")
        lines.append((number, line))
    return Events(path, tuple(lines))


def read_object(path: Path, kind: type[_R]) -> _R:
    return _check(str(path), _parse(str(path), read_text(path)), kind)


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
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RunError(f"{place}: not JSON: {error}") from None


def _check(place: str, value: object, kind: type[_R]) -> _R:
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"])) or "the record"
        raise RunError(f"{place}: {key}: {first['msg']}") from None
