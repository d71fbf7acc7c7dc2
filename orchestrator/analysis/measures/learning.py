"""What a training learned: loss and held-out accuracy against the real system's time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from orchestrator.analysis.reading.records import Trial

Points = Sequence[tuple[float, float]]
"""Seconds of the real system since `training_began`, and a value, ascending in time."""


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


def training_began(trial: Trial) -> int:
    """When the training began: the last worker began its first iteration (monotonic ns).

    It is the same event under every schedule: all processes have started and are connected, and
    nothing has been exchanged. A step barrier lets all workers begin there. Without one a worker
    begins its first iteration once it has started itself, and waits for those that still start.
    """
    return max(own[0].started_ns for own in trial.worker_iterations)


def learnt(trial: Trial) -> Learnt | None:
    """What a trial learned; None: its gradients were made up."""
    earlier = max((server.end.earlier_ns or 0 for server in trial.servers), default=0)
    began = training_began(trial) - earlier
    second = 1e9 * trial.trial.scale.time
    losses = []
    for iteration in zip(*trial.worker_iterations, strict=False):
        worker_losses = [one.loss for one in iteration if one.loss is not None]
        if len(worker_losses) < len(iteration):
            return None
        losses.append(
            ((max(one.ended_ns for one in iteration) - began) / second, fmean(worker_losses))
        )
    accuracies = tuple(
        # A worker that has its own parameters looks at them when it has started itself.
        (max(earlier, one.at_ns - began) / second, one.accuracy)
        for one in trial.evaluations
    )
    return Learnt(tuple(losses), accuracies, _target(trial, accuracies))


def _target(trial: Trial, accuracies: Points) -> float | None:
    """The accuracy that is looked for; None: none is, or it was reached before records begin."""
    target, resumed = trial.trial.target_accuracy, trial.trial.resumed_after
    if target is None or not resumed:
        return target
    timed = all(server.end.earlier_ns is not None for server in trial.servers)
    return target if timed and accuracies and accuracies[0][1] < target else None
