"""Which of a trial's attempts count (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from orchestrator.analysis.measures.measure import TrialMeasure


@dataclass(frozen=True)
class Choice:
    """The attempts at trials of the same choices.

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
    """Choose among the attempts at trials of the same choices, over all repeats.

    What was disturbed is left out. If all of them were, of each repeat the attempt counts from
    which others took least, and its verdict says what it is worth.
    """
    ordered = sorted(attempts, key=lambda trial: (trial.repeat, trial.attempt))
    quiet = {trial.repeat: trial for trial in ordered if not trial.disturbances}
    most_first = sorted(ordered, key=_taken, reverse=True)
    least = {trial.repeat: trial for trial in most_first}
    counted = tuple(quiet[repeat] for repeat in sorted(quiet)) or tuple(
        least[repeat] for repeat in sorted(least)
    )
    chosen = {id(trial) for trial in counted}
    return Choice(counted, tuple(trial for trial in ordered if id(trial) not in chosen))


def _taken(trial: TrialMeasure) -> float:
    return trial.use.taken_share if trial.use else 0.0
