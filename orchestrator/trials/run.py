"""`dmlbed run` seen from outside the box: check the machine, settle the scale, start the box."""

from __future__ import annotations

from pathlib import Path

from orchestrator.emulation.caps import Room, host_caps, require_room, this_machine
from orchestrator.emulation.cgroups import find_layout
from orchestrator.emulation.machine import Machine, require_for_run
from orchestrator.emulation.run_groups import run_groups
from orchestrator.errors import MachineError
from orchestrator.spec import Experiment
from orchestrator.terminal import console
from orchestrator.trials.boxed import run_boxed
from orchestrator.trials.plan import memory_bytes
from orchestrator.trials.request import RunRequest
from orchestrator.trials.results import check_writable
from orchestrator.trials.settle import settle_scale
from orchestrator.trials.sweep import run_sweep


def check_machine(experiment: Experiment, out: Path) -> Machine:
    """See that this machine has what the experiment needs at any scale.

    Raises:
        MachineError: it cannot; the message says what is missing and the remedy.
    """
    delay = any(
        direction.delay_us
        for link in experiment.topology.links
        for direction in (link.forward, link.reverse)
    )
    machine = require_for_run(
        delay=delay, congestion_control=experiment.congestion_control, results=out
    )
    check_writable(out / experiment.name)
    return machine


def check_memory(experiment: Experiment, machine: Machine, room: Room) -> None:
    """See that this machine has the memory that the experiment needs at its scale.

    Raises:
        MachineError: it has not.
    """
    require_room(host_caps(experiment.topology, experiment.scale, room), room)
    needed = memory_bytes(experiment)
    if needed > machine.memory_bytes:
        raise MachineError(
            f"the largest model needs {needed / 2**30:.1f} GiB of memory, "
            f"{machine.memory_bytes / 2**30:.1f} GiB are free",
            "a smaller D/R in --scale, or fewer --models",
        )


def run(request: RunRequest) -> None:
    """Run an experiment, or every point of its sweep, in a box of its own; on the main thread.

    Raises:
        DmlbedError: the run did not end well; the message has been printed inside the box
            unless the error carries one.
    """
    experiment = request.load()
    request = request.keeping(experiment)
    machine = check_machine(experiment, request.out)
    if experiment.sweep is None:
        _run(request, experiment, machine)
        return

    def run_point(point: RunRequest) -> None:
        _run(point, point.load(), machine)

    run_sweep(request, experiment, run_point)


def _run(request: RunRequest, experiment: Experiment, machine: Machine) -> None:
    layout = find_layout()
    room = this_machine(layout.missing)
    request = settle_scale(request, experiment, room, say)
    check_memory(request.load(), machine, room)
    directory = request.directory or request.out / experiment.name
    with run_groups(layout) as groups:
        run_boxed(
            "orchestrator.trials.conductor",
            (request.to_json(), groups.to_json()),
            f"the trials that had finished are in {directory}",
        )


def say(text: str) -> None:
    """Show one line on standard error."""
    console.say(console.messages(), text)
