"""How often workers average what they have, and what of it (pure).

Under `every-step` the mean gradient of all workers changes the parameters of all. Under the others
each worker trains parameters of its own, with the experiment's optimizer, and all exchange once in
`every` iterations:

- `local`: the parameters of all become their mean, or an outer step (plain, or Nesterov's) goes in
  that direction;
- `elastic`: a centre x that all share and each worker's x_i attract each other: both from the same
  old values, x_i -= alpha (x_i - x), and x += beta (mean x_i - x).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from workloads.schedule.schedule import Schedule

AveragingName = Literal["every-step", "local", "elastic"]

EVERY_STEP: AveragingName = "every-step"

Averaged = tuple[str | float | None, ...]
"""An averaging with all that is said of it."""

DETAILS = ("every", "alpha", "beta", "outer_learning_rate", "outer_momentum")
"""Choices that say more of an averaging, which is a choice with them."""

_OF_ELASTIC = ("alpha", "beta")
_OF_LOCAL = ("outer_learning_rate", "outer_momentum")


@dataclass(frozen=True)
class Rounds:
    """Which iterations exchange: the last one of each round.

    A last round that is shorter exchanges too, so that what all have computed is in the result.

    Attributes:
        iterations: of a training, from 0.
        every: iterations of a round.
    """

    iterations: int
    every: int

    @property
    def count(self) -> int:
        """How many rounds there are."""
        return -(-self.iterations // self.every)

    def of(self, iteration: int) -> int:
        """The round of an iteration."""
        return iteration // self.every

    def first(self, number: int) -> int:
        """The first iteration of a round, which begins with what the round before has brought."""
        return number * self.every

    def last(self, number: int) -> int:
        """The last iteration of a round, which exchanges; a worker may go on after a training's."""
        end = self.first(number + 1)
        return (min(end, self.iterations) if number < self.count else end) - 1

    def begins(self, iteration: int) -> bool:
        """Whether an iteration is the first one of a round."""
        return not iteration % self.every

    def exchanges(self, iteration: int) -> bool:
        """Whether an iteration exchanges."""
        return self.last(self.of(iteration)) == iteration


def contradictions(schedule: Schedule) -> Iterator[tuple[bool, str]]:
    """What may be wrong with the averaging of a schedule: whether it is, and why."""
    averaging, every = schedule.averaging, schedule.every
    yield (
        (every is None) != (averaging == EVERY_STEP),
        "every: goes with averaging 'local' or 'elastic', and only with them",
    )
    yield every is not None and every < 1, f"every: must be at least 1, found {every}"
    for kind, keys in (("elastic", _OF_ELASTIC), ("local", _OF_LOCAL)):
        for key in keys:
            yield (
                getattr(schedule, key) is not None and averaging != kind,
                f"{key}: goes with averaging '{kind}', and only with it",
            )
    for key in _OF_ELASTIC:
        yield (
            averaging == "elastic" and getattr(schedule, key) is None,
            f"{key}: missing, but averaging is 'elastic'",
        )
    yield (
        averaging != EVERY_STEP and not schedule.bulk_synchronous,
        "averaging: takes the mean of all workers, so that all must be in step: "
        f"synchronisation cannot be '{schedule.synchronisation}'",
    )
    for key in (*_OF_ELASTIC, "outer_learning_rate"):
        value = getattr(schedule, key)
        yield value is not None and not value > 0, f"{key}: must be above 0, found {value}"
    momentum = schedule.outer_momentum
    yield (
        momentum is not None and not 0 <= momentum < 1,
        f"outer_momentum: must be at least 0, and below 1, found {momentum}",
    )
    alpha, beta = schedule.alpha, schedule.beta
    if alpha is not None and beta is not None:
        yield beta >= 2, f"beta: must be below 2, or the centre itself diverges, found {beta}"
        yield (
            alpha >= 2 - beta,
            f"alpha: must be below 2 - beta = {2 - beta:g}, or workers and centre swing apart even "
            f"without gradients, found {alpha:g}",
        )


def stable_alpha(learning_rate: float, beta: float, curvature: float = 1.0) -> float:
    """Below which alpha workers and centre converge on a quadratic, exchanging every iteration.

    With y = mean x_i both steps are linear, [[1 - eta h - alpha, alpha], [beta, 1 - beta]]; its
    eigenvalues are within the unit circle exactly below this.

    Args:
        learning_rate: eta, of plain SGD.
        beta: the centre's part.
        curvature: h.
    """
    return (2 - learning_rate * curvature) * (2 - beta) / 2


def instability(schedule: Schedule, learning_rate: float) -> str:
    """Why an elastic averaging may diverge, in a line; empty: it need not on a curvature of 1."""
    if schedule.alpha is None or schedule.beta is None:
        return ""
    limit = stable_alpha(learning_rate, schedule.beta)
    if schedule.alpha < limit:
        return ""
    return (
        f"{schedule.name}: alpha {schedule.alpha:g} is not below {max(limit, 0):.3g}, above which "
        f"elastic averaging diverges on a quadratic of curvature 1 at learning_rate "
        f"{learning_rate:g}: (2 - learning_rate)(2 - beta)/2"
    )
