"""How fast a training went, from when the workers' iterations began and ended.

One rule for the table, which sees all of a trial, and for the line that follows one as it runs.
It asks the workers alone, so a training without a parameter server has a figure as well. Times are
monotonic ns of this machine, so rates are the emulation's.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Course:
    """When the iterations of a trial began and ended, as far as it has come.

    Attributes:
        warm_up: iterations before the measured ones.
        iterations: measured ones.
        barrier: whether the workers wait for each other after every iteration.
        in_step: whether gradients of all workers are applied together, so that all have one pace.
        workers: per worker, begin and end of each iteration that it has ended. Workers that
            keep their own pace continue until the slowest has done its iterations.
    """

    warm_up: int
    iterations: int
    barrier: bool
    in_step: bool
    workers: Sequence[Sequence[tuple[int, int]]]

    def moments(self) -> list[int]:
        """When the first measured iteration began and when each of them ended; empty: not yet.

        With a step barrier, an iteration lasts from its release to the next one, or to the end of
        the training. A release is one event for all, and each worker learns of it a little later:
        the first one's time is the nearest.

        Without one, it lasts from the end of the slowest worker's backward pass in the iteration
        before to the same in its own. Then pulls for the first measured iteration come before it
        begins, and it takes a cool-down for the last one to meet such pulls as well.
        """
        of_all = min if self.barrier else max
        past = self.warm_up + self.iterations
        by_iteration = list(zip(*self.workers, strict=False))[:past]
        if not by_iteration:
            return []
        begin = of_all(begin for begin, _ in by_iteration[0])
        ends = [of_all(end for _, end in iteration) for iteration in by_iteration]
        return [begin, *ends][self.warm_up :]

    def window(self) -> tuple[int, int] | None:
        """The time that is measured; None: there is none yet.

        It ends no later than the last record of any worker that keeps its own pace: all
        workers must train in it.
        """
        moments = self.moments()
        if len(moments) < 2:
            return None
        begin, end = moments[0], moments[-1]
        if not self.in_step:
            end = min(end, *(worker[-1][1] for worker in self.workers))
        return (begin, end) if begin < end else None

    def images_per_sec(self, images: Sequence[int]) -> float | None:
        """Images per second, all workers together; None: there is no window yet.

        Where each worker keeps its own pace, this is the sum of what each did in the window; of an
        iteration that lies across an end of it, the part of its time that is inside counts.
        """
        window = self.window()
        if window is None:
            return None
        begin, end = window
        if self.in_step:
            count: float = sum(images) * (len(self.moments()) - 1)
        else:
            ends = [[end for _, end in worker] for worker in self.workers]
            count = sum(
                of_each * iterations_within(own, begin, end)
                for of_each, own in zip(images, ends, strict=True)
            )
        return count / ((end - begin) / 1e9)


def iterations_within(ends: Sequence[int], begin: int, end: int) -> float:
    """Iterations that a worker has done in a time, of those across its ends the parts inside.

    Args:
        ends: when each of its iterations ended.
        begin: of the time.
        end: of the time.
    """
    return _progress(ends, end) - _progress(ends, begin)


def _progress(ends: Sequence[int], moment: int) -> float:
    """Iterations that a worker has done at a moment, from the end of its first one on."""
    number = bisect_right(ends, moment)
    if number in (0, len(ends)):
        return float(number)
    before, after = ends[number - 1], ends[number]
    return number + (moment - before) / (after - before)
