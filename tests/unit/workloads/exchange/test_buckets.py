"""Which tensors are fused, and which bucket may go."""

from __future__ import annotations

from tests.unit.workloads.in_process import model_of
from workloads.exchange.buckets import Buckets, fused
from workloads.schedule.units import Layout

# Tensors of 40, 400, 80, 120 and 200 bytes in three layers.
LAYOUT = Layout(model_of([[10, 100], [], [20, 30], [50]]), 1, 1)


def tensors(bucket_bytes: int) -> list[list[int]]:
    return [[unit.tensor for unit in units] for units in fused(LAYOUT, bucket_bytes)]


def test_gradients_are_fused_as_they_come() -> None:
    assert tensors(1) == [[4], [2], [3], [0], [1]]
    assert tensors(200) == [[4], [2, 3], [0, 1]]
    assert tensors(250) == [[4, 2], [3, 0, 1]]
    assert tensors(10_000) == [[4, 2, 3, 0, 1]]


def test_a_bucket_goes_when_it_is_complete_and_after_those_before_it() -> None:
    buckets = Buckets(LAYOUT, 200)
    unit = LAYOUT.units
    assert buckets.given(unit[2]) == []
    assert buckets.given(unit[3]) == []  # the first bucket has not gone
    went = buckets.given(unit[4])
    assert [([one.tensor for one in units], number) for units, number in went] == [
        ([4], 0),
        ([2, 3], 0),
    ]
    assert buckets.given(unit[0]) == []
    assert [units for units, _ in buckets.given(unit[1])] == [(unit[0], unit[1])]
    (again,) = buckets.given(unit[4])
    assert again.round == 1


def test_a_window_of_less_than_a_bucket_lets_one_go_at_a_time() -> None:
    buckets = Buckets(LAYOUT, 200, window_bytes=1)
    unit = LAYOUT.units
    went = [going for number in (4, 2, 3, 0, 1) for going in buckets.given(unit[number])]
    assert [units for units, _ in went] == [(unit[4],)]
    ((units, number),) = buckets.back(unit[4])
    assert (units, number) == ((unit[2], unit[3]), 0)
    # The next round's is complete, and waits for all that is before it.
    assert buckets.given(unit[4]) == []
    assert buckets.back(unit[3]) == []
    assert [going.round for going in buckets.back(unit[2])] == [0]
    assert buckets.back(unit[0]) == []
    assert buckets.back(unit[1]) == [((unit[4],), 1)]


def test_a_wider_window_lets_one_more_go_than_fits() -> None:
    buckets = Buckets(LAYOUT, 1, window_bytes=250)
    went = [going for number in (4, 2, 3) for going in buckets.given(LAYOUT.units[number])]
    assert len(went) == 2
