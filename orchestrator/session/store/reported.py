"""Reports on a run at its end: writes its tables and figures, and shows them."""

from __future__ import annotations

import json
from pathlib import Path

from orchestrator.analysis import Report, report
from orchestrator.records.directory import RunDirectory
from orchestrator.session.plan.run_plan import Answer
from orchestrator.terminal.console import answers, messages, say


def reported(directory: Path, answer: Answer) -> Report:
    """Write tables and figures of a run, and show them.

    Args:
        directory: of the run.
        answer: how the run ends on standard output.

    Raises:
        RunError: nothing can be told of the run.
    """
    made = report(directory)
    console = answers() if answer == "text" else messages()
    console.print(made.table)
    say(console, f"figure: {RunDirectory(directory).figure_png}")
    say(console, f"run: {directory}")
    if answer == "json":
        print(json.dumps(made.as_json()), flush=True)
    return made
