"""`dmlbed run` seen from outside the box: plan an experiment, start the box, continue a run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from orchestrator.emulation.limits.cgroups import find_layout
from orchestrator.emulation.limits.run_groups import run_groups
from orchestrator.errors import ScaleRefuted
from orchestrator.records.directory import RunDirectory
from orchestrator.session.launch.request import RunRequest
from orchestrator.session.launch.resolve import check_machine, resolve, switch_of
from orchestrator.session.launch.sweep import run_sweep
from orchestrator.session.plan.run_plan import Answer, RunPlan
from orchestrator.session.store.left import what_stays
from orchestrator.session.testbed.box import run_boxed
from orchestrator.spec import Point


def run(request: RunRequest) -> None:
    """Run an experiment, or every point of its sweep, in a new box; on the main thread.

    Raises:
        DmlbedError: the run did not end well; the message has been printed inside the box
            unless the error carries one.
    """
    experiment = request.experiment
    machine = check_machine(experiment, request.out / experiment.name)
    switch = switch_of(request)
    if experiment.sweep is None:
        begin(partial(resolve, request, machine, switch), answer(request.as_json))
        return

    def run_point(point: Point, place: Path) -> None:
        resolved = partial(resolve, request, machine, switch, point=point.experiment, place=place)
        begin(resolved, answer(request.as_json, point=True))

    sweep = RunPlan.made(experiment, switch, request.out / experiment.name)
    run_sweep(sweep, run_point, as_json=request.as_json)


def answer(as_json: bool, *, point: bool = False) -> Answer:
    """How a run ends, or a point of a sweep."""
    if not as_json:
        return "text"
    return "point-of-json" if point else "json"


def begin(resolved: Callable[..., RunPlan], how: Answer) -> None:
    """Make a plan and run it; once more where its remembered scale is not carried any more.

    Args:
        resolved: `resolve` of a request; it makes the plan, the second time with `refuted`.
        how: as for `carry_out`.

    Raises:
        DmlbedError: as for `run`.
    """
    plan = resolved()
    try:
        carry_out(plan, how)
    except ScaleRefuted:
        carry_out(resolved(refuted=plan), how)


def carry_out(plan: RunPlan, how: Answer, *, goes_on: bool = False) -> None:
    """Run a plan in a new box.

    Args:
        how: how it ends on standard output.
        goes_on: its directory is there, with some of its trials.

    Raises:
        DmlbedError: as for `run`.
    """
    with run_groups(find_layout()) as groups:
        run_boxed(
            "orchestrator.session.inner.run",
            (plan.to_json(), groups.to_json(), how, "goes-on" if goes_on else "new"),
            lambda: kept(plan.directory),
        )


def kept(directory: Path) -> str:
    """What is left of a run whose box was ended: a clause."""
    if RunDirectory(directory).run.exists():
        return f"{what_stays(directory)}: `dmlbed run {directory}` continues it"
    return what_stays(directory)
