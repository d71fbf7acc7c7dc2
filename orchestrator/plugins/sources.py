"""Users' modules, imported from a folder or from their texts.

What is imported from a folder is remembered as text, so that it can be imported again where the
folder is not, or where its files have changed meanwhile.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.abc import ExecutionLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from types import ModuleType

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
        Exception: whatever the module raises; it is a user's code.
    """
    folder = folder.resolve()

    def read(place: str) -> str | None:
        file = folder / place
        return file.read_text(encoding="utf-8") if file.is_file() else None

    with _found(_Files(read, folder), _Folders(lambda place: (folder / place).is_dir())) as files:
        return importlib.import_module(name), files


def import_from_texts(name: str, texts: Mapping[str, str], folder: Path) -> ModuleType:
    """Import a module from the texts that `import_from_folder` gave.

    Args:
        name: of the module.
        texts: by the files' places in the folder.
        folder: where they once stood, for tracebacks; it need not be there.

    Raises:
        Exception: whatever the module raises.
    """

    def has(place: str) -> bool:
        return any(known.startswith(f"{place}/") for known in texts)

    with _found(_Files(texts.get, folder), _Folders(has)):
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
        stem = fullname.replace(".", "/")
        for place in (f"{stem}/__init__.py", f"{stem}.py"):
            text = self._read(place)
            if text is not None:
                self.files[place] = text
                _ours.add(fullname)
                return spec_from_loader(fullname, _Text(str(self._folder / place), text))
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
def _found(files: _Files, folders: _Folders) -> Iterator[dict[str, str]]:
    """Let imports find modules there; what another folder's were is imported anew."""
    for name in _ours:
        sys.modules.pop(name, None)
    _ours.clear()
    sys.meta_path.insert(0, files)
    sys.meta_path.append(folders)
    try:
        yield files.files
    finally:
        sys.meta_path.remove(files)
        sys.meta_path.remove(folders)
