"""Directories that are given for a run's and are none: what to give instead."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from orchestrator.errors import InputError, Problem, RunError
from orchestrator.records.directory import RunDirectory
from orchestrator.records.files import Record, read_object

RUN_FORMAT = 2
"""Of a run's directory, as this version writes it: run.json, and the records of its trials."""
_SHOWN = 5
_DEPTH = 2  # results/ holds experiments, an experiment its runs


def check_run_directory(directory: Path) -> None:
    """See that a directory is a run's, with records of its trials.

    Raises:
        InputError: it is not; the hint names runs below it.
    """
    place = str(directory)
    if not directory.exists():
        raise InputError([Problem(place, "not there", _hint(directory.parent))])
    layout = RunDirectory(directory)
    if not layout.run.is_file():
        raise InputError([Problem(place, "not a run: no run.json in it", _hint(directory))])
    if not layout.trials.is_dir():
        summaries = (layout.summary_csv, layout.figure_png)
        existing = [path.name for path in summaries if path.exists()]
        what = f", only {' and '.join(existing)}" if existing else ""
        message = f"the records of this run's trials are not in it{what}"
        below = list(_runs_below(directory))
        raise InputError([Problem(place, message, _listed(below) if below else "")])


def check_format(path: Path, run_format: int | None, version: object) -> None:
    """See that this version reads a directory, by its run.json; the first ones name no format.

    Raises:
        RunError: it is of another one.
    """
    if run_format != RUN_FORMAT:
        form = "without a format" if run_format is None else f"in format {run_format}"
        raise RunError(
            f"{path}: written by dmlbed {version} {form}, and this version reads format "
            f"{RUN_FORMAT}: report it with that version"
        )


def is_sweep(directory: Path) -> bool:
    """Whether a directory is that of a sweep, as opposed to a run's or none."""
    try:
        record = read_object(RunDirectory(directory).run, _AnyRun)
    except RunError:
        return False
    return "sweep" in record.experiment


class _AnyRun(Record):
    experiment: dict[str, Any]


def _hint(directory: Path) -> str:
    below = list(_runs_below(directory))
    if below:
        return _listed(below)
    return "give a directory that dmlbed run wrote, such as results/<experiment>/<time>-<hash>"


def _listed(below: list[Path]) -> str:
    # Names begin with the time: the latest ones are those that a person means.
    latest = below[-_SHOWN:]
    more = len(below) - len(latest)
    return f"runs in it: {', '.join(map(str, latest))}" + (f" and {more} more" if more else "")


def _runs_below(directory: Path, depth: int = _DEPTH) -> Iterator[Path]:
    if not directory.is_dir():
        return
    try:
        below = sorted(path for path in directory.iterdir() if path.is_dir())
    except OSError:
        return
    for path in below:
        if RunDirectory(path).run.is_file():
            yield path
        elif depth > 1:
            yield from _runs_below(path, depth - 1)
