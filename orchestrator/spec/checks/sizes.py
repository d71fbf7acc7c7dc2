"""Limits of what a file may ask for, so that nothing takes hours or all memory to think about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator.errors import Problem
from orchestrator.spec.overrides import Overrides
from orchestrator.spec.placement import Placement
from orchestrator.spec.sweep import Sweep
from orchestrator.spec.yaml.document import Document
from workloads.models.profiles import BYTES_PER_ELEMENT, Model, load_model
from workloads.schedule.schedule import Schedule

MAX_TRIALS = 10_000
"""Of a run, at all points of its sweep: each takes two seconds at least."""
MAX_PROCESSES = 100_000
"""Of all trials: one for each host, which has its ports and classes, too."""
MAX_UNITS = 2_000_000
"""Of a model, for all workers together: each has a rank for each worker and direction."""


def check_trials(
    document: Document,
    overrides: Overrides,
    counts: Sequence[int],
    sweep: Sweep | None,
    workers: int,
) -> list[Problem]:
    """Adds a problem if there are too many trials; returns it if an option is to blame.

    Args:
        document: of the experiment.
        overrides: what the command line says.
        counts: models, schedules, programs and repeats.
        sweep: None: there is none.
        workers: at most, over its points.
    """
    points = 1 if sweep is None else len(sweep.points)
    models, schedules, programs, repeats = counts
    trials = (models * schedules + programs) * repeats * points
    most = min(MAX_TRIALS, MAX_PROCESSES // (1 + workers))
    if trials <= most:
        return []
    message = (
        f"{_what(models, schedules, programs)} x {repeats} repeats"
        f"{'' if sweep is None else f' x {points} points'} = {trials} trials"
    )
    hint = f"at most {most} with {workers} workers"
    if overrides.repeats is not None:
        return [Problem("--repeats", message, hint)]
    key = "repeats" if ("repeats",) in document.keys else "models"
    document.report_at((key,), message, hint)
    return []


def _what(models: int, schedules: int, programs: int) -> str:
    trained = f"{models} models x {schedules} schedules" if models else ""
    if not programs:
        return trained
    return f"({trained} + {programs} programs)" if trained else f"{programs} programs"


def check_units(
    document: Document, schedules: Mapping[str, Schedule], models: Sequence[str], workers: int
) -> None:
    """Adds a problem for each schedule of the experiment's own that cuts a model too fine.

    Args:
        document: of the experiment.
        schedules: the experiment's own, by name.
        models: their names.
        workers: how many.
    """
    for name, schedule in schedules.items():
        size = schedule.slice_bytes
        if size is None:
            continue
        for model in map(load_model, models):
            units = unit_count(model, size)
            if units * workers <= MAX_UNITS:
                continue
            message = (
                f"slices of {size} B cut {model.name} into {units} units for each of {workers} "
                f"workers, and {MAX_UNITS} are the most in all"
            )
            least = -(-model.bytes * workers // (MAX_UNITS - len(model.tensors) * workers))
            hint = f"from {-(-least // 1024)} KiB on" if least > 0 else "fewer workers"
            document.report_at(("custom_schedules", name, "slice"), message, hint)
            break


def unit_count(model: Model, slice_bytes: int) -> int:
    """Into how many units slices of a size cut a model."""
    return sum(-(-BYTES_PER_ELEMENT * tensor.elements // slice_bytes) for tensor in model.tensors)


def most_workers(placement: Placement, sweep: Sweep | None) -> int:
    """How many workers there are at most, over the points of a sweep."""
    varied = [one.values for one in sweep.variables if one.key == "workers"] if sweep else []
    return max(len(placement.workers), *(int(value) for values in varied for value in values), 0)
