"""`dmlbed trace`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from orchestrator.analysis import Run, read_run
from orchestrator.analysis.files import write_file
from orchestrator.analysis.measures.utilisation import full
from orchestrator.analysis.reading.program_trial import ProgramTrial
from orchestrator.analysis.reading.records import AnyTrial
from orchestrator.analysis.reading.spans import read_spans
from orchestrator.analysis.traces.program import program_trace
from orchestrator.analysis.traces.training import trace as make_trace
from orchestrator.errors import InputError, Problem
from orchestrator.records.directory import RunDirectory, TrialDirectory
from orchestrator.terminal.console import answers, say


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--trial", type=click.IntRange(0), metavar="N", help="Only the trial of that number.")
def trace(run: Path, trial: int | None) -> None:
    """Show where the time of a run's iterations went, and how full links were under programs.

    RUN is a run's directory, as `dmlbed run` names it in its last line. Writes beside the records
    of each trial trace.json, which https://ui.perfetto.dev opens, and trace.png. The number of a
    trial is what its directory's name begins with.
    """
    run_data = read_run(run)
    console = answers()
    for chosen in _chosen(run_data, trial):
        place = RunDirectory(run).trial(chosen.trial.directory)
        content, image = _traced(run_data, place, chosen)
        write_file(place.trace_json, json.dumps(content, separators=(",", ":")).encode())
        write_file(place.trace_png, image)
        for path in (place.trace_json, place.trace_png):
            say(console, str(path))


def _traced(run: Run, place: TrialDirectory, chosen: AnyTrial) -> tuple[dict[str, Any], bytes]:
    """A trial's trace, and its picture."""
    # Here, for it takes a second to load, and most of those who import this draw nothing.
    if isinstance(chosen, ProgramTrial):
        from orchestrator.analysis.render.program_figure import draw_program

        return program_trace(chosen), draw_program(chosen)
    from orchestrator.analysis.render.trace_figure import draw_trace

    spans = read_spans(place, chosen)
    limits = full(run.experiment, chosen.trial.scale.rates, chosen.trial.servers)
    return make_trace(spans, limits), draw_trace(spans, limits)


def _chosen(run: Run, number: int | None) -> tuple[AnyTrial, ...]:
    """The trials that were asked for, with all their attempts.

    Raises:
        InputError: the run has no finished trial of that number.
    """
    if number is None:
        return run.trials
    if chosen := tuple(trial for trial in run.trials if trial.trial.index == number):
        return chosen
    known = ", ".join(dict.fromkeys(str(trial.trial.index) for trial in run.trials))
    problem = f"no finished trial {number} in {run.directory}"
    raise InputError([Problem("--trial", problem, f"finished: {known}")])
