"""The conductor: runs inside the box, builds the testbed, runs trial after trial, reports.

Started as `python -m orchestrator.session.inner.run PLAN GROUPS ANSWER HOW` by run.py.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import sys
import time
from collections.abc import Sequence
from typing import Any, cast

from orchestrator.emulation.limits.awake import cpus_to_keep_awake
from orchestrator.emulation.limits.run_groups import RunGroups
from orchestrator.errors import DmlbedError, RunError, ScaleRefuted, UnusableError
from orchestrator.records.directory import RunDirectory
from orchestrator.records.goodput import GoodputRecord
from orchestrator.records.network import LossRecord
from orchestrator.session.inner.program import guarded, told
from orchestrator.session.inner.progress import RunProgress
from orchestrator.session.inner.trial import run_trial
from orchestrator.session.inner.undisturbed import TIMES, Made, Watch, undisturbed
from orchestrator.session.plan.run_plan import Answer, RunPlan
from orchestrator.session.plan.trials import Trial, trials_seconds
from orchestrator.session.probes.goodput import measure_goodput
from orchestrator.session.scale.cache import CalibrationCache
from orchestrator.session.scale.lessons import evidence_of, learn
from orchestrator.session.store.attempts import Attempts, Tried, disturbed_by
from orchestrator.session.store.checkpoints import with_checkpoints
from orchestrator.session.store.left import attempts_kept, lost_before, what_is_left, what_stays
from orchestrator.session.store.reported import reported
from orchestrator.session.store.results import ResultsDirectory
from orchestrator.session.testbed.opened import Opened, opened
from orchestrator.terminal.console import messages, say
from orchestrator.terminal.streams import prepare


def conduct(plan: RunPlan, groups: RunGroups, answer: Answer, *, goes_on: bool = False) -> None:
    """Run all trials of a plan, or those that are left of it, and report on the whole run.

    Raises:
        DmlbedError: the run ended early, or a trial of it failed, or its figures may not be used.
        KeyboardInterrupt: a person stopped it; what had finished has been reported.
    """
    results = ResultsDirectory(plan.directory, _record(plan, goes_on), goes_on=goes_on)
    try:
        failed = _run_trials(plan, groups, results)
    except BaseException:
        # Why the run ended says more than why the little it left cannot be reported.
        with contextlib.suppress(DmlbedError):
            if results.path is not None:
                reported(results.path, answer)
        if results.path is not None:
            say(messages(), f"`dmlbed run {results.path}` continues it")
        raise
    else:
        made = None if results.path is None else reported(results.path, answer)
    finally:
        results.give_to_caller()
    experiment = plan.experiment
    if failed:
        raise RunError(f"{failed} of {len(plan.trials)} trials failed")
    if made is None:
        return
    if plan.calibration is not None:
        by_switch = [name for name in experiment.schedules if experiment.schedule(name).at_switch]
        goodput = GoodputRecord.model_validate(results.run_record["goodput"])
        learn(plan.calibration, evidence_of(made.summary, goodput, by_switch), CalibrationCache())
    if not made.usable:
        raise UnusableError(made.why_unusable)


def _record(plan: RunPlan, goes_on: bool) -> dict[str, Any]:
    """What run.json is to say; of a run that goes on, what it said, and that it went on."""
    if not goes_on:
        return plan.record()
    record = json.loads(RunDirectory(plan.directory).run.read_text(encoding="utf-8"))
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return {**record, "went_on": [*record.get("went_on", ()), now]}


def _run_trials(plan: RunPlan, groups: RunGroups, results: ResultsDirectory) -> int:
    """Run the trials that are left; returns how many failed.

    Raises:
        RunError: the testbed failed, and the run with it.
        ScaleRefuted: the scale was remembered, and its links are not carried; no trial has run.
    """
    failed = 0
    experiment, switch = plan.experiment, plan.switch
    trials = plan.trials
    kept = {} if results.path is None else attempts_kept(results.path, trials)
    left = what_is_left(trials, kept, experiment.retries)
    with RunProgress(experiment, trials, messages()) as progress:
        for note in experiment.notes:
            progress.say(f"note: {note}")
        progress.say(f"building the testbed of {experiment.topology.name}, {experiment.scale}")
        progress.say(f"switches: {switch.kind} ({switch.why})")
        with opened(experiment, switch.kind, groups) as up:
            testbed = up.testbed
            progress.say(testbed.description())
            if awake := len(cpus_to_keep_awake(switch.kind)):
                progress.say(f"kept awake while it measures: {awake} virtual CPUs")
            for warning in testbed.warnings():
                progress.say(f"warning: {warning}")
            too_little = _say_goodput(plan, up, results, progress)
            if too_little and plan.remembered and results.path is None:
                progress.say(
                    f"{experiment.scale} was remembered, and this machine does not carry it now: "
                    "it is forgotten and calibrated anew"
                )
                raise ScaleRefuted

            def attempt(trial: Trial) -> Tried:
                progress.start(trial)
                asked, going_on = experiment, trial
                if experiment.learning.checkpoint_every is not None and not trial.program:
                    every = experiment.learning.checkpoint_every
                    asked, going_on = with_checkpoints(experiment, every, trial, results)
                try:
                    outcome = run_trial(asked, going_on, testbed, up.deployment, progress.event)
                except RunError:
                    testbed.check()  # what is gone says more than the command that missed it
                    raise
                place = results.store(trial, outcome.files())
                progress.finish(trial, outcome.error)
                _say_losses(outcome.network.controller.losses, progress)
                testbed.check()
                failed = outcome.error is not None
                return Tried(failed, () if failed else disturbed_by(place))

            progress.keep({trial.index for trial in trials} - {one.trial.index for one in left})
            lost = lost_before(trials, kept, left[0].trial) if left else 0
            attempts = Attempts(experiment.retries, progress.say, lost=lost)
            for one in left:
                failed += attempts.run(one.trial, attempt, one.attempts).failed
    return failed


def _say_goodput(
    plan: RunPlan, up: Opened, results: ResultsDirectory, progress: RunProgress
) -> bool:
    """Measure what the links carry, unless the run has that already, and say it.

    Returns:
        Whether they carry too little, and nobody else is to blame for it.
    """
    started_ns = time.monotonic_ns()

    def goodput_made() -> Made[GoodputRecord]:
        with Watch(cpus_to_keep_awake(plan.switch.kind)) as watch:
            goodput = measure_goodput(plan.experiment, up, trials_seconds(plan.trials))
        return Made(goodput, not goodput.notes(), watch.disturbed())

    kept = results.run_record.get("goodput")
    goodput = GoodputRecord.model_validate(kept) if kept else None
    too_little = False
    if goodput is None or goodput.notes():
        made = undisturbed(
            goodput_made, progress.say, times=min(TIMES, 1 + plan.experiment.retries)
        )
        goodput = made.result
        too_little = goodput.too_little and not made.disturbed
        results.describe(goodput=goodput.model_dump())
    for line in (goodput.text(), *goodput.notes()):
        progress.say(line)
    _say_losses(up.testbed.losses(started_ns), progress)
    return too_little


def _say_losses(losses: Sequence[LossRecord], progress: RunProgress) -> None:
    for loss in losses:
        progress.say(f"lost: {loss.what}; the switches keep their rules")


def main() -> None:
    """Entry point of the conductor's process."""
    prepare()
    planned, made, answer, how = told()
    plan, groups = RunPlan.from_json(planned), RunGroups.from_json(made)

    def act() -> None:
        conduct(plan, groups, cast(Answer, answer), goes_on=how == "goes-on")

    sys.exit(guarded(act, lambda: f"stopped; {what_stays(plan.directory)}"))


if __name__ == "__main__":
    main()
