"""The conductor: runs inside the box, builds the testbed, runs trial after trial, reports.

Started as `python -m orchestrator.trials.conductor REQUEST GROUPS` by run.py.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.collector import Report, report
from orchestrator.collector.goodput import GoodputRecord
from orchestrator.deployment import Deployment
from orchestrator.emulation.run_groups import RunGroups
from orchestrator.emulation.switches import SwitchChoice, check_fit, choose_switch, obstacles
from orchestrator.emulation.testbed import Testbed
from orchestrator.errors import DmlbedError, RunError, UnusableError
from orchestrator.spec import Experiment
from orchestrator.terminal.console import answers, messages, say
from orchestrator.terminal.streams import prepare
from orchestrator.trials.attempts import Attempts, Tried, disturbed_by
from orchestrator.trials.calibration_cache import CalibrationCache
from orchestrator.trials.control import make_controller
from orchestrator.trials.goodput import measure_goodput
from orchestrator.trials.inside import connected, guarded, told
from orchestrator.trials.lessons import learn, shown
from orchestrator.trials.plan import Trial, plan_trials
from orchestrator.trials.progress import RunProgress
from orchestrator.trials.request import RunRequest
from orchestrator.trials.results import ResultsDirectory
from orchestrator.trials.trial import run_trial, trial_files
from orchestrator.trials.undisturbed import Made, Watch, undisturbed
from orchestrator.trials.versions import run_record


def conduct(request: RunRequest, groups: RunGroups) -> None:
    """Run all trials of a request and report on them.

    Raises:
        DmlbedError: the run ended early, or a trial of it failed, or its figures may not be used.
        KeyboardInterrupt: a person stopped it; what had finished has been reported.
    """
    experiment = request.load()
    started = datetime.datetime.now(datetime.UTC)
    stamp = f"{started:%Y%m%d-%H%M%S}-{experiment.digest()}"
    choice = choose_switch(experiment.switch, obstacles())
    check_fit(experiment.topology, choice)
    record = {
        **run_record(experiment, started, choice),
        "calibration": request.calibration,
    }
    results = ResultsDirectory(*request.place(experiment.name, stamp), record)
    try:
        failed = _run_trials(experiment, choice, groups, results)
    except BaseException:
        # Why the run ended says more than why the little it left cannot be reported.
        with contextlib.suppress(DmlbedError):
            _report(results, request)
        raise
    else:
        made = _report(results, request)
    finally:
        results.give_to_caller()
    if failed:
        raise RunError(f"{failed} of {len(plan_trials(experiment))} trials failed")
    if made is None:
        return
    if request.calibration is not None:
        by_switch = [name for name in experiment.schedules if experiment.schedule(name).at_switch]
        goodput = GoodputRecord.model_validate(results.run_record["goodput"])
        learn(request.calibration, shown(made.summary, goodput, by_switch), CalibrationCache())
    if not made.usable:
        raise UnusableError(made.why_unusable)


def _run_trials(
    experiment: Experiment,
    choice: SwitchChoice,
    groups: RunGroups,
    results: ResultsDirectory,
) -> int:
    """Run the trials; returns how many failed.

    Raises:
        RunError: the testbed failed, and the run with it.
    """
    failed = 0
    with RunProgress(experiment, messages()) as progress:
        for note in experiment.notes:
            progress.say(f"note: {note}")
        progress.say(f"building the testbed of {experiment.topology.name}, {experiment.scale}")
        progress.say(f"switches: {choice.kind} ({choice.why})")
        controller = make_controller(experiment.topology, choice.kind)
        with (
            Testbed(experiment, choice.kind, controller, groups=groups) as testbed,
            connected(testbed) as hosts,
        ):
            progress.say(testbed.description())
            for warning in testbed.hosts.warnings():
                progress.say(f"warning: {warning}")
            started_ns = time.monotonic_ns()

            def goodput_made() -> Made[GoodputRecord]:
                with Watch() as watch:
                    found = measure_goodput(experiment, testbed, hosts)
                return Made(found, not found.notes(), watch.disturbed())

            goodput = undisturbed(goodput_made, progress.say).result
            results.describe(goodput=goodput.model_dump())
            for line in (goodput.text(), *goodput.notes()):
                progress.say(line)
            _say_losses(testbed.losses(started_ns), progress)
            deployment = Deployment(hosts, sys.executable, testbed.work_directory)

            def attempt(trial: Trial) -> Tried:
                progress.start(trial)
                try:
                    outcome = run_trial(experiment, trial, testbed, deployment, progress.event)
                except RunError:
                    testbed.check()  # what is gone says more than the command that missed it
                    raise
                place = results.store(trial, trial_files(experiment, trial, outcome))
                progress.finish(trial, outcome.error)
                _say_losses(outcome.network["controller"]["losses"], progress)
                testbed.check()
                failed = outcome.error is not None
                return Tried(failed, () if failed else disturbed_by(place))

            attempts = Attempts(experiment.retries, progress.say)
            for trial in plan_trials(experiment):
                failed += attempts.run(trial, attempt).failed
    return failed


def _say_losses(losses: Sequence[Mapping[str, Any]], progress: RunProgress) -> None:
    for loss in losses:
        progress.say(f"lost: {loss['what']}; the switches keep their rules")


def _report(results: ResultsDirectory, request: RunRequest) -> Report | None:
    """Write tables and figures of a run, show and return them; None if no trial has finished."""
    path = results.path
    if path is None:
        return None
    made = report(path)
    console = messages() if request.as_json else answers()
    console.print(made.table)
    say(console, f"figure: {path / 'figure.png'}")
    say(console, f"run: {path}")
    if request.as_json and request.point is None:
        print(json.dumps(made.as_json()), flush=True)
    return made


def main() -> None:
    """Entry point of the conductor's process."""
    prepare()
    asked, made = told()
    request, groups = RunRequest.from_json(asked), RunGroups.from_json(made)
    stopped = "stopped; the trials that had finished are kept"
    sys.exit(guarded(lambda: conduct(request, groups), stopped))


if __name__ == "__main__":
    main()
