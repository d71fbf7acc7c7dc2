"""The run's directory: a trial is in it whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from orchestrator.errors import MachineError, RunError
from orchestrator.records.directory import RUN, TRIALS, RunDirectory
from orchestrator.session.plan.trials import Trial


def check_writable(directory: Path) -> None:
    """See that results can be written there.

    Raises:
        MachineError: it exists and is no directory, or may not be written.
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

    As long as a run goes on, nobody else can continue it: the directory is locked.

    Attributes:
        path: the run's directory, `<out>/<experiment>/<time>-<digest>`.
        stored: how many trials were stored.
    """

    def __init__(
        self, directory: Path, run_record: Mapping[str, Any], *, goes_on: bool = False
    ) -> None:
        """Keep a run.

        Args:
            directory: where; another name is taken if there is one.
            run_record: what run.json is to say.
            goes_on: the directory is there, and holds trials of the run.

        Raises:
            RunError: the run that is to go on has not ended.
        """
        self._wanted = directory
        self._run_record = dict(run_record)
        self._path: Path | None = None
        self._parents: tuple[Path, ...] = ()
        self._lock: int | None = None
        self._written = False
        self.stored = 0
        if goes_on:
            self._lock = _lock(directory)
            self._path = directory
            for partial in RunDirectory(directory).left_unfinished():
                shutil.rmtree(partial)  # it was being stored when the run was killed

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
        self._written = False

    def _made(self) -> Path:
        """The directory, with a run.json that is up to date."""
        if self._path is None:
            self._path, self._parents = new_directory(
                self._wanted, {RUN: json_file(self._run_record)}, (TRIALS,)
            )
            self._lock = _lock(self._path)
        elif not self._written:
            replace_file(RunDirectory(self._path).run, json_file(self._run_record))
        self._written = True
        return self._path

    def store(self, trial: Trial, files: Mapping[str, bytes]) -> Path:
        """Keep a finished or failed trial's files, all of them or none; returns its directory."""
        layout = RunDirectory(self._made())
        whole, partial = layout.trial(trial.directory).path, layout.unfinished(trial.directory).path
        try:
            partial.mkdir()
            for name, content in files.items():
                _write(partial / name, content)
            _sync(partial)
            partial.rename(whole)
        except BaseException:
            # Ctrl-C may come here, too.
            shutil.rmtree(partial, ignore_errors=True)
            raise
        _sync(layout.trials)
        self.stored += 1
        return whole

    def checkpoints(self, trial: Trial) -> Path:
        """Where a trial's checkpoints are, which stay when the run is stopped."""
        place = RunDirectory(self._made()).checkpoints(trial.directory).absolute()
        place.mkdir(parents=True, exist_ok=True)
        return place

    def keep(self, files: Mapping[str, bytes]) -> None:
        """Keep files that belong to no trial, by their names in the run's directory."""
        for name, content in files.items():
            place = self._made() / name
            place.parent.mkdir(exist_ok=True)
            _write(place, content)

    def give_to_caller(self) -> None:
        """Under sudo, hand the files to the person who called it; the run has ended."""
        if self._path is not None:
            give_to_caller((*self._parents, self._path, *self._path.rglob("*")))
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def attempts_at(directory: Path, trial: Trial) -> list[Path]:
    """The directories of all attempts at a trial that a run's directory holds, in their order."""
    places: list[Path] = []
    while True:
        place = (
            RunDirectory(directory).trial(replace(trial, attempt=len(places) + 1).directory).path
        )
        if not place.is_dir():
            return places
        places.append(place)


def new_directory(
    wanted: Path, files: Mapping[str, bytes], folders: Iterable[str] = ()
) -> tuple[Path, tuple[Path, ...]]:
    """Make a directory with files and empty folders in it, all at once.

    Two of one name in one second get `-2` and so on.

    Returns:
        It, and those above it that were not there either.

    Raises:
        MachineError: something else has that name.
    """
    parent = wanted.parent
    missing = [folder for folder in (parent, *parent.parents) if not folder.exists()]
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, FileNotFoundError, NotADirectoryError, PermissionError) as error:
        hint = "choose another --out"
        raise MachineError(f"{parent}: cannot be made: {error.strerror}", hint) from None
    partial = Path(tempfile.mkdtemp(dir=parent, prefix=f".{wanted.name}."))
    try:
        partial.chmod(0o755)
        for folder in folders:
            (partial / folder).mkdir()
        for name, content in files.items():
            _write(partial / name, content)
        _sync(partial)
        for number in count(1):
            path = parent / (wanted.name if number == 1 else f"{wanted.name}-{number}")
            if not path.exists():
                with contextlib.suppress(FileExistsError, NotADirectoryError):
                    partial.rename(path)
                    break
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    _sync(parent)
    return path, tuple(missing)


def replace_file(path: Path, content: bytes) -> None:
    """Write a file in place of the one that is there, whole or not at all."""
    new = path.with_name(f".{path.name}.new")
    try:
        _write(new, content)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def _lock(directory: Path) -> int:
    """Hold a run's directory until the descriptor is closed, or this process ends.

    Raises:
        RunError: another process holds it.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise RunError(f"{directory}: this run is still going on") from None
    except OSError:
        pass  # a file system without locks
    return descriptor


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
    _sync(path)


def _sync(path: Path) -> None:
    """Make a file's content, or a directory's entries, outlive a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def json_file(record: Mapping[str, Any]) -> bytes:
    """A record as the bytes of a readable JSON file."""
    return (json.dumps(record, indent=2, sort_keys=True) + "\n").encode()
