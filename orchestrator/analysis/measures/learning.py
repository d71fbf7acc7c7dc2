"""What a training learned: loss and held-out accuracy against the real system's time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from orchestrator.analysis.reading.records import Trial

Points = Sequence[tuple[float, float]]
"""Seconds of the real system since the first iteration began, and a value, ascending in time."""


@dataclass(frozen=True)
class Learnt:
    """What a training learned, warm-up and cool-down included: they train as well.

    Attributes:
        losses: of each iteration, at its end: mean over the workers' batches.
        accuracies: of the parameters that the first worker had; share of the held-out data.
        target: accuracy that was asked for; None: none was.
    """

    losses: Points
    accuracies: Points
    target: float | None = None

    @property
    def final_loss(self) -> float:
        """Of the last iteration."""
        return self.losses[-1][1]

    @property
    def accuracy(self) -> float | None:
        """At the last look; None: there is no held-out data."""
        return self.accuracies[-1][1] if self.accuracies else None

    @property
    def seconds_to_target(self) -> float | None:
        """When an evaluation first reached the target; None: none did, or there is no target."""
        if self.target is None:
            return None
        reached = (second for second, accuracy in self.accuracies if accuracy >= self.target)
        return next(reached, None)


def learnt(trial: Trial) -> Learnt | None:
    """What a trial learned; None: its gradients were made up."""
    began = min(own[0].started_ns for own in trial.worker_iterations)
    second = 1e9 * trial.trial.scale.time
    losses = []
    for iteration in zip(*trial.worker_iterations, strict=False):
        worker_losses = [one.loss for one in iteration if one.loss is not None]
        if len(worker_losses) < len(iteration):
            return None
        losses.append(
            ((max(one.ended_ns for one in iteration) - began) / second, fmean(worker_losses))
        )
    return Learnt(
        tuple(losses),
        tuple(((one.at_ns - began) / second, one.accuracy) for one in trial.evaluations),
        # How long it took before it was stopped is not in its records.
        None if trial.trial.resumed_after else trial.trial.target_accuracy,
    )
