"""Iteration times where not every iteration exchanges (pure).

An exchange lies between the backward pass that gives and the forward pass that needs what comes;
nothing of another one overlaps with it, for that starts with a later backward pass.

- `local`: the next iteration needs it, so that the others of a round add their compute: with T of
  every step, C of compute and H iterations a round takes T + (H - 1) C.
- `elastic`: the next exchanging iteration needs it, so that it overlaps with what is computed up to
  there: max(T, H C). A step barrier stays: all wait for the pushes when they have given, and
  only the pulls overlap: max(T, (H - 1) C + T'), with T' as T if pulls took no time.
"""

from __future__ import annotations

from workloads.schedule.schedule import Schedule


def averaged_seconds(
    schedule: Schedule, every_step: float, compute: float, without_pulls: float | None = None
) -> float:
    """Seconds of an iteration, on average over a round.

    Args:
        schedule: that averages once in a while.
        every_step: seconds of an iteration that exchanges, as if all did.
        compute: forward and backward of the slowest worker.
        without_pulls: seconds of one that exchanges if parameters came in no time, where all wait
            for each other's gradients and then pull; None: they do not.
    """
    every = schedule.every or 1
    others = (every - 1) * compute
    if schedule.averaging == "local":
        return (every_step + others) / every
    if without_pulls is None:
        return max(every_step, compute + others) / every
    return max(every_step, others + without_pulls) / every
