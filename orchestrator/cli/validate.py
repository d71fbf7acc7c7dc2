"""`dmlbed validate`."""

from __future__ import annotations

from pathlib import Path

import click

from orchestrator.errors import InputError, Problem
from orchestrator.session.plan.missing import what_is_missing
from orchestrator.spec import Experiment, Topology, load_any, shown_path
from orchestrator.spec.experiment.choices import BY_NAME
from orchestrator.spec.values.text import counted


@click.command()
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
def validate(files: tuple[Path, ...]) -> None:
    """Check topology or experiment FILEs; `-` is standard input.

    Prints one line for each that is valid (and more where iterations are added to it, or queues
    will overflow), and all problems of all others, each as `file:line:column: message (hint)`.
    """
    problems: dict[Problem, None] = {}
    for file in dict.fromkeys(files):
        try:
            spec = load_any(file)
            print(f"{shown_path(file)}: {_describe(spec)}")
            for note in _notes(spec) if isinstance(spec, Experiment) else ():
                print(f"{shown_path(file)}: {note}")
        except InputError as error:
            # A topology's problems are those of every experiment on it, too.
            problems.update(dict.fromkeys(error.problems))
    if problems:
        raise InputError(list(problems))


def _notes(experiment: Experiment) -> list[str]:
    """What a person should know of it, also on this machine."""
    return [*experiment.notes, *what_is_missing(experiment)]


def _describe(spec: Topology | Experiment) -> str:
    if isinstance(spec, Topology):
        hosts, switches, links = len(spec.hosts), len(spec.switches), len(spec.links)
        parts = [
            counted(hosts, "host"),
            counted(switches, "switch", "switches"),
            counted(links, "link"),
        ]
        return f"valid topology {spec.name}: {', '.join(parts)}"
    trials = spec.trials
    trained = [
        counted(len(values), name)
        for name, values in spec.choices.items()
        if name not in (*BY_NAME, "beside")
    ]
    programs = [counted(len(spec.programs), "program")] if spec.programs else []
    if trained and programs:
        trained, programs = [f"({' x '.join(trained)} + {programs[0]})"], []
    parts = [*trained, *programs, counted(spec.repeats, "repeat")]
    if spec.sweep is not None:
        points = counted(len(spec.sweep.points), "point")
        varied = "; ".join(
            f"{one.title}: {', '.join(map(one.text, one.values))}" for one in spec.sweep.variables
        )
        parts.append(f"{points} ({varied})")
        trials *= len(spec.sweep.points)
    beside = ""
    if spec.jobs:
        with_them = "with and without" if spec.company else "with"
        beside = f", {with_them} {counted(len(spec.jobs), 'job')} beside"
    return (
        f"valid experiment {spec.name}: {' x '.join(parts)} = {counted(trials, 'trial')}"
        f" on topology {spec.topology.name}{beside}"
    )
