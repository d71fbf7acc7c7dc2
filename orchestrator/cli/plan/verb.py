"""`dmlbed plan`."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console

from orchestrator.cli.job_bounds import describe_jobs, job_bound_table
from orchestrator.cli.options import overrides, overrides_from
from orchestrator.cli.plan.tables import cap_table, port_table, trial_table
from orchestrator.emulation.limits.caps import (
    HostCaps,
    MachineCapacity,
    host_caps,
    notes,
    require_capacity,
    this_machine,
    warnings,
)
from orchestrator.emulation.limits.cgroups import find_layout
from orchestrator.emulation.machine.machine import why_no_delays
from orchestrator.emulation.network.addresses import device_stems
from orchestrator.emulation.network.port_classes import port_shapes, schedule_plan
from orchestrator.emulation.ports.shaping import PortShape
from orchestrator.emulation.switches.choice import SwitchChoice, choose_switch, obstacles
from orchestrator.errors import MachineError
from orchestrator.session.inner.progress import clock_text
from orchestrator.session.plan.memory import memory_bytes
from orchestrator.session.plan.missing import what_is_missing
from orchestrator.session.plan.trials import plan_trials, run_seconds
from orchestrator.session.scale.choose import forecast_scale, jobs_note
from orchestrator.session.testbed.controller import planned_rules
from orchestrator.spec import (
    OPENFLOW_KINDS,
    AutoScale,
    Demand,
    Demands,
    Experiment,
    Topology,
    load_experiment,
    ports,
    program_demands,
)
from orchestrator.spec.values.text import counted
from orchestrator.terminal.console import answers, say
from orchestrator.terminal.tables import Column, FittedTable
from workloads.schedule.schedule import UNSCHEDULED, Schedule


@click.command()
@click.argument("experiment", type=click.Path(path_type=Path))
@overrides
@click.option("--commands", is_flag=True, help="List every command that shapes the network.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def plan(experiment: Path, commands: bool, as_json: bool, **options: str | int | None) -> None:
    """Say what `dmlbed run` would do, and how long it would take, without doing it."""
    asked = load_experiment(experiment, overrides_from(options))
    capacity = this_machine(find_layout().missing)
    switch = _choice(asked.switch)
    console = answers()
    if asked.sweep is None:
        plans = [_planned("", asked, switch, capacity)]
    else:
        plans = [
            _planned(point.label, point.experiment, switch, capacity) for point in asked.points()
        ]
    if as_json:
        print(json.dumps(_as_json(asked, plans)))
    elif asked.sweep is None:
        _show(plans[0], console)
    else:
        _show_sweep(asked, plans, console)
    if commands and not as_json:
        for planned in plans:
            _show_commands(planned, console)
    elif not as_json:
        say(console, "The commands: dmlbed plan --commands")
    # What `run` would refuse; last, for the plan says why.
    for planned in plans:
        require_capacity(planned.caps, capacity)


@dataclass(frozen=True)
class Planned:
    """What would run: an experiment without a sweep, or one point of one (its label).

    Attributes:
        experiment: at the scale that it would have.
        caps: of its hosts, as this machine would enforce them.
        why: how the scale is known.
        described: all of it as data.
    """

    label: str
    experiment: Experiment
    caps: Sequence[HostCaps]
    why: str
    described: dict[str, Any]


def _planned(
    label: str, asked: Experiment, switch: SwitchChoice, capacity: MachineCapacity
) -> Planned:
    foreseen = forecast_scale(asked, switch.kind, capacity)
    loaded = asked.with_scale(foreseen.scale)
    caps = host_caps(loaded.topology, loaded.scale, capacity)
    described = describe(loaded, switch, caps, capacity)
    auto = isinstance(asked.asked_scale, AutoScale)
    described["scale"] |= {"auto": auto, "assumed": foreseen.assumed, "why": foreseen.why}
    return Planned(label, loaded, caps, foreseen.why, described)


def _as_json(asked: Experiment, plans: Sequence[Planned]) -> dict[str, Any]:
    """The plan, or those of a sweep's points with the time of all together."""
    if asked.sweep is None:
        return plans[0].described
    return {
        "experiment": asked.name,
        "sweep": asked.sweep.resolved(),
        "seconds": sum(planned.described["seconds"] for planned in plans),
        "points": [{"point": planned.label, **planned.described} for planned in plans],
    }


