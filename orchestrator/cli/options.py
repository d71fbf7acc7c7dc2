"""Options that several verbs share: what the command line changes in an experiment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from orchestrator.spec import CHOICES, SWITCH_KINDS, Overrides

_OPTIONS = (
    *(
        click.option(f"--{key}", metavar="A,B", help=f"Only these {key}.")
        for key in CHOICES.values()
    ),
    click.option(
        "--repeats", type=int, metavar="N", help="Trials per model and schedule, or program."
    ),
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
        **{key: _names(options[key]) for key in CHOICES.values()},
        repeats=options["repeats"],
        iterations=options["iterations"],
        scale=options["scale"],
        switch=options["switch"],
    )


def _names(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(name.strip() for name in text.split(","))
