"""`dmlbed doctor`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

import click
from rich.text import Text

from orchestrator.emulation.limits.run_groups import remove_stale
from orchestrator.emulation.machine.machine import Check, checks, inspect_machine, lacking
from orchestrator.emulation.machine.needs import Need
from orchestrator.errors import MachineError
from orchestrator.session.scale.cache import CalibrationCache, machine_key
from orchestrator.terminal.console import answers, say
from orchestrator.terminal.tables import Column, FittedTable

# What a run can do without, if its files do not ask for it.
_OPTIONAL = (Need.DELAY, Need.CAPS, Need.OPENFLOW, Need.BENCH, Need.TORCH)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def doctor(as_json: bool) -> None:
    """Say what this machine can and cannot do, and the remedy.

    Exit code 0 if the published experiment can run here, 3 otherwise.
    """
    for folder in remove_stale():
        print(f"removed what a killed run left behind: {folder}", file=sys.stderr)
    machine = inspect_machine()
    rows = checks(machine)
    missing = lacking(rows, Need.RUN, Need.PUBLISHED)
    if as_json:
        answer = {
            "published_experiment_can_run": not missing,
            "checks": [asdict(row) for row in rows],
            "machine": machine.to_json(),
            "calibrations": [one.model_dump(mode="json") for one in CalibrationCache().all()],
        }
        print(json.dumps(answer, indent=2))
    else:
        console = answers()
        console.print(_table(rows))
        console.print()
        for line in calibration_lines(CalibrationCache()):
            say(console, line)
        if not missing:
            say(console, "The published experiment can run here.")
    if missing:
        raise MachineError(f"the published experiment cannot run here; missing: {missing}")


def calibration_lines(cache: CalibrationCache) -> list[str]:
    """What is remembered of this machine's calibrations, and how much of other ones."""
    own = machine_key().items()
    here = [one for one in cache.all() if own <= one.key.items()]
    others = len(cache.all()) - len(here)
    lines = [f"Calibrations remembered in {cache.directory}:"] if here or others else []
    for one in here:
        key = one.key
        place = f"{key.get('topology')} on {key.get('switch')}, D = {key.get('time')}"
        lines += [f"  {place}, R = {a.rates:g}: {a.figures()}, {a.when()}" for a in one.attempts]
    if others:
        lines.append(f"  and {others} of another machine, kernel or version")
    return lines


def _table(rows: Sequence[Check]) -> FittedTable:
    table = FittedTable(
        (
            Column("What"),
            Column("Found", words=True),
            Column("Needed for", words=True),
            Column("Remedy", words=True),
        )
    )
    for row in rows:
        if row.need is Need.LATER:
            style = "dim"
        elif row.met is None or (not row.met and row.need in _OPTIONAL):
            style = "yellow"
        else:
            style = "green" if row.met else "bold red"
        # Nothing to be done about what is not needed.
        remedy = row.remedy if row.met is False and row.need is not Need.LATER else ""
        table.add(row.what, Text(row.found, style=style), row.needed_for, remedy)
    return table