def _show(planned: Planned, console: Console) -> None:
    loaded, described = planned.experiment, planned.described
    say(
        console,
        f"{loaded.name}: {counted(len(described['trials']), 'trial')} on {loaded.topology.name} "
        f"({described['switch']['kind']}, {described['switch']['why']}), {loaded.scale}, "
        f"{_iterations(loaded)}"
        f"at most about {clock_text(described['seconds'])} min{_retries(loaded)}, "
        f"{described['memory_bytes'] / 2**30:.1f} GiB of memory",
    )
    for line in (*_notes(loaded), f"scale: {planned.why}"):
        say(console, line)
    console.print(trial_table(described))
    if described["jobs"]:
        console.print(job_bound_table(described["jobs"]))
    console.print(port_table(described))
    console.print(cap_table(planned.caps))
    for note in (*described["caps_notes"], *described["delays_notes"]):
        say(console, note)


def _experiments(plans: Sequence[Planned]) -> list[Experiment]:
    return [planned.experiment for planned in plans]


def _notes(loaded: Experiment, mark: str = "note: ") -> list[str]:
    notes = (*loaded.notes, *what_is_missing(loaded), *jobs_note(loaded))
    return [f"{mark}{note}" for note in notes]


def _iterations(asked: Experiment) -> str:
    """How many a training does; nothing if only programs run, which have their own."""
    if not asked.schedules:
        return ""
    return f"{asked.warm_up} + {asked.iterations} + {asked.cool_down} iterations each, "


def _retries(loaded: Experiment) -> str:
    """How often the time can be needed again; nothing if it cannot."""
    return f" if undisturbed (up to {loaded.retries} retries a trial)" if loaded.retries else ""


def _show_sweep(asked: Experiment, plans: Sequence[Planned], console: Console) -> None:
    """A line for every point; its trials are the same at each."""
    first = plans[0].described
    trials = sum(len(planned.described["trials"]) for planned in plans)
    total = sum(planned.described["seconds"] for planned in plans)
    say(
        console,
        f"{asked.name}: {counted(len(plans), 'point')} of "
        f"{asked.sweep.title if asked.sweep else ''}, "
        f"{counted(trials, 'trial')} ({first['switch']['kind']}, {first['switch']['why']}), "
        f"{_iterations(asked)}"
        f"at most about {clock_text(total)} min{_retries(asked)}, calibrations not counted",
    )
    # Those of a scale are its points' own: R may be known for some only.
    for line in dict.fromkeys(n for one in (asked, *_experiments(plans)) for n in _notes(one)):
        say(console, line)
    titles = ("point", "trials", "scale", "memory", "at most")
    table = FittedTable([Column(title) for title in titles], lines=True)
    for planned in plans:
        described = planned.described
        table.add(
            planned.label,
            str(len(described["trials"])),
            f"{planned.experiment.scale}",
            f"{described['memory_bytes'] / 2**30:.1f} GiB",
            clock_text(described["seconds"]),
        )
    console.print(table)
    for planned in plans:
        say(console, f"{planned.label}: {planned.why}")
    notes = (
        note
        for planned in plans
        for key in ("caps_notes", "delays_notes")
        for note in planned.described[key]
    )
    for note in dict.fromkeys(notes):
        say(console, note)


def _show_commands(planned: Planned, console: Console) -> None:
    of = f", {planned.label}" if planned.label else ""
    stems = device_stems(planned.experiment.topology)
    for schedule, shapes in planned.described["ports"].items():
        say(console, f"# {schedule}{of}")
        for shape in shapes:
            for command in shape["commands"]:
                say(console, shlex.join(command))
    for schedule, switches in planned.described["rules"].items():
        for switch, rules in switches.items():
            say(console, f"# {schedule}, rules of {switch}{of}")
            for rule in rules:
                command = ("ovs-ofctl", "-O", "OpenFlow13", "add-flow", stems[switch], rule)
                say(console, shlex.join(command))


