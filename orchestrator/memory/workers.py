"""How many arrays of the size of a model's parameters a worker holds."""

from __future__ import annotations

from workloads.library import HYBRID, RING, SPLIT
from workloads.schedule.schedule import Schedule


def worker_arrays(schedule: Schedule, states: int) -> int:
    """Arrays of the parameters' size that a worker holds all the time.

    Its parameters and its gradient; in a ring sums that come as well, and without a server a state
    of its own; where workers train parameters of their own, these, and their optimizer's state.

    Args:
        schedule: under which.
        states: of the optimizer.
    """
    arrays = 2
    if schedule.exchange in (RING, SPLIT):
        arrays = 3 + states
    elif schedule.exchange == HYBRID:
        arrays = 3
    return arrays + (2 + states if schedule.averages else 0)
