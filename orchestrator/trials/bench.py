"""`dmlbed bench` seen from outside the box: check the machine, settle the scale, start the box."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.emulation.caps import this_machine
from orchestrator.emulation.cgroups import find_layout
from orchestrator.emulation.machine import checks, lacking
from orchestrator.emulation.needs import Need
from orchestrator.emulation.run_groups import run_groups
from orchestrator.errors import InputError, MachineError, Problem
from orchestrator.spec import shown_path
from orchestrator.trials.boxed import run_boxed
from orchestrator.trials.request import RunRequest
from orchestrator.trials.run import check_machine, check_memory, say
from orchestrator.trials.settle import settle_scale


def bench(request: RunRequest, seconds: int, samples: int) -> None:
    """Measure transport, urgent tensors and CPU; call it on the main thread.

    A scale that this machine does not carry is measured all the same: that shows in the figures.

    Args:
        request: the experiment whose testbed and trainings are measured, and where results go.
        seconds: how long flows are measured, on the clock.
        samples: urgent tensors.

    Raises:
        InputError: the experiment has a sweep.
        DmlbedError: the bench did not end well; the message has been printed inside the box
            unless the error carries one.
    """
    experiment = request.load()
    request = request.keeping(experiment)
    if experiment.sweep is not None:
        message = "a bench is of one testbed, and this experiment has a sweep"
        raise InputError([Problem(shown_path(request.experiment), message, "leave the key out")])
    machine = check_machine(experiment, request.out)
    if missing := lacking(checks(machine), Need.BENCH):
        raise MachineError(f"this machine lacks for a bench: {missing}")
    layout = find_layout()
    room = this_machine(layout.missing)
    request = settle_scale(replace(request, force=True), experiment, room, say)
    check_memory(request.load(), machine, room)
    with run_groups(layout) as groups:
        run_boxed(
            "orchestrator.trials.bench_conductor",
            (request.to_json(), groups.to_json(), str(seconds), str(samples)),
            f"what had been measured is in {request.out / experiment.name}",
        )
