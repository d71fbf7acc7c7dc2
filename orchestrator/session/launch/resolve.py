"""From what a person asks for to the plan of a run: the machine checked, the scale settled."""

from __future__ import annotations

from pathlib import Path

from orchestrator.emulation.limits.caps import (
    MachineCapacity,
    host_caps,
    require_capacity,
    this_machine,
)
from orchestrator.emulation.limits.cgroups import find_layout
from orchestrator.emulation.machine.libraries import require_for
from orchestrator.emulation.machine.machine import Machine, require_for_run
from orchestrator.emulation.switches.choice import SwitchChoice, check_fit, choose_switch, obstacles
from orchestrator.errors import MachineError
from orchestrator.session.launch.request import RunRequest
from orchestrator.session.plan.memory import memory_bytes
from orchestrator.session.plan.missing import require_programs
from orchestrator.session.plan.run_plan import RunPlan
from orchestrator.session.scale.choose import settle_scale
from orchestrator.session.store.results import check_writable
from orchestrator.spec import Experiment
from orchestrator.terminal import console


def check_machine(experiment: Experiment, place: Path) -> Machine:
    """See that this machine has what the experiment needs at any scale.

    Args:
        place: the directory that the run's own will be in, or is in.

    Raises:
        MachineError: it cannot; the message says what is missing and the remedy.
    """
    require_for(experiment.learning)
    require_programs(experiment.programs.values())
    delay = any(
        direction.delay_us
        for link in experiment.topology.links
        for direction in (link.forward, link.reverse)
    )
    machine = require_for_run(
        delay=delay, congestion_control=experiment.congestion_control, results=place
    )
    check_writable(place)
    return machine


def check_memory(experiment: Experiment, machine: Machine, capacity: MachineCapacity) -> None:
    """See that this machine has the memory that the experiment needs at its scale.

    Raises:
        MachineError: it has not.
    """
    require_capacity(host_caps(experiment.topology, experiment.scale, capacity), capacity)
    needed = memory_bytes(experiment)
    if needed > machine.memory_bytes:
        raise MachineError(
            f"the largest model needs {needed / 2**30:.1f} GiB of memory, "
            f"{machine.memory_bytes / 2**30:.1f} GiB are free",
            "a smaller D/R in --scale, or fewer --models",
        )


def switch_of(request: RunRequest) -> SwitchChoice:
    """The kind of switch of a request: that of its plan, or the one that works here.

    Raises:
        MachineError: there is none.
    """
    return request.switch or choose_switch(request.experiment.switch, obstacles())


def resolve(
    request: RunRequest,
    machine: Machine,
    switch: SwitchChoice,
    *,
    point: Experiment | None = None,
    place: Path | None = None,
    refuted: RunPlan | None = None,
) -> RunPlan:
    """The plan of a run of a request, or of one point of its sweep.

    Args:
        machine: this one.
        switch: the kind of switch.
        point: of a sweep, the experiment that is run.
        place: of a sweep, the directory for that point.
        refuted: the plan before it, whose remembered scale was not carried.

    Raises:
        MachineError: this machine does not carry it.
        DmlbedError: the calibration failed.
    """
    experiment = point or request.experiment
    for demands in experiment.networks:
        check_fit(demands, switch)
    capacity = this_machine(find_layout().missing)
    settled = settle_scale(
        experiment,
        switch.kind,
        capacity,
        say,
        recalibrate=request.recalibrate,
        force=request.force,
        refuted=refuted.calibration if refuted else None,
    )
    experiment = experiment.with_scale(settled.scale)
    check_memory(experiment, machine, capacity)
    if place is None:
        return RunPlan.made(experiment, switch, request.out / experiment.name, settled.record)
    return RunPlan.made(experiment, switch, place.parent, settled.record, place.name)


def say(text: str) -> None:
    """Show one line on standard error."""
    console.say(console.messages(), text)
