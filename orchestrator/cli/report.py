"""`dmlbed report`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from orchestrator.analysis import is_sweep, report_sweep
from orchestrator.analysis import report as make_report
from orchestrator.records.directory import RunDirectory
from orchestrator.terminal.console import answers, say


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def report(run: Path, as_json: bool) -> None:
    """Draw the tables and figures of a run again.

    RUN is a run's or a sweep's directory, as `dmlbed run` names it in its last line. Works on the
    trials that are there, so also on a run that was stopped or killed.
    """
    made = report_sweep(run) if is_sweep(run) else make_report(run)
    if as_json:
        print(json.dumps(made.as_json()))
        return
    console = answers()
    console.print(made.table)
    say(console, f"figure: {RunDirectory(run).figure_png}")
