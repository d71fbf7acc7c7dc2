"""`dmlbed validate`."""

from __future__ import annotations

from pathlib import Path

import click

from orchestrator.spec import Experiment, Topology, load_any


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
def validate(file: Path) -> None:
    """Check a topology or experiment FILE.

    Prints one line if it is valid, else all problems at once, each as
    `file:line:column: message (hint)`.
    """
    click.echo(f"{file}: {_describe(load_any(file))}")


def _describe(spec: Topology | Experiment) -> str:
    if isinstance(spec, Topology):
        hosts, switches, links = len(spec.hosts), len(spec.switches), len(spec.links)
        return f"valid topology {spec.name}: {hosts} hosts, {switches} switches, {links} links"
    trials = len(spec.models) * len(spec.schedules) * spec.repeats
    parts = [
        f"{len(spec.models)} models",
        f"{len(spec.schedules)} schedules",
        f"{spec.repeats} repeats",
    ]
    if spec.sweep is not None:
        values = ", ".join(map(spec.sweep.text, spec.sweep.values))
        parts.append(f"{len(spec.sweep.values)} points ({spec.sweep.title()}: {values})")
        trials *= len(spec.sweep.values)
    return (
        f"valid experiment {spec.name}: {' x '.join(parts)} = {trials} trials"
        f" on topology {spec.topology.name}"
    )
