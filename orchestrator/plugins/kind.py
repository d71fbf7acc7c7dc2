"""Extension points: what is one of a kind, and what is refused."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any, Generic, TypeVar

from orchestrator.errors import RunError
from workloads.errors import nearest

T = TypeVar("T")


class PluginError(RunError):
    """There is no such plugin, it cannot be imported, or it is of another kind."""

    def __init__(self, message: str, hint: str = "") -> None:
        self.message, self.hint = message, hint
        super().__init__(f"{message} ({hint})" if hint else message)


@dataclass(frozen=True)
class Kind(Generic[T]):
    """An extension point.

    Attributes:
        noun: what a message calls one of the kind.
        base_name: the class that all of them are subclasses of. One that is not ours overrides at
            least one of its public names, and all that are abstract.
        package: where people import that class from; it is imported when it is needed.
        library: ours, by name.
        entry_points: the group of entry points by which installed packages name theirs.
    """

    noun: str
    base_name: str
    package: str
    library: Mapping[str, Any]
    entry_points: str

    @property
    def base(self) -> type[T]:
        """The class that all of them are subclasses of."""
        base: type[T] = getattr(importlib.import_module(self.package), self.base_name)
        return base

    def installed(self) -> dict[str, EntryPoint]:
        """What installed packages bring, by name; of two of one name, what Python finds first."""
        by_name: dict[str, EntryPoint] = {}
        for point in entry_points(group=self.entry_points):
            by_name.setdefault(point.name, point)
        return dict(sorted(by_name.items()))

    def checked(self, module: ModuleType, name: str) -> type[T]:
        """The class of that name in a module.

        Raises:
            PluginError: there is none, or it is none of this kind.
        """
        named = getattr(module, name, None)
        if not (inspect.isclass(named) and issubclass(named, self.base)):
            hint = nearest(name, self._classes(module), else_list="it has")
            if named is None:
                raise PluginError(f"{module.__name__} has no {name!r}", hint)
            message = (
                f"{module.__name__}: {name!r} is not a subclass of {self.package}.{self.base_name}"
            )
            raise PluginError(message, hint or f"write: class {name}({self.base_name})")
        known = [key for key in vars(self.base) if not key.startswith("_")]
        inherited = self.base.__mro__
        own = {key for each in named.__mro__ if each not in inherited for key in vars(each)}
        missing = sorted(getattr(named, "__abstractmethods__", ()))
        methods = ", ".join(f"{key}()" for key in missing)
        if not own.intersection(known):
            hints = (nearest(key, known) for key in sorted(own) if not key.startswith("_"))
            message = f"{name} overrides nothing of {self.base_name}: {', '.join(known)}"
            every = f"every {self.noun} has {methods}" if missing else ""
            raise PluginError(message, next(filter(None, hints), every))
        if missing:
            hints = (nearest(key, missing) for key in sorted(own) if key not in known)
            message = f"{name} lacks {methods}, which every {self.noun} has"
            raise PluginError(message, next(filter(None, hints), ""))
        return named

    def _classes(self, module: ModuleType) -> list[str]:
        """Names of a module's classes of this kind."""
        return [
            name
            for name, value in vars(module).items()
            if inspect.isclass(value) and issubclass(value, self.base) and value is not self.base
        ]
