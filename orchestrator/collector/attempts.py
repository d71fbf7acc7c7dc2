"""Which of a trial's attempts count (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from orchestrator.collector.measure import TrialMeasure


@dataclass(frozen=True)
class Choice:
    """The attempts of one model under one schedule.

    Attributes:
        counted: one for every repeat that has a result, by repeat.
        left_out: the others, which were disturbed.
    """

    counted: tuple[TrialMeasure, ...] = ()
    left_out: tuple[TrialMeasure, ...] = ()

    def imgs_per_sec(self) -> dict[int, float]:
        """Of what counts, by repeat."""
        return {trial.repeat: trial.imgs_per_sec for trial in self.counted}


def choose(attempts: Iterable[TrialMeasure]) -> Choice:
    """Choose among the attempts of one model under one schedule, over all repeats.

    What was disturbed is left out. If all of them were, the last attempt of each repeat counts, and
    its verdict says what it is worth.
    """
    ordered = sorted(attempts, key=lambda trial: (trial.repeat, trial.attempt))
    last = {trial.repeat: trial for trial in ordered}
    quiet = {trial.repeat: trial for trial in ordered if not trial.disturbances}
    counted = tuple((quiet or last).values())
    chosen = {id(trial) for trial in counted}
    return Choice(counted, tuple(trial for trial in ordered if id(trial) not in chosen))
