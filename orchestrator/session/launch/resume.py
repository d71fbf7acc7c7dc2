"""Continues a run that was stopped or killed, and runs the plan of one anew."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from orchestrator.analysis import RUN_FORMAT, check_run_directory
from orchestrator.emulation.limits.caps import this_machine
from orchestrator.emulation.limits.cgroups import find_layout
from orchestrator.emulation.switches.choice import obstacles
from orchestrator.errors import InputError, MachineError, Problem, RunError, UnusableError
from orchestrator.plugins import PluginError
from orchestrator.records.directory import RunDirectory
from orchestrator.session.launch.request import RunRequest
from orchestrator.session.launch.resolve import check_machine, check_memory, resolve, say
from orchestrator.session.launch.run import answer, begin, carry_out, run
from orchestrator.session.launch.sweep import run_sweep
from orchestrator.session.plan.provenance import machine_record, versions_of
from orchestrator.session.plan.run_plan import Answer, RunPlan
from orchestrator.session.store.left import attempts_kept, what_is_left
from orchestrator.session.store.reported import reported
from orchestrator.spec import Point

_AGAIN = "--again runs its plan anew, here and now"


@dataclass(frozen=True)
class Resumed:
    """A run's directory that was given in place of an experiment.

    Attributes:
        directory: of a run or a sweep.
        again: run its plan anew, in a new directory.
        out: directory that that one is made in.
        as_json, recalibrate, force: as in `RunRequest`; the last two are for a plan that is run
            anew, and for points of a sweep that have not begun.
    """

    directory: Path
    again: bool = False
    out: Path = Path("results")
    as_json: bool = False
    recalibrate: bool = False
    force: bool = False


def resume(asked: Resumed) -> None:
    """Run what is left of a run or a sweep, or all of its plan anew; on the main thread.

    Raises:
        InputError: the directory is not that of a run that has a plan.
        MachineError: the run was begun on another machine or version, or this machine does not do
            any more.
        DmlbedError: the run did not end well.
    """
    plan = read_plan(asked.directory)
    check_switch(plan)
    request = RunRequest(
        experiment=plan.experiment,
        out=asked.out,
        as_json=asked.as_json,
        recalibrate=asked.recalibrate,
        force=asked.force,
        switch=plan.switch,
    )
    if asked.again:
        run(request)
        return
    check_same(plan)
    if plan.experiment.sweep is None:
        _check_scale_options(asked)
        _go_on(plan, answer(asked.as_json))
    else:
        _go_on_with_sweep(plan, request)


def read_plan(directory: Path) -> RunPlan:
    """The plan of a run or a sweep, from its directory.

    Raises:
        InputError: it is not that of a run, or of one that has no plan.
        RunError: its plan cannot be read.
    """
    file = RunDirectory(directory).run
    if not file.is_file():
        check_run_directory(directory)
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{file}: cannot be read: {error}") from None
    if not isinstance(record, dict):
        raise RunError(f"{file}: not a JSON object")
    if record.get("format") != RUN_FORMAT:
        raise InputError([Problem(str(directory), _other_format(record), "run its experiment")])
    if "bench" in record:
        raise InputError([Problem(str(directory), "a bench, not a run", "run it anew")])
    plan = RunPlan.from_record(record, directory)
    for own in (*plan.experiment.own_orders.values(), *plan.experiment.own_code):
        try:
            _ = own.instance
        except PluginError as error:
            raise MachineError(str(error), "install what the run was begun with") from None
    return plan


def _other_format(record: dict[str, object]) -> str:
    versions = record.get("versions")
    by = f" by dmlbed {versions.get('dmlbed')}" if isinstance(versions, dict) else ""
    if "format" not in record:
        return f"written{by}, a version that kept no plan: it cannot go on, nor be run anew"
    return f"written{by} in format {record['format']}, this version has format {RUN_FORMAT}"


def _check_scale_options(asked: Resumed) -> None:
    options = (("--recalibrate", asked.recalibrate), ("--force", asked.force))
    message = "a run goes on at the scale that it was begun at"
    problems = [
        Problem(option, message, "leave it out, or add --again") for option, on in options if on
    ]
    if problems:
        raise InputError(problems)


def check_switch(plan: RunPlan) -> None:
    """See that this machine has the switches of a plan.

    Raises:
        MachineError: it has not.
    """
    kind = plan.switch.kind
    if why := obstacles()[kind]:
        message = f"{plan.directory} was planned on {kind}, which this machine does not have: {why}"
        raise MachineError(message, "mend that, or run its experiment with another --switch")


def check_same(plan: RunPlan) -> None:
    """See that what is left of a run would be run by the same code on the same machine.

    Raises:
        MachineError: it would not; its figures would not compare with those that are there.
    """
    before = {**plan.versions, **plan.machine}
    now = {**versions_of(plan.switch), **machine_record()}
    ignored = {"memory_bytes"}  # some kernels count a little more or less of it at each start
    differ = [
        f"{name} {before.get(name, 'none')}, now {now.get(name, 'none')}"
        for name in (*before, *(now.keys() - before.keys()))
        if name not in ignored and before.get(name) != now.get(name)
    ]
    if differ:
        raise MachineError(
            f"{plan.directory} cannot go on, for its figures would not compare: it was begun with "
            + "; ".join(differ),
            _AGAIN,
        )


def _go_on(plan: RunPlan, how: Answer) -> None:
    """Run the trials that are left; if none are, report what is there."""
    trials = plan.trials
    kept = attempts_kept(plan.directory, trials)
    left = what_is_left(trials, kept, plan.experiment.retries)
    if left:
        say(f"continuing {plan.directory}: {len(left)} of {len(trials)} trials are left")
        machine = check_machine(plan.experiment, plan.directory)
        check_memory(plan.experiment, machine, this_machine(find_layout().missing))
        carry_out(plan, how, goes_on=True)
        return
    say(f"{plan.directory}: all {len(trials)} trials have finished, none is left ({_AGAIN})")
    made = reported(plan.directory, how)
    if not made.usable:
        raise UnusableError(made.why_unusable)


def _go_on_with_sweep(sweep: RunPlan, request: RunRequest) -> None:
    """Run what is left of every point."""
    how = answer(request.as_json, point=True)
    machine = check_machine(sweep.experiment, sweep.directory)

    def run_point(point: Point, place: Path) -> None:
        if RunDirectory(place).run.exists():
            plan = read_plan(place)
            check_same(plan)
            _go_on(plan, how)
        else:
            resolved = partial(
                resolve, request, machine, sweep.switch, point=point.experiment, place=place
            )
            begin(resolved, how)

    run_sweep(sweep, run_point, as_json=request.as_json, goes_on=True)
