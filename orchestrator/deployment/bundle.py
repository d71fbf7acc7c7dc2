"""The code that is shipped to hosts: the `workloads` package, in one archive that Python imports.

One file takes one round trip to a host, and the byte code in it is made once, not in every process
of every trial.
"""

from __future__ import annotations

import importlib.util
import io
import marshal
import zipfile
from collections.abc import Mapping
from pathlib import Path

from orchestrator.errors import MachineError

PACKAGE = "workloads"
ARCHIVE = f"{PACKAGE}.zip"
SUFFIXES = frozenset({".py", ".json"})
_UNCHECKED_HASH = (1).to_bytes(4, "little")
"""The flags of byte code that is taken without a look at its source (PEP 552)."""


def code_bundle() -> dict[str, bytes]:
    """The workload's code and data: an archive to import from, by its path.

    The package is found, not imported: what runs on hosts is no part of the orchestrator.

    Raises:
        MachineError: the package is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MachineError(f"the package {PACKAGE} is not installed", "run make setup")
    root = Path(next(iter(spec.submodule_search_locations)))
    return {ARCHIVE: archive(read_package(root))}


def read_package(root: Path) -> dict[str, bytes]:
    """The `.py` and `.json` files under the directory of a package, by path from its parent."""
    return {
        path.relative_to(root.parent).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.suffix in SUFFIXES and path.is_file()
    }


def archive(files: Mapping[str, bytes]) -> bytes:
    """A zip archive of files, in which each module has its byte code beside it.

    A host whose Python is of another version takes the sources.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        for path, content in files.items():
            made.writestr(path, content)
            if path.endswith(".py"):
                made.writestr(f"{path}c", _byte_code(path, content))
    return packed.getvalue()


def _byte_code(path: str, source: bytes) -> bytes:
    code = compile(source, f"{ARCHIVE}/{path}", "exec", dont_inherit=True)
    head = importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH + importlib.util.source_hash(source)
    return head + marshal.dumps(code)
