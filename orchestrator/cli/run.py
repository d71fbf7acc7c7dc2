"""`dmlbed run`."""

from __future__ import annotations

from pathlib import Path

import click

from orchestrator.cli.options import overrides, overrides_from
from orchestrator.trials import RunRequest
from orchestrator.trials import run as run_experiment


@click.command()
@click.argument("experiment", type=click.Path(path_type=Path))
@overrides
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("results"),
    show_default=True,
    help="Directory that the run's directory is made in.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="End with one JSON object on standard output."
)
@click.option("--recalibrate", is_flag=True, help="Measure again what this machine carries.")
@click.option(
    "--force",
    is_flag=True,
    help="Run at the scale given although this machine does not carry it, and mark the figures.",
)
def run(
    experiment: Path,
    out: Path,
    as_json: bool,
    recalibrate: bool,
    force: bool,
    **options: str | int | None,
) -> None:
    """Run an experiment and draw its figure.

    Builds the topology of EXPERIMENT in private namespaces, trains every model under every
    schedule with real processes over it, and leaves records, tables and the figure in
    <out>/<experiment>/<time>-<digest>/. Needs root. Ctrl-C keeps the trials that have finished.

    The scale is calibrated first, once per machine, kernel, switch and topology: with `auto` the
    smallest R that this machine carries is taken, and a scale that it does not carry is refused.
    """
    run_experiment(
        RunRequest(experiment, overrides_from(options), out, as_json, recalibrate, force)
    )