def describe(
    experiment: Experiment,
    switch: SwitchChoice,
    caps: Sequence[HostCaps],
    capacity: MachineCapacity,
) -> dict[str, Any]:
    """The plan as data: trials, estimates, caps, and how every port would be shaped."""
    topology = experiment.topology
    by_rules = switch.kind in OPENFLOW_KINDS
    return {
        "experiment": experiment.name,
        "digest": experiment.digest(),
        "switch": {"kind": switch.kind, "why": switch.why},
        "scale": {"rates": experiment.scale.rates, "time": experiment.scale.time},
        "seconds": run_seconds(experiment),
        "retries": experiment.retries,
        "memory_bytes": memory_bytes(experiment),
        "iterations": {
            "warm_up": experiment.warm_up,
            "measured": experiment.iterations,
            "cool_down": experiment.cool_down,
            "added": experiment.added,
        },
        "trials": [
            {
                "index": trial.index,
                **trial.choices,
                "repeat": trial.repeat,
                "seconds": trial.seconds,
            }
            for trial in plan_trials(experiment)
        ],
        "notes": _notes(experiment, mark=""),
        "jobs": describe_jobs(experiment),
        "caps": [
            {
                "host": cap.host,
                "asked": cap.asked.record().as_json(),
                "enforced": cap.enforced.record().as_json(),
                "why_not": list(cap.why_not),
                "cpuset_by": cap.cpuset_by,
            }
            for cap in caps
        ],
        "caps_notes": [*warnings(caps, capacity), *notes(caps, capacity)],
        "delays_notes": _delays_notes(topology),
        "ports": _of_each(experiment, lambda name: _ports(experiment, name, by_rules)),
        "rules": _of_each(experiment, lambda name: _rules(experiment, name)) if by_rules else {},
    }


T = TypeVar("T")


def _of_each(experiment: Experiment, of: Callable[[str], T]) -> dict[str, T]:
    """By schedule and program; what is alike to the network is worked out once: it may be long."""
    known: dict[tuple[tuple[Demand, ...], bool, int | None, bool], T] = {}
    by_name = {}
    for name in (*experiment.schedules, *experiment.programs):
        schedule, counted = _schedule(experiment, name), name in experiment.programs
        key = (_demands(experiment, name).all, schedule.at_switch, schedule.flows, counted)
        if key not in known:
            known[key] = of(name)
        by_name[name] = known[key]
    return by_name


def _ports(experiment: Experiment, name: str, by_rules: bool) -> list[dict[str, Any]]:
    """How every port would be shaped under a schedule."""
    return [
        {
            "port": shape.port,
            "rate_bps": shape.rate_bps,
            "delay_us": shape.delay_us,
            "queue_bytes": shape.queue_bytes,
            "classes": [placed.traffic.name for placed in used.placed()],
            "counted": [counted.name for counted in used.counted],
            "commands": [list(command) for command in shape.commands()],
        }
        # Under a controller a port may have more: those of other schedules, unused.
        for shape, used in zip(
            _shapes(experiment, name, by_rules), _shapes(experiment, name, False), strict=True
        )
    ]


def _shapes(experiment: Experiment, name: str, by_dscp: bool) -> tuple[PortShape, ...]:
    """How every port would send under a schedule, or for a program."""
    schedule, demands = _schedule(experiment, name), _demands(experiment, name)
    counted = name in experiment.programs
    return port_shapes(demands, experiment.scale, schedule, by_dscp=by_dscp, counted=counted)


def _rules(experiment: Experiment, name: str) -> dict[str, list[str]]:
    """What every switch would do under a schedule."""
    demands = _demands(experiment, name)
    rules = planned_rules(demands, schedule_plan(demands, _schedule(experiment, name)))
    return {switch: [str(rule) for rule in of_switch] for switch, of_switch in rules.items()}


def _schedule(experiment: Experiment, name: str) -> Schedule:
    """The schedule of that name; that of a program is none."""
    return experiment.schedule(UNSCHEDULED if name in experiment.programs else name)


def _demands(experiment: Experiment, name: str) -> Demands:
    """Who sends to whom under a schedule, for its first model, where that matters; or a program."""
    if name in experiment.programs:
        return program_demands(experiment.topology, experiment.programs[name])
    if experiment.jobs:
        return experiment.demands_together(name, experiment.models[0])
    return experiment.demands(name, experiment.models[0])


def _delays_notes(topology: Topology) -> list[str]:
    """What `run` would refuse; the machine is asked only if a link has a delay."""
    delayed = any(port.delay_us for port in ports(topology))
    return [why] if delayed and (why := why_no_delays()) else []


def _choice(asked: str) -> SwitchChoice:
    """The kind of switch; a plan can be made for one that this machine has not, and says so."""
    try:
        return choose_switch(asked, obstacles())
    except MachineError as error:
        return SwitchChoice(asked, str(error))
