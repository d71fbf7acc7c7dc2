"""Runs the points of a sweep one after the other, each as a separate run, and reports on all.

A point that fails costs that point only: the others are run, and the sweep ends with the worst of
their ends.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from orchestrator.errors import (
    DmlbedError,
    InputError,
    Interrupted,
    MachineError,
    ReaderGoneError,
    RunError,
    UnusableError,
)
from orchestrator.records.directory import RUN, RunDirectory
from orchestrator.session.plan.run_plan import RunPlan
from orchestrator.session.store.results import give_to_caller, json_file, new_directory
from orchestrator.spec import Experiment, Point
from orchestrator.terminal.console import answers, messages, say

RunPoint = Callable[[Point, Path], None]
"""Runs one point in its own directory; raises `DmlbedError` if it does not end well."""

_WORST_LAST = tuple(
    error.exit_code for error in (UnusableError, MachineError, RunError, InputError, Interrupted)
)


class PointsError(DmlbedError):
    """Some points did not end well; has the worst of their exit codes."""

    def __init__(self, points: int, ends: Sequence[tuple[Point, DmlbedError]]) -> None:
        named = ", ".join(point.label for point, _ in ends)
        super().__init__(f"{len(ends)} of {points} points did not end well: {named}")
        codes = [error.exit_code for _, error in ends]
        self.exit_code = max(codes, key=_WORST_LAST.index)


def run_sweep(plan: RunPlan, run_point: RunPoint, *, as_json: bool, goes_on: bool = False) -> None:
    """Run all points and report on them; call it on the main thread.

    Args:
        plan: of the whole sweep.
        run_point: runs one of them.
        as_json: end with one JSON object.
        goes_on: the sweep's directory is there, with some of its points.

    Raises:
        DmlbedError: the sweep ended early, or not all points ended well; what had finished has been
            reported.
    """
    experiment = plan.experiment
    directory, parents = (
        (plan.directory, ())
        if goes_on
        else new_directory(plan.directory, {RUN: json_file(plan.record())})
    )
    try:
        try:
            ends = _run_points(experiment.points(), run_point, directory)
        except KeyboardInterrupt:
            left = (
                "what had finished is kept" if _left(directory, experiment) else "nothing is kept"
            )
            raise Interrupted(f"stopped; {left}") from None
    except BaseException:
        # Why the sweep ended says more than why the little it left cannot be reported.
        with contextlib.suppress(DmlbedError):
            _report(directory, experiment, as_json)
        if _left(directory, experiment):
            say(messages(), f"`dmlbed run {directory}` continues it")
        raise
    else:
        with contextlib.suppress(*([DmlbedError] if ends else [])):
            _report(directory, experiment, as_json)
    finally:
        _clean_up(directory, parents, experiment)
    if ends:
        raise PointsError(len(experiment.points()), ends)


def _run_points(
    points: Sequence[Point], run_point: RunPoint, directory: Path
) -> list[tuple[Point, DmlbedError]]:
    """Run the points; returns those that did not end well."""
    ends: list[tuple[Point, DmlbedError]] = []
    for number, point in enumerate(points, start=1):
        say(messages(), f"point {number} of {len(points)}: {point.label}")
        try:
            run_point(point, directory / point.label)
        except ReaderGoneError:
            continue  # the point went well; the sweep's own tables will meet the same
        except DmlbedError as error:
            if error.exit_code == Interrupted.exit_code:
                raise
            for line in error.lines():
                say(messages(), f"{point.label}: {line}")
            ends.append((point, error))
    return ends


def _left(directory: Path, experiment: Experiment) -> bool:
    """Whether any point has left anything."""
    return any((directory / point.label).is_dir() for point in experiment.points())


def _report(directory: Path, experiment: Experiment, as_json: bool) -> None:
    """Write the combined files and show them."""
    if not _left(directory, experiment):
        return
    # Not before: it draws, and whoever is only told that this machine will not do should not wait
    # for matplotlib, nor read what it has to say about caches.
    from orchestrator.analysis import report_sweep

    made = report_sweep(directory)
    console = messages() if as_json else answers()
    console.print(made.table)
    say(console, f"figure: {RunDirectory(directory).figure_png}")
    say(console, f"sweep: {directory}")
    if as_json:
        print(json.dumps(made.as_json()), flush=True)


def _clean_up(directory: Path, parents: Sequence[Path], experiment: Experiment) -> None:
    """Nothing stays of a sweep without results; the rest belongs to whoever called."""
    if _left(directory, experiment):
        give_to_caller((*parents, directory, *directory.rglob("*")))
        return
    shutil.rmtree(directory, ignore_errors=True)
    with contextlib.suppress(OSError):
        directory.parent.rmdir()
