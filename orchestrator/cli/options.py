"""Options that several verbs share: what the command line changes in an experiment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from orchestrator.spec import SWITCH_KINDS, Overrides

_OPTIONS = (
    click.option("--models", metavar="A,B", help="Only these models."),
    click.option("--schedules", metavar="X,Y", help="Only these schedules."),
    click.option("--repeats", type=int, metavar="N", help="Trials per model and schedule."),
    click.option("--iterations", type=int, metavar="N", help="Measured iterations per trial."),
    click.option(
        "--scale",
        metavar="R,D",
        help="Scale: divide rates by R, stretch time by D; `1,0.5`, `auto,0.5`, `auto`.",
    ),
    click.option("--switch", metavar="KIND", help=f"Kind of switch: {', '.join(SWITCH_KINDS)}."),
)


def overrides(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that override an experiment."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def overrides_from(options: Mapping[str, Any]) -> Overrides:
    """What the person asked for; checked where the experiment is loaded."""
    return Overrides(
        models=_names(options["models"]),
        schedules=_names(options["schedules"]),
        repeats=options["repeats"],
        iterations=options["iterations"],
        scale=options["scale"],
        switch=options["switch"],
    )


def _names(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(name.strip() for name in text.split(","))
