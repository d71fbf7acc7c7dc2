"""`dmlbed trace`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from orchestrator.analysis import Run, Trial, read_run
from orchestrator.analysis.files import write_file
from orchestrator.analysis.measures.utilisation import full
from orchestrator.analysis.reading.spans import read_spans
from orchestrator.analysis.tables.trace import trace as make_trace
from orchestrator.errors import InputError, Problem
from orchestrator.records.directory import RunDirectory
from orchestrator.terminal.console import answers, say


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--trial", type=click.IntRange(0), metavar="N", help="Only the trial of that number.")
def trace(run: Path, trial: int | None) -> None:
    """Show where the time of a run's iterations went.

    RUN is a run's directory, as `dmlbed run` names it in its last line. Writes beside the records
    of each trial trace.json, which https://ui.perfetto.dev opens, and trace.png. The number of a
    trial is what its directory's name begins with.
    """
    found = read_run(run)
    console = answers()
    for chosen in _chosen(found, trial):
        place = RunDirectory(run).trial(chosen.trial.directory)
        spans = read_spans(place, chosen)
        limits = full(found.experiment, chosen.trial.scale.rates)
        content = json.dumps(make_trace(spans, limits), separators=(",", ":"))
        write_file(place.trace_json, content.encode())
        # Here, for it takes a second to load, and most of those who import this draw nothing.
        from orchestrator.analysis.render.trace_figure import draw_trace

        write_file(place.trace_png, draw_trace(spans, limits))
        for path in (place.trace_json, place.trace_png):
            say(console, str(path))


def _chosen(run: Run, number: int | None) -> tuple[Trial, ...]:
    """The trials that were asked for, with all their attempts.

    Raises:
        InputError: the run has no finished trial of that number.
    """
    trained = run.trainings
    if number is None and trained:
        return trained
    if chosen := tuple(trial for trial in trained if trial.trial.index == number):
        return chosen
    if number is None or any(trial.trial.index == number for trial in run.trials):
        problem = "a program, of whose iterations nothing is known"
        raise InputError([Problem(str(run.directory), problem, "choose a training's trial")])
    known = ", ".join(dict.fromkeys(str(trial.trial.index) for trial in run.trials))
    problem = f"no finished trial {number} in {run.directory}"
    raise InputError([Problem("--trial", problem, f"finished: {known}")])
