"""The run's directory: a trial is in it whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from orchestrator.errors import MachineError
from orchestrator.trials.plan import Trial


def check_writable(directory: Path) -> None:
    """See that results can be written there.

    Raises:
        MachineError: what stands there is no directory, or may not be written.
    """
    existing = directory.absolute()
    while not existing.exists():
        if existing.is_symlink():
            target = existing.readlink()
            message = f"{directory}: {existing} is a link to {target}, which is not there"
            raise MachineError(message, "make that directory, or choose another --out")
        existing = existing.parent
    if not existing.is_dir():
        raise MachineError(f"{directory}: {existing} is not a directory", "choose another --out")
    if not os.access(existing, os.W_OK):
        raise MachineError(f"{directory}: not writable", "choose another --out")


class ResultsDirectory:
    """Where one run keeps its trials; the directory appears with its first finished trial.

    Attributes:
        path: the run's directory, `<out>/<experiment>/<time>-<digest>`.
        stored: how many trials it holds.
    """

    def __init__(
        self, out: Path, experiment: str, stamp: str, run_record: Mapping[str, Any]
    ) -> None:
        self._parent = out / experiment
        self._name = stamp
        self._run_record = dict(run_record)
        self._path: Path | None = None
        self._parents: tuple[Path, ...] = ()
        self.stored = 0

    @property
    def path(self) -> Path | None:
        """The run's directory, None as long as no trial has finished."""
        return self._path

    @property
    def run_record(self) -> Mapping[str, Any]:
        """What run.json says, or will say."""
        return self._run_record

    def describe(self, **entries: Any) -> None:
        """Add to run.json what was found out before the first trial."""
        self._run_record |= entries

    def _make(self) -> Path:
        path, self._parents = new_directory(self._parent, self._name)
        try:
            (path / "trials").mkdir()
            _write(path / "run.json", json_file(self._run_record))
        except BaseException:
            shutil.rmtree(path, ignore_errors=True)
            raise
        return path

    def store(self, trial: Trial, files: Mapping[str, bytes]) -> Path:
        """Keep a finished or failed trial's files, all of them or none; returns its directory."""
        if self._path is None:
            self._path = self._make()
        whole = self._path / "trials" / trial.directory
        partial = self._path / "trials" / f".{trial.directory}"
        try:
            partial.mkdir()
            for name, content in files.items():
                _write(partial / name, content)
            partial.rename(whole)
        except BaseException:
            # Ctrl-C may come here, too.
            shutil.rmtree(partial, ignore_errors=True)
            raise
        self.stored += 1
        return whole

    def keep(self, folder: str, files: Mapping[str, bytes]) -> None:
        """Keep files that belong to no trial in a folder of the run's directory; "": in itself."""
        if self._path is None:
            self._path = self._make()
        place = self._path / folder
        place.mkdir(exist_ok=True)
        for name, content in files.items():
            _write(place / name, content)

    def give_to_caller(self) -> None:
        """Under sudo, hand the files to the person who called it."""
        if self._path is not None:
            give_to_caller((*self._parents, self._path, *self._path.rglob("*")))


def new_directory(parent: Path, name: str) -> tuple[Path, tuple[Path, ...]]:
    """Make a directory that was not there; two of one name in one second get `-2` and so on.

    Returns:
        It, and those above it that were not there either.

    Raises:
        MachineError: something else stands in the way.
    """
    missing = [folder for folder in (parent, *parent.parents) if not folder.exists()]
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, FileNotFoundError, NotADirectoryError, PermissionError) as error:
        hint = "choose another --out"
        raise MachineError(f"{parent}: cannot be made: {error.strerror}", hint) from None
    number = 1
    while True:
        path = parent / (name if number == 1 else f"{name}-{number}")
        with contextlib.suppress(FileExistsError):
            path.mkdir()
            return path, tuple(missing)
        number += 1


def give_to_caller(paths: Iterable[Path]) -> None:
    """Under sudo, hand files to the person who called it."""
    owner = os.environ.get("SUDO_UID"), os.environ.get("SUDO_GID")
    if None in owner:
        return
    uid, gid = (int(text or 0) for text in owner)
    for path in paths:
        os.chown(path, uid, gid)


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def json_file(record: Mapping[str, Any]) -> bytes:
    """A record as the bytes of a readable JSON file."""
    return (json.dumps(record, indent=2, sort_keys=True) + "\n").encode()
