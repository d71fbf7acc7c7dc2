"""`dmlbed bench` seen from outside the box: check the machine, settle the scale, start the box."""

from __future__ import annotations

from orchestrator.emulation.cgroups import find_layout
from orchestrator.emulation.machine import checks, lacking
from orchestrator.emulation.needs import Need
from orchestrator.emulation.run_groups import run_groups
from orchestrator.errors import InputError, MachineError, Problem
from orchestrator.spec import shown_path
from orchestrator.trials.boxed import run_boxed
from orchestrator.trials.request import RunRequest
from orchestrator.trials.resolve import check_machine, resolve, switch_of


def bench(request: RunRequest, seconds: int, samples: int) -> None:
    """Measure transport, urgent tensors and CPU; call it on the main thread.

    Args:
        request: the experiment whose testbed and trainings are measured, and where results go.
            With `force` a scale that this machine does not carry is measured all the same.
        seconds: how long flows are measured, on the clock.
        samples: urgent tensors.

    Raises:
        InputError: the experiment has a sweep.
        DmlbedError: the bench did not end well; the message has been printed inside the box
            unless the error carries one.
    """
    experiment = request.experiment
    if experiment.sweep is not None:
        message = "a bench is of one testbed, and this experiment has a sweep"
        raise InputError([Problem(shown_path(experiment.source), message, "leave the key out")])
    machine = check_machine(experiment, request.out / experiment.name)
    if missing := lacking(checks(machine), Need.BENCH):
        raise MachineError(f"this machine lacks for a bench: {missing}")
    plan = resolve(request, machine, switch_of(request))
    asked = str(seconds), str(samples), "json" if request.as_json else "text"
    with run_groups(find_layout()) as groups:
        run_boxed(
            "orchestrator.trials.bench_conductor",
            (plan.to_json(), groups.to_json(), *asked),
            lambda: f"what had been measured is in {plan.directory}",
        )
