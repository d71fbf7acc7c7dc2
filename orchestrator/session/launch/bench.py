"""`dmlbed bench` seen from outside the box: check the machine, settle the scale, start the box."""

from __future__ import annotations

from orchestrator.emulation.limits.cgroups import find_layout
from orchestrator.emulation.limits.run_groups import run_groups
from orchestrator.emulation.machine.machine import checks, lacking
from orchestrator.emulation.machine.needs import Need
from orchestrator.errors import InputError, MachineError, Problem
from orchestrator.session.launch.request import RunRequest
from orchestrator.session.launch.resolve import check_machine, resolve, switch_of
from orchestrator.session.testbed.box import run_boxed
from orchestrator.spec import shown_path


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
            "orchestrator.session.inner.bench",
            (plan.to_json(), groups.to_json(), *asked),
            lambda: f"what had been measured is in {plan.directory}",
        )
