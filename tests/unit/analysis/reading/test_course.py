"""When iterations ended -> how fast a training went."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from orchestrator.analysis.reading.course import Course

SECOND = 10**9


def course(
    done: Sequence[Sequence[float]] = (),
    releases: Sequence[tuple[float, float]] = (),
    *,
    warm_up: int = 1,
    iterations: int = 2,
    in_step: bool = False,
) -> Course:
    return Course(
        warm_up=warm_up,
        iterations=iterations,
        barrier=not done,
        in_step=in_step,
        releases=[(round(a * SECOND), round(b * SECOND)) for a, b in releases],
        done=[[round(end * SECOND) for end in ends] for ends in done],
    )


def test_from_release_to_release_with_a_barrier() -> None:
    made = course(releases=[(0, 9), (10, 12), (13, 16), (16, 99)], in_step=True)
    assert made.moments() == [10 * SECOND, 12 * SECOND, 16 * SECOND]
    assert made.iterations_per_sec(3) == pytest.approx(6 / 6)


def test_nothing_is_measured_before_the_first_measured_iteration_has_ended() -> None:
    assert course(releases=[(0, 9)], in_step=True).iterations_per_sec(3) is None
    assert course([[], []]).iterations_per_sec(2) is None
    assert course([[1], [2]]).iterations_per_sec(2) is None
    assert course([[1, 2], [2]]).window() is None


def test_workers_in_step_have_the_pace_of_the_slowest() -> None:
    made = course([[10, 12, 15], [11, 13, 14]], in_step=True)
    assert made.window() == (11 * SECOND, 15 * SECOND)
    assert made.iterations_per_sec(2) == pytest.approx(4 / 4)


def test_workers_with_paces_of_their_own_add_theirs_up() -> None:
    """A straggler's iteration takes 8 s, the other one's 2 s: not twice the straggler's pace."""
    fast = [3.0 + 2 * number for number in range(20)]
    made = course([fast, [8, 16, 24, 32]])
    assert made.window() == (8 * SECOND, 24 * SECOND)
    assert made.iterations_per_sec(2) == pytest.approx(1 / 2 + 1 / 8)


def test_of_an_iteration_across_an_end_the_part_inside_counts() -> None:
    # From 8 to 24 s: a quarter of the one from 0 to 16 is missing, half of that to 32 is too much.
    made = course([[0.5, 16.5, 32.5], [8.5, 16.5, 24.5]])
    assert made.iterations_per_sec(2) == pytest.approx((0.5 + 0.5 + 2) / 16)


def test_the_time_ends_with_the_first_worker_that_ends() -> None:
    """Records of a version in which a worker that had done its iterations waited for the others."""
    made = course([[1, 2, 3, 4], [3.5, 7, 10.5]])
    assert made.window() == (round(3.5 * SECOND), 4 * SECOND)
    assert made.iterations_per_sec(2) == pytest.approx((0.5 + 0.5 / 3.5) / 0.5)
    assert course([[1, 2, 3], [3.5, 7, 10.5]]).window() is None
