"""`dmlbed plan`."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Column, Table

from orchestrator.cli.options import overrides, overrides_from
from orchestrator.emulation.classes import port_shapes
from orchestrator.emulation.switches import choose_switch
from orchestrator.spec import AutoScale, Experiment, load_experiment
from orchestrator.trials import foresee_scale
from orchestrator.trials.plan import memory_bytes, plan_trials, run_seconds, trial_seconds
from orchestrator.trials.progress import clock_text
from workloads.schedules import get_schedule


@click.command()
@click.argument("experiment", type=click.Path(path_type=Path))
@overrides
@click.option("--commands", is_flag=True, help="List every command that shapes the network.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def plan(experiment: Path, commands: bool, as_json: bool, **options: str | int | None) -> None:
    """Say what `dmlbed run` would do, and how long it would take, without doing it."""
    asked = load_experiment(experiment, overrides_from(options))
    foreseen = foresee_scale(asked)
    loaded = asked.with_scale(foreseen.scale)
    auto = isinstance(asked.asked_scale, AutoScale)
    planned = describe(loaded)
    planned["scale"] |= {"auto": auto, "assumed": foreseen.assumed, "why": foreseen.why}
    if as_json:
        print(json.dumps(planned))
        return
    console = Console()
    console.print(
        f"{loaded.name}: {len(planned['trials'])} trials on {loaded.topology.name} "
        f"({planned['switch']['kind']}, {planned['switch']['why']}), {loaded.scale}, "
        f"{loaded.warm_up} + {loaded.iterations} iterations each, "
        f"at most about {clock_text(planned['seconds'])} min, "
        f"{planned['memory_bytes'] / 2**30:.1f} GiB of memory",
        soft_wrap=True, highlight=False,
    )  # fmt: skip
    console.print(f"scale: {foreseen.why}", soft_wrap=True, highlight=False)
    console.print(_trial_table(planned))
    console.print(_port_table(planned))
    if commands:
        for schedule, shapes in planned["ports"].items():
            console.print(f"# {schedule}", highlight=False)
            for shape in shapes:
                for command in shape["commands"]:
                    click.echo(shlex.join(command))
    else:
        console.print("The commands: dmlbed plan --commands", highlight=False)


def describe(experiment: Experiment) -> dict[str, Any]:
    """The plan as data: trials, estimates, and how every port would be shaped."""
    switch = choose_switch(experiment.switch)
    return {
        "experiment": experiment.name,
        "digest": experiment.digest(),
        "switch": {"kind": switch.kind, "why": switch.why},
        "scale": {"rates": experiment.scale.rates, "time": experiment.scale.time},
        "seconds": run_seconds(experiment),
        "memory_bytes": memory_bytes(experiment),
        "trials": [
            {
                "index": trial.index,
                "model": trial.model,
                "schedule": trial.schedule,
                "repeat": trial.repeat,
                "seconds": trial_seconds(experiment, trial),
            }
            for trial in plan_trials(experiment)
        ],
        "ports": {
            name: [
                {
                    "port": shape.port,
                    "rate_bps": shape.rate_bps,
                    "queue_bytes": shape.queue_bytes,
                    "classes": [placed.traffic.name for placed in shape.placed()],
                    "commands": [list(command) for command in shape.commands()],
                }
                for shape in port_shapes(experiment.topology, experiment.scale, get_schedule(name))
            ]
            for name in experiment.schedules
        },
    }


def _trial_table(planned: dict[str, Any]) -> Table:
    table = Table("trial", "model", "schedule", "repeat", "at most")
    for trial in planned["trials"]:
        table.add_row(
            str(trial["index"] + 1),
            trial["model"],
            trial["schedule"],
            str(trial["repeat"] + 1),
            clock_text(trial["seconds"]),
        )
    return table


def _port_table(planned: dict[str, Any]) -> Table:
    table = Table(Column("port", no_wrap=True), "rate", "queue of a class", *planned["ports"])
    by_schedule = list(planned["ports"].values())
    for number, shape in enumerate(by_schedule[0]):
        table.add_row(
            shape["port"],
            f"{shape['rate_bps'] / 1e6:g} Mbit/s",
            f"{shape['queue_bytes'] / 1024:g} KiB",
            *(" > ".join(shapes[number]["classes"]) for shapes in by_schedule),
        )
    return table
