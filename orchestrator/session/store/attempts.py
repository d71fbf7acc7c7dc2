"""Repeats a trial at once that others have disturbed.

What decides is whose the CPUs were, never the figure. All attempts are kept; the report leaves the
disturbed ones out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.analysis.measures.programs.measure import measure_any
from orchestrator.analysis.reading.records import read_any_trial
from orchestrator.errors import RunError
from orchestrator.session.plan.trials import Trial
from orchestrator.session.store.quiet import wait_until_quiet

PATIENCE = 2
"""Trials in a row that all their attempts were disturbed in, after which the machine is taken to be
a busy one: its trials are tried once until one is undisturbed."""


@dataclass(frozen=True)
class Tried:
    """How an attempt ended: if it failed, else what disturbed it."""

    failed: bool
    disturbances: tuple[str, ...] = ()


def disturbed_by(place: Path) -> tuple[str, ...]:
    """What disturbed the trial whose records are there; nothing if they do not tell."""
    try:
        return measure_any(read_any_trial(place)).disturbances
    except RunError:
        return ()  # the report says what is wrong with them


def tried_at(place: Path) -> Tried:
    """How the attempt ended whose records are there; one that cannot be measured has failed."""
    try:
        return Tried(failed=False, disturbances=measure_any(read_any_trial(place)).disturbances)
    except RunError:
        return Tried(failed=True)


class Attempts:
    """Runs trials, each as often as it takes."""

    def __init__(
        self,
        retries: int,
        say: Callable[[str], None],
        wait: Callable[[Callable[[str], None]], bool] = wait_until_quiet,
        lost: int = 0,
    ) -> None:
        """Repeat a trial up to `retries` times, each time after a `wait` for a quiet machine.

        Before the first one, `lost` trials in a row were disturbed in all their attempts.
        """
        self._most = 1 + retries
        self._say = say
        self._wait = wait
        self._lost = lost

    def run(self, trial: Trial, attempt: Callable[[Trial], Tried], made: int = 0) -> Tried:
        """Attempt a trial until nothing disturbs it; returns how the last attempt ended.

        Args:
            trial: what to run.
            attempt: runs one attempt.
            made: attempts at it that were made before.
        """
        most = max(self._most if self._lost < PATIENCE else 1, made + 1)
        for number in range(made + 1, most + 1):
            tried = attempt(replace(trial, attempt=number))
            if not tried.disturbances:
                break
            reason = f"disturbed: {'; '.join(tried.disturbances)}"
            if number < most:
                self._say(f"{reason}; attempt {number + 1} of {most} follows")
                self._wait(self._say)
            elif most < self._most:
                self._say(f"{reason}; not repeated, for the machine stays busy")
            else:
                self._say(f"{reason}; that was the last of {most} attempts")
        self._lost = self._lost + 1 if tried.disturbances else 0
        return tried
