"""Users' modules, imported from a folder or from their texts.

What is imported from a folder is remembered as text, so that it can be imported again where the
folder is not, or where its files have changed meanwhile.

A file with the name of a module that Python has elsewhere is refused: which of the two an import
gives depends on what was imported before, and so on the process.
"""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.abc import ExecutionLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from types import ModuleType


class ShadowedError(ImportError):
    """A user's file has the name of a module that Python has elsewhere; `hint` is the remedy."""

    def __init__(self, place: str, what: str) -> None:
        self.hint = f"rename it, for instance to my_{place}"
        super().__init__(
            f"{place} beside the experiment has the name of {what}, so that Python may load either"
        )


_ours: set[str] = set()
"""Names of the modules that were imported here; another folder may have others of these names."""


def import_from_folder(name: str, folder: Path) -> tuple[ModuleType, dict[str, str]]:
    """Import a module, first of all from a folder.

    Args:
        name: of the module, with dots for packages.
        folder: where it and what it imports are looked for first.

    Returns:
        The module, and the text of every file of the folder that it needed, by the file's place in
        the folder; nothing if it is an installed one.

    Raises:
        ShadowedError: it, or one that it imports, has the name of a module elsewhere.
        Exception: whatever the module raises; it is a user's code.
    """
    folder = folder.resolve()

    def read(place: str) -> str | None:
        file = folder / place
        return file.read_text(encoding="utf-8") if file.is_file() else None

    files = _Files(read, folder)
    with _found(files, _Folders(lambda place: (folder / place).is_dir())):
        files.refuse_shadow(name)
        return importlib.import_module(name), files.files


def import_from_texts(name: str, texts: Mapping[str, str], folder: Path) -> ModuleType:
    """Import a module from the texts that `import_from_folder` gave.

    Args:
        name: of the module.
        texts: by the files' places in the folder.
        folder: where they once stood, for tracebacks; it need not be there.

    Raises:
        ShadowedError: it, or one that it imports, has the name of a module elsewhere.
        Exception: whatever the module raises.
    """

    def has(place: str) -> bool:
        return any(known.startswith(f"{place}/") for known in texts)

    files = _Files(texts.get, folder)
    with _found(files, _Folders(has)):
        files.refuse_shadow(name)
        return importlib.import_module(name)


class _Text(ExecutionLoader):
    """Loads one module from its text."""

    def __init__(self, path: str, text: str) -> None:
        self._path, self._text = path, text

    def get_filename(self, fullname: str) -> str:  # noqa: ARG002 (importlib's signature)
        return self._path

    def get_source(self, fullname: str) -> str:  # noqa: ARG002
        return self._text

    def is_package(self, fullname: str) -> bool:  # noqa: ARG002
        return self._path.endswith("/__init__.py")


class _Files(MetaPathFinder):
    """Finds modules that are files, and remembers their texts."""

    def __init__(self, read: Callable[[str], str | None], folder: Path) -> None:
        self._read, self._folder = read, folder
        self.files: dict[str, str] = {}

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 (importlib's signature)
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        source = self._found(fullname)
        # What a library imports is the library's, whatever is beside the experiment.
        if source is None or _elsewhere(fullname, self._folder):
            return None
        place, text = source
        for name in _imports(text):
            self.refuse_shadow(name)
        self.files[place] = text
        _ours.add(fullname)
        return spec_from_loader(fullname, _Text(str(self._folder / place), text))

    def refuse_shadow(self, name: str) -> None:
        """See that a module which is a file here is nowhere else.

        Raises:
            ShadowedError: it is.
        """
        top = name.partition(".")[0]
        source = self._found(top)
        if source is not None and (what := _elsewhere(top, self._folder)):
            raise ShadowedError(source[0].partition("/")[0], what)

    def _found(self, fullname: str) -> tuple[str, str] | None:
        """The file of a module, and its text."""
        stem = fullname.replace(".", "/")
        for place in (f"{stem}/__init__.py", f"{stem}.py"):
            text = self._read(place)
            if text is not None:
                return place, text
        return None


class _Folders(MetaPathFinder):
    """Finds packages that are mere folders; asked last, as Python does."""

    def __init__(self, has: Callable[[str], bool]) -> None:
        self._has = has

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        if not self._has(fullname.replace(".", "/")):
            return None
        _ours.add(fullname)
        return ModuleSpec(fullname, None, is_package=True)


@contextmanager
def _found(files: _Files, folders: _Folders) -> Iterator[None]:
    """Let imports find modules there; what another folder's were is imported anew."""
    for name in _ours:
        sys.modules.pop(name, None)
    _ours.clear()
    sys.meta_path.insert(0, files)
    sys.meta_path.append(folders)
    try:
        yield
    finally:
        sys.meta_path.remove(files)
        sys.meta_path.remove(folders)


def _elsewhere(name: str, folder: Path) -> str:
    """What Python knows of a module's name outside of a folder, in words; empty: nothing."""
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names:
        return "one of Python's own modules"
    loaded = None if top in _ours else sys.modules.get(top)
    places = [getattr(loaded, "__file__", None)] if loaded is not None else []
    for finder in sys.meta_path:
        if not isinstance(finder, _Files | _Folders):
            spec = finder.find_spec(top, None)
            places.append(spec.origin if spec is not None and spec.has_location else None)
    for place in places:
        # The folder itself may be one that Python searches.
        if place is not None and not Path(place).resolve().is_relative_to(folder):
            return f"an installed module, {place}"
    return ""


def _imports(text: str) -> set[str]:
    """The modules that a text imports by their whole names; none if it is no Python."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return set()
    modules: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            modules.add(node.module)
    return modules
