"""`dmlbed run`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from orchestrator.cli.options import overrides, overrides_from
from orchestrator.errors import InputError, Problem
from orchestrator.session.launch.request import RunRequest
from orchestrator.session.launch.resume import Resumed, resume
from orchestrator.session.launch.run import run as run_experiment
from orchestrator.spec import load_experiment, shown_path


@click.command()
@click.argument("experiment", metavar="EXPERIMENT|RUN", type=click.Path(path_type=Path))
@overrides
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory that the run's directory is made in.  [default: results]",
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
@click.option("--again", is_flag=True, help="Run the plan of RUN anew, in a new directory.")
def run(
    experiment: Path,
    *,
    out: Path | None,
    as_json: bool,
    recalibrate: bool,
    force: bool,
    again: bool,
    **options: str | int | None,
) -> None:
    """Run an experiment and draw its figure, or continue a run.

    Builds the topology of EXPERIMENT in private namespaces, trains every model under every
    schedule with real processes over it, and leaves records, tables and the figure in
    <out>/<experiment>/<time>-<digest>/. Needs root. Ctrl-C keeps the trials that have finished.

    With the directory of a RUN or of a sweep that was stopped or killed, runs the trials that are
    left, by the plan in its run.json: what has finished is kept. What failed is tried once more.

    The scale is calibrated first, once per machine, kernel, switch and topology: with `auto` the
    smallest R that this machine carries is taken, and a scale that it does not carry is refused.
    """
    results = out or Path("results")
    if experiment.is_dir():
        _check_options(options, again=again, out=out)
        resume(Resumed(experiment, again, results, as_json, recalibrate, force))
        return
    if again:
        hint = "give the directory of a run"
        raise InputError([Problem("--again", f"{shown_path(experiment)} is no directory", hint)])
    loaded = load_experiment(experiment, overrides_from(options))
    run_experiment(RunRequest(loaded, results, as_json, recalibrate, force))


def _check_options(options: Mapping[str, object], *, again: bool, out: Path | None) -> None:
    """See that nothing is to be changed in a plan.

    Raises:
        InputError: something is.
    """
    given = [f"--{name}" for name, value in options.items() if value is not None]
    problems = [
        Problem(option, "a run's plan is as it is", "run its experiment with this option")
        for option in given
    ]
    if out is not None and not again:
        problems.append(Problem("--out", "a run goes on where it is", "with --again it may move"))
    if problems:
        raise InputError(problems)
