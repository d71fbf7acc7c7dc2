"""What is left of a run that was stopped or killed, decided from its trials' directories.

A trial that has finished is kept and never run again. One that failed, or whose records have not
all come through, is tried again as a further attempt. One that was disturbed is tried again only if
the run was in the middle of that: once it had gone on to the next trial, it was done with this one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import RunError
from orchestrator.records.directory import TRIAL, TRIALS
from orchestrator.records.files import read_object
from orchestrator.records.trial import TrialRecord
from orchestrator.session.plan.trials import Trial
from orchestrator.session.store.attempts import PATIENCE, Tried, tried_at
from orchestrator.session.store.results import attempts_at

Made = Mapping[int, Sequence[Tried]]
"""By a trial's index, how its attempts ended, in their order; trials without any may be missing."""


def attempts_kept(directory: Path, trials: Iterable[Trial]) -> dict[int, tuple[Tried, ...]]:
    """How the attempts ended that a run's directory holds, by their trial's index."""
    attempts = {trial.index: attempts_at(directory, trial) for trial in trials}
    return {index: tuple(map(tried_at, places)) for index, places in attempts.items() if places}


def what_stays(directory: Path) -> str:
    """What a run that ends early leaves in its directory: a clause."""
    for file in directory.glob(f"{TRIALS}/*/{TRIAL}"):
        with contextlib.suppress(RunError):
            if read_object(file, TrialRecord).outcome == "finished":
                return "the trials that had finished are kept"
    return "no trial had finished"


@dataclass(frozen=True)
class Left:
    """A trial that is still to be run, and how many attempts at it are kept."""

    trial: Trial
    attempts: int


def what_is_left(trials: Sequence[Trial], made: Made, retries: int) -> tuple[Left, ...]:
    """The trials that are still to be run, in their order.

    Args:
        trials: all of the run.
        made: what is kept of it.
        retries: how often a disturbed trial is tried again.
    """
    begun = max((trial.index for trial in trials if made.get(trial.index)), default=0)
    return tuple(
        Left(trial, len(made.get(trial.index, ())))
        for trial in trials
        if not _done(
            made.get(trial.index, ()),
            went_on=trial.index < begun,
            most=1 if lost_before(trials, made, trial) >= PATIENCE else 1 + retries,
        )
    )


def lost_before(trials: Sequence[Trial], made: Made, trial: Trial) -> int:
    """How many trials in a row, right before one, were disturbed in all their attempts."""
    count = 0
    for earlier in sorted(trials, key=lambda one: one.index, reverse=True):
        if earlier.index >= trial.index:
            continue
        attempts = made.get(earlier.index, ())
        if not attempts or not all(tried.disturbances for tried in attempts):
            break
        count += 1
    return count


def _done(attempts: Sequence[Tried], *, went_on: bool, most: int) -> bool:
    finished = [tried for tried in attempts if not tried.failed]
    if not finished:
        return False
    undisturbed = any(not tried.disturbances for tried in finished)
    return undisturbed or went_on or len(attempts) >= most
