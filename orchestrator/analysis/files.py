"""Files that are replaced as a whole or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from orchestrator.errors import RunError


def write_file(path: Path, content: bytes) -> None:
    """Write a file that others may read, in place of the one that is there.

    Raises:
        RunError: it cannot be written.
    """
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o644)  # noqa: PTH101 (mkstemp's 0600 hides the file from others)
        os.replace(temporary, path)  # noqa: PTH105
    except OSError as error:
        raise RunError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        if temporary is not None:
            with suppress(FileNotFoundError):
                os.unlink(temporary)  # noqa: PTH108
