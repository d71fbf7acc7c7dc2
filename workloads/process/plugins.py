"""Classes that a job names: of the library, or user-defined and shipped beside the workload."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from workloads.errors import JobError, unknown_name

_ABOVE = Path(__file__).parents[2]
SHIPPED = (_ABOVE if _ABOVE.is_dir() else _ABOVE.parent) / "shipped"
"""Where user-defined modules are: beside this package, or beside the archive it is in."""


def instance_of(noun: str, name: str, library: Mapping[str, str], base: type[Any]) -> Any:
    """Return an instance of the class that a job names.

    Args:
        noun: what a message calls one of the kind.
        name: of one of the library, or `module:Class`.
        library: names and their `module:Class`.
        base: whose subclass it must be.

    Raises:
        JobError: it cannot be imported or made, or is of another kind.
    """
    if name not in library and ":" not in name:
        raise JobError([unknown_name(noun, name, library)])
    module, _, class_name = library.get(name, name).partition(":")
    try:
        with shipped_first():
            kind = getattr(importlib.import_module(module), class_name)
        if not (isinstance(kind, type) and issubclass(kind, base)):
            raise TypeError(f"{class_name} is not a subclass of {base.__name__}")
        return kind()
    except (Exception, SystemExit) as error:
        why = f"{type(error).__name__}: {error}"
        raise JobError([f"{noun} {name!r} cannot be loaded on this host: {why}"]) from error


@contextmanager
def shipped_first() -> Iterator[None]:
    """Let imports look among the shipped modules first."""
    sys.path.insert(0, str(SHIPPED))
    try:
        yield
    finally:
        sys.path.remove(str(SHIPPED))
