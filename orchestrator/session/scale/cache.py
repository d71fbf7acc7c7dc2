"""What calibrations found out, remembered per machine, kernel, version, switch and topology.

One small JSON file per key, in `$XDG_CACHE_HOME/dmlbed`, or else in `/var/cache/dmlbed`: what runs
measure they measure as root, and `plan` reads it as any user. Files are replaced as a whole; one
that is broken, or of another layout, is ignored.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from orchestrator import __version__
from orchestrator.emulation.limits.awake import cpus_to_keep_awake
from orchestrator.session.plan.provenance import cpu_name
from orchestrator.session.scale.calibration import Attempt, by_rates

_LARGEST_FILE = 1 << 20
_PROGRAMS = {"ovs-user": "ovs-vswitchd", "ovs-kernel": "ovs-vswitchd"}

Key = Mapping[str, Any]


class Remembered(BaseModel):
    """One file: for which machine and question, and what was measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: dict[str, Any]
    attempts: tuple[Attempt, ...]


def default_directory() -> Path:
    """Where calibrations are remembered."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification: a path that is not absolute is to be ignored.
    return Path(base if base.startswith("/") else "/var/cache") / "dmlbed"


def machine_key() -> dict[str, Any]:
    """What a calibration of another machine, kernel or version differs in."""
    return {
        "cpu": cpu_name(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "dmlbed": __version__,
    }


def switch_key(kind: str) -> dict[str, Any]:
    """What a calibration with switches of another kind or version differs in."""
    return {
        "switch": kind,
        "switch_version": _program_version(_PROGRAMS.get(kind)),
        "awake": bool(cpus_to_keep_awake(kind)),
    }


class CalibrationCache:
    """The files of one directory, which need not exist."""

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = directory or default_directory()

    def attempts(self, key: Key) -> dict[float, Attempt]:
        """What is remembered for a key, by R."""
        entry = _read(self._path(key))
        return by_rates(entry.attempts) if entry is not None and entry.key == dict(key) else {}

    def remember(self, key: Key, attempts: Iterable[Attempt]) -> None:
        """Add attempts to what is remembered; of two with one R the new one stays.

        Raises:
            OSError: it cannot be written.
        """
        together = {**self.attempts(key), **by_rates(tuple(attempts))}
        kept = Remembered(key=dict(key), attempts=tuple(together[r] for r in sorted(together)))
        self.directory.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=self.directory, prefix=".new-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(kept.model_dump_json(indent=1) + "\n")
            os.chmod(temporary, 0o644)  # noqa: PTH101 (mkstemp's 0600 hides the file from `plan`)
            Path(temporary).replace(self._path(key))
        finally:
            with suppress(FileNotFoundError):
                Path(temporary).unlink()

    def forget(self, key: Key) -> None:
        """Forget what is remembered for a key.

        Raises:
            OSError: it cannot be removed.
        """
        self._path(key).unlink(missing_ok=True)

    def all(self) -> list[Remembered]:
        """Everything that can be read."""
        entries = (_read(path) for path in sorted(self.directory.glob("*.json")))
        return [one for one in entries if one is not None]

    def _path(self, key: Key) -> Path:
        return self.directory / f"{digest(key)}.json"


def _read(path: Path) -> Remembered | None:
    try:
        with path.open("rb") as file:
            return Remembered.model_validate_json(file.read(_LARGEST_FILE))
    except (OSError, ValidationError):
        return None


def digest(value: object) -> str:
    """A short name for what JSON can say."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _program_version(program: str | None) -> str:
    """The first line that a switch's program says of itself; empty if there is none."""
    if program is None:
        return ""
    try:
        done = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return next(iter(done.stdout.splitlines()), "")
