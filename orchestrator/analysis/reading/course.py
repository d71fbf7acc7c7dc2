"""How fast a training went, from the moments at which its iterations ended.

One rule for the table, which sees all of a trial, and for the line that follows one as it goes on.
Times are monotonic ns of this machine, so rates are the emulation's.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Course:
    """When the iterations of a trial ended, as far as it has come.

    Attributes:
        warm_up: iterations before the measured ones.
        iterations: measured ones.
        barrier: whether the workers wait for each other after every iteration.
        in_step: whether gradients of all workers are applied together, so that all have one pace.
        releases: of every iteration that the parameter server has ended: its release and the next.
        done: without a barrier: per worker, when each of its backward passes was done. Workers with
            paces of their own go on until the slowest has done its iterations.
    """

    warm_up: int
    iterations: int
    barrier: bool
    in_step: bool
    releases: Sequence[tuple[int, int]]
    done: Sequence[Sequence[int]]

    def moments(self) -> list[int]:
        """When the first measured iteration began and when each of them ended; empty: not yet.

        From release to release; without a step barrier, from the end of the slowest worker's
        backward pass in one iteration to the same in the next. Then pulls for the first measured
        iteration come before it begins, and it takes a cool-down for the last one to meet such
        pulls as well.
        """
        past = self.warm_up + self.iterations
        if self.barrier:
            measured = self.releases[self.warm_up : past]
            return [measured[0][0], *(end for _, end in measured)] if measured else []
        slowest = [max(ends) for ends in zip(*self.done, strict=False)][:past]
        if self.warm_up:
            return slowest[self.warm_up - 1 :]
        return [self.releases[0][0], *slowest] if self.releases else []

    def window(self) -> tuple[int, int] | None:
        """The time that is measured; None: there is none yet.

        It ends no later than the last record of a worker that has a pace of its own: all of them
        must train in it.
        """
        moments = self.moments()
        if len(moments) < 2:
            return None
        begin, end = moments[0], moments[-1]
        if not self.in_step:
            end = min(end, *(ends[-1] for ends in self.done))
        return (begin, end) if begin < end else None

    def iterations_per_sec(self, workers: int) -> float | None:
        """Iterations per second, all workers together; None: there is no window yet.

        Where workers have paces of their own this is the sum of what each did in the window; of an
        iteration that lies across an end of it, the part of its time that is inside counts.
        """
        window = self.window()
        if window is None:
            return None
        begin, end = window
        if self.in_step:
            count: float = workers * (len(self.moments()) - 1)
        else:
            count = sum(_progress(ends, end) - _progress(ends, begin) for ends in self.done)
        return count / ((end - begin) / 1e9)


def _progress(ends: Sequence[int], moment: int) -> float:
    """Iterations that a worker has done at a moment, from the end of its first one on."""
    number = bisect_right(ends, moment)
    if number in (0, len(ends)):
        return float(number)
    before, after = ends[number - 1], ends[number]
    return number + (moment - before) / (after - before)
