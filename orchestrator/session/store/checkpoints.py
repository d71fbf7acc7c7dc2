"""Trials that write checkpoints, and go on from them where they were stopped."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.session.plan.trials import Trial
from orchestrator.session.store.results import ResultsDirectory
from orchestrator.spec import Experiment
from workloads.process.checkpoints import Checkpoints, last_of_all


def with_checkpoints(
    experiment: Experiment, every: int, trial: Trial, results: ResultsDirectory
) -> tuple[Experiment, Trial]:
    """A trial with a place for its checkpoints, and with the iterations that are left of it.

    The iterations around the measured ones stay: a training needs them again after a stop. Where
    nothing to measure would be left, the trial goes on from an earlier checkpoint, or begins anew.

    Args:
        experiment: of the trial.
        every: iterations from one checkpoint to the next.
        trial: that is to run.
        results: where checkpoints are kept; what an earlier run of the same attempt left is there.
    """
    directory = results.checkpoints(trial)
    members = experiment.members(trial.schedule)
    processes = (*members.servers, *members.workers)
    after = last_of_all(directory, processes, experiment.iterations - 1)
    left = replace(experiment, iterations=experiment.iterations - after)
    return left, replace(trial, checkpoints=Checkpoints(directory, every, after))
