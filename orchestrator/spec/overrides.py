"""What the command line changes in an experiment; a problem's place is the option."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.errors import Problem
from orchestrator.spec.experiment.choices import CHOICES
from orchestrator.spec.scale import AutoScale, Scale, parse_scale
from orchestrator.spec.values.fields import MAX_COUNT, SWITCH_KINDS, FieldError, unknown
from orchestrator.spec.values.text import quoted
from workloads.models.profiles import model_names


@dataclass(frozen=True)
class Overrides:
    """What the command line changes in an experiment; None leaves the file's value.

    Attributes:
        models: names of models.
        schedules: names of schedules.
        programs: names of programs.
        repeats: trials per model and schedule, or program.
        iterations: measured iterations per trial.
        scale: R and D, parsed or as the text `R,D`, `auto,D` or `auto`.
        switch: the kind of switch.
    """

    models: Sequence[str] | None = None
    schedules: Sequence[str] | None = None
    programs: Sequence[str] | None = None
    repeats: int | None = None
    iterations: int | None = None
    scale: Scale | AutoScale | str | None = None
    switch: str | None = None


def check_overrides(
    overrides: Overrides,
    schedules: tuple[str, ...],
    programs: tuple[str, ...] = (),
    own_models: tuple[str, ...] = (),
) -> tuple[Scale | AutoScale | None, list[Problem]]:
    """Checks the overrides.

    Args:
        overrides: what the command line says.
        schedules: the names that are known in the experiment.
        programs: the same.
        own_models: users' networks that the experiment names.

    Returns:
        The scale, or None if none was given or it is wrong, and all problems.
    """
    known = {"model": (*model_names(), *own_models), "schedule": schedules, "program": programs}
    problems = [
        *(
            problem
            for noun, names in known.items()
            for problem in _names(
                f"--{CHOICES[noun]}", noun, getattr(overrides, CHOICES[noun]), names
            )
        ),
        *_count("--repeats", overrides.repeats),
        *_count("--iterations", overrides.iterations),
    ]
    scale: Scale | AutoScale | None = None
    if isinstance(overrides.scale, str):
        try:
            scale = parse_scale(overrides.scale)
        except ValueError as error:
            problems.append(Problem("--scale", str(error)))
    else:
        scale = overrides.scale
    if overrides.switch is not None:
        wrong = unknown("switch", overrides.switch, SWITCH_KINDS)
        if wrong is not None:
            problems.append(_problem("--switch", wrong))
    return scale, problems


def _problem(option: str, error: FieldError) -> Problem:
    return Problem(option, str(error), error.hint)


def _names(
    option: str, noun: str, names: Sequence[str] | None, known: tuple[str, ...]
) -> list[Problem]:
    if names is None:
        return []
    if not names:
        return [Problem(option, f"names no {noun}")]
    problems: list[Problem] = []
    for index, name in enumerate(names):
        error = unknown(noun, name, known)
        if error is not None:
            problems.append(_problem(option, error))
        elif name in names[:index]:
            problems.append(Problem(option, f"{quoted(name)} is listed twice"))
    return problems


def _count(option: str, value: int | None) -> list[Problem]:
    if value is None or 1 <= value <= MAX_COUNT:
        return []
    return [Problem(option, f"must be from 1 to {MAX_COUNT}, found {value}")]
