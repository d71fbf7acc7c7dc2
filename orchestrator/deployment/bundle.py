"""The code that is shipped to hosts: the files of the `workloads` package."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from orchestrator.errors import MachineError

PACKAGE = "workloads"
SUFFIXES = frozenset({".py", ".json"})


def code_bundle() -> dict[str, bytes]:
    """The workload's code and data, by path relative to the directory above the package.

    The package is found, not imported: what runs on hosts is no part of the orchestrator.

    Raises:
        MachineError: the package is not installed.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise MachineError(f"the package {PACKAGE} is not installed", "run make setup")
    root = Path(next(iter(found.submodule_search_locations)))
    return read_package(root)


def read_package(root: Path) -> dict[str, bytes]:
    """The `.py` and `.json` files under the directory of a package, by path from its parent."""
    return {
        path.relative_to(root.parent).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.suffix in SUFFIXES and path.is_file()
    }
