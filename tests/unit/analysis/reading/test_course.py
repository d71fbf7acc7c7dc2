"""When workers' iterations began and ended -> how fast a training went."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest

from orchestrator.analysis.reading.course import Course

SECOND = 10**9


def course(
    ends: Sequence[Sequence[float]],
    *,
    begins: Sequence[float] = (),
    warm_up: int = 1,
    iterations: int = 2,
    barrier: bool = False,
    in_step: bool = False,
) -> Course:
    """Workers whose iterations ended then; the first ones began at 0 s, or when `begins` says."""
    moments = [
        [round(second * SECOND) for second in (begin, *own)]
        for begin, own in zip(begins or [0.0] * len(ends), ends, strict=True)
    ]
    return Course(
        warm_up=warm_up,
        iterations=iterations,
        barrier=barrier,
        in_step=in_step,
        workers=[list(pairwise(own)) for own in moments],
    )


def test_with_a_barrier_a_release_is_when_the_first_worker_learns_of_it() -> None:
    ends = [[9.0, 10.5, 14.0, 99], [9.5, 10.25, 15.0, 98], [8.5, 11.5, 14.5, 97]]
    made = course(ends, barrier=True, in_step=True)
    assert made.moments() == [8.5 * SECOND, 10.25 * SECOND, 14 * SECOND]
    # Two iterations of three workers in 5.5 s; what warm-up and cool-down took counts for nothing.
    assert made.images_per_sec([1] * len(made.workers)) == pytest.approx(6 / 5.5)


def test_without_a_cool_down_the_last_one_lasts_to_the_end_of_the_training() -> None:
    made = course([[9, 10.5, 14], [9.5, 10.25, 15]], barrier=True, in_step=True)
    assert made.window() == (9 * SECOND, 14 * SECOND)
    assert made.images_per_sec([1] * len(made.workers)) == pytest.approx(4 / 5)


@pytest.mark.parametrize(("barrier", "begin"), [(True, 1), (False, 2)])
def test_without_a_warm_up_it_begins_with_the_first_release(barrier: bool, begin: int) -> None:
    made = course([[3, 5], [4, 7]], begins=[1, 2], warm_up=0, barrier=barrier, in_step=True)
    assert made.moments()[0] == begin * SECOND


def test_nothing_is_measured_before_the_first_measured_iteration_has_ended() -> None:
    assert course([[9], [9]], barrier=True, in_step=True).images_per_sec([1, 1]) is None
    assert course([[], []]).images_per_sec([1, 1]) is None
    assert course([[1], [2]]).images_per_sec([1, 1]) is None
    assert course([[1, 2], [2]]).window() is None


def test_as_a_training_goes_on_what_all_have_ended_counts() -> None:
    made = course([[1, 3, 5], [1, 3]], barrier=True, in_step=True)
    assert made.images_per_sec([1] * len(made.workers)) == pytest.approx(2 / 2)


def test_workers_in_step_have_the_pace_of_the_slowest() -> None:
    made = course([[10, 12, 15], [11, 13, 14]], in_step=True)
    assert made.window() == (11 * SECOND, 15 * SECOND)
    assert made.images_per_sec([1] * len(made.workers)) == pytest.approx(4 / 4)


def test_workers_with_paces_of_their_own_add_theirs_up() -> None:
    """A straggler's iteration takes 8 s, the other one's 2 s: not twice the straggler's pace."""
    fast = [3.0 + 2 * number for number in range(20)]
    made = course([fast, [8, 16, 24, 32]])
    assert made.window() == (8 * SECOND, 24 * SECOND)
    assert made.images_per_sec([1] * len(made.workers)) == pytest.approx(1 / 2 + 1 / 8)


def test_of_an_iteration_across_an_end_the_part_inside_counts() -> None:
    # From 8 to 24 s: a quarter of the one from 0 to 16 is missing, half of that to 32 is too much.
    made = course([[0.5, 16.5, 32.5], [8.5, 16.5, 24.5]])
    assert made.images_per_sec([1] * len(made.workers)) == pytest.approx((0.5 + 0.5 + 2) / 16)


def test_the_time_ends_with_the_first_worker_that_ends() -> None:
    """Records of a version in which a worker that had done its iterations waited for the others."""
    made = course([[1, 2, 3, 4], [3.5, 7, 10.5]])
    assert made.window() == (round(3.5 * SECOND), 4 * SECOND)
    assert made.images_per_sec([1] * len(made.workers)) == pytest.approx((0.5 + 0.5 / 3.5) / 0.5)
    assert course([[1, 2, 3], [3.5, 7, 10.5]]).window() is None
