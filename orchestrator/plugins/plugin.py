"""What is not ours: found by the name of an entry point or by `module:Class`, and checked."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Generic, Self, TextIO, TypeVar, cast

from orchestrator.plugins.kind import Kind, PluginError
from orchestrator.plugins.sources import ShadowedError, import_from_folder, import_from_texts
from workloads.errors import nearest

T = TypeVar("T")


@dataclass(frozen=True)
class Plugin(Generic[T]):
    """A user's class, with everything that is needed to load it elsewhere and later.

    Every kind has a subclass, which names the `kind`.

    Attributes:
        name: as files name it.
        target: `module:Class`.
        folder: where its modules were looked for first: that of the experiment.
        files: text of its modules by their place in that folder; none if it is an installed one.
        digest: SHA-256 of the file that defines its class, and of its other files. It is part of a
            run's identity: code outside of the experiment file also decides figures.
    """

    kind: ClassVar[Kind[Any]]

    name: str
    target: str
    folder: str
    files: Mapping[str, str]
    digest: str

    @classmethod
    def find(cls, name: str, folder: Path) -> Self:
        """The user-defined one of that name.

        Args:
            name: that of an entry point, or `module:Class`.
            folder: where modules are looked for first: that of the experiment.

        Raises:
            PluginError: there is none, it cannot be imported, or it is of another kind.
        """
        target = _target(cls.kind, name, folder)
        files: dict[str, str] = {}

        def imported(module: str) -> ModuleType:
            made, texts = import_from_folder(module, folder)
            files.update(texts)
            return made

        instance = _instance(cls.kind, name, target, imported, folder)
        digest = _digest(instance, target.partition(":")[0], files)
        plugin = cls(name, target, str(folder.resolve()), files, digest)
        plugin.instance  # noqa: B018 (what cannot be imported from its texts must fail now)
        return plugin

    @cached_property
    def instance(self) -> T:
        """An object of its class.

        Raises:
            PluginError: it cannot be imported, or it is an installed one that has changed.
        """
        folder = Path(self.folder)

        def imported(module: str) -> ModuleType:
            return import_from_texts(module, self.files, folder)

        instance = _instance(self.kind, self.name, self.target, imported, folder)
        if _digest(instance, self.target.partition(":")[0], self.files) != self.digest:
            which = f"{self.kind.noun} {self.name!r}"
            raise PluginError(f"{which}: the installed {self.target} was changed")
        return cast(T, instance)

    def to_json(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return asdict(self)


def users_code() -> redirect_stdout[TextIO]:
    """While it is entered, what is printed goes to stderr: stdout has the answer, perhaps JSON."""
    return redirect_stdout(sys.stderr)


def _target(kind: Kind[Any], name: str, folder: Path) -> str:
    """The `module:Class` behind a name."""
    if ":" not in name:
        installed = kind.installed()
        if name not in installed:
            known = (*kind.library, *installed, "module:Class of your own")
            hint = _of_module(name, folder) or nearest(name, known, else_list="known")
            raise PluginError(f"unknown {kind.noun} {name!r}", hint)
        return f"{installed[name].module}:{installed[name].attr}"
    module, _, of_class = name.partition(":")
    right = module.removesuffix(".py").removeprefix("./").replace("/", ".")
    if right != module:
        message = f"{kind.noun} {name!r}: a module is named without a path and without .py"
        importable = all(part.isidentifier() for part in right.split("."))
        beside = f"did you mean {f'{right}:{of_class}'!r}?"
        raise PluginError(message, beside if importable else "it lies beside the experiment's file")
    return name


def _of_module(name: str, folder: Path) -> str:
    """A hint for a name without a colon that begins with a module of a folder; or empty."""
    bare = name.removesuffix(".py")
    module, _, of_class = bare.rpartition(".")
    beside = {file.stem for file in folder.glob("*.py")}
    if bare in beside:
        return f"a class of {bare}.py is named '{bare}:Class'"
    return f"did you mean '{module}:{of_class}'?" if module in beside else ""


def _instance(
    kind: Kind[Any],
    name: str,
    target: str,
    imported: Callable[[str], ModuleType],
    folder: Path,
) -> object:
    """An object of a target's class, from its module."""
    which = f"{kind.noun} {name!r}"
    of_module, _, of_class = target.partition(":")
    try:
        with users_code():
            module = imported(of_module)
    except ShadowedError as error:
        raise PluginError(f"{which}: {error}", error.hint) from None
    except (Exception, SystemExit) as error:
        message = (
            f"{which}: module {of_module!r} cannot be imported, neither from {folder} nor from "
            f"installed packages: {type(error).__name__}: {error}"
        )
        missing = isinstance(error, ModuleNotFoundError) and error.name == of_module
        beside = sorted(file.stem for file in folder.glob("*.py")) if missing else []
        raise PluginError(message, nearest(of_module, beside)) from error
    try:
        checked_class = kind.checked(module, of_class)
    except PluginError as error:
        raise PluginError(f"{which}: {error.message}", error.hint) from None
    try:
        with users_code():
            return checked_class()
    except (Exception, SystemExit) as error:
        why = f"{of_class}() raised {type(error).__name__}: {error}"
        raise PluginError(f"{which}: {why}") from error


def _digest(instance: object, module: str, files: Mapping[str, str]) -> str:
    """Digest of the file that defines an object's class, and of the other files and their paths."""
    stem = module.replace(".", "/")
    own = {place for place in (f"{stem}/__init__.py", f"{stem}.py") if place in files}
    if own:
        content = "".join(files[place] for place in own).encode()
    else:
        file = inspect.getsourcefile(type(instance))
        content = b"" if file is None else Path(file).read_bytes()
    digest = hashlib.sha256(content)
    for place in sorted(files.keys() - own):
        digest.update(f"\0{place}\0{files[place]}".encode())
    return digest.hexdigest()
