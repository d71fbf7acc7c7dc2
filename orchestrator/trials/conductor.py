"""The conductor: runs inside the box, builds the testbed, runs trial after trial, reports.

Started as `python -m orchestrator.trials.conductor REQUEST` by run.py.
"""

from __future__ import annotations

import datetime
import json
import sys
from pathlib import Path

from rich.console import Console

from orchestrator.collector import report
from orchestrator.deployment import Deployment
from orchestrator.emulation.testbed import Testbed
from orchestrator.errors import RunError, UnusableError
from orchestrator.spec import Experiment
from orchestrator.trials.inside import connected, guarded
from orchestrator.trials.plan import plan_trials
from orchestrator.trials.progress import RunProgress
from orchestrator.trials.request import RunRequest
from orchestrator.trials.results import ResultsDirectory
from orchestrator.trials.trial import run_trial, trial_files
from orchestrator.trials.versions import run_record


def conduct(request: RunRequest, console: Console) -> None:
    """Run all trials of a request and report on them.

    Raises:
        DmlbedError: the run ended early, or a trial of it failed, or its figures may not be used.
        KeyboardInterrupt: a person stopped it; what had finished has been reported.
    """
    experiment = request.load()
    started = datetime.datetime.now(datetime.UTC)
    stamp = f"{started:%Y%m%d-%H%M%S}-{experiment.digest()}"
    record = {**run_record(experiment, started), "calibration": request.calibration}
    results = ResultsDirectory(request.out, experiment.name, stamp, record)
    try:
        failed = _run_trials(experiment, results, console)
    finally:
        if results.path is not None:
            usable = _report(results.path, request.as_json, console)
            results.give_to_caller()
    if failed:
        raise RunError(f"{failed} of {len(plan_trials(experiment))} trials failed")
    if not usable:
        raise UnusableError("some figures may not be used: see the verdicts")


def _run_trials(experiment: Experiment, results: ResultsDirectory, console: Console) -> int:
    """Run the trials; returns how many failed.

    Raises:
        RunError: the testbed failed, and the run with it.
    """
    failed = 0
    with RunProgress(experiment, console) as progress:
        progress.say(f"building the testbed of {experiment.topology.name}, {experiment.scale}")
        with Testbed(experiment) as testbed, connected(testbed) as hosts:
            progress.say(testbed.description())
            deployment = Deployment(hosts, sys.executable, testbed.work_directory)
            for trial in plan_trials(experiment):
                progress.start(trial)
                outcome = run_trial(experiment, trial, testbed, deployment, progress.event)
                results.store(trial, trial_files(experiment, trial, outcome))
                progress.finish(trial, outcome.error)
                failed += outcome.error is not None
                testbed.check()
    return failed


def _report(path: Path, as_json: bool, console: Console) -> bool:
    """Write tables and figures of a run and show them; whether its figures may be used."""
    made = report(path)
    console.print(made.table)
    console.print(f"figure: {path / 'figure.png'}", soft_wrap=True, highlight=False)
    console.print(f"run: {path}", soft_wrap=True, highlight=False)
    if as_json:
        print(json.dumps({"run": str(path), "rows": made.rows}), flush=True)
    return made.usable


def main() -> None:
    """Entry point of the conductor's process."""
    # A second request to stop must not cut the clearing-up short: the box's end is near anyway.
    console = Console(stderr=True)
    request = RunRequest.from_json(sys.argv[1])
    stopped = "stopped; the trials that had finished are kept"
    sys.exit(guarded(lambda: conduct(request, console), stopped, request.out))


if __name__ == "__main__":
    main()
