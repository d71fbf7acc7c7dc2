"""Workers at paces of their own."""

from __future__ import annotations

from pathlib import Path

from tests.unit.workloads.in_process import model_of, train
from workloads.schedules import Schedule
from workloads.staleness import Answer, Paces


def test_asynchronous_workers_are_answered_at_once() -> None:
    paces = Paces(workers=2, units=1, bound=None)
    assert paces.applied(0, 0, 0) == [Answer(0, 0, 1)]
    assert paces.applied(0, 0, 1) == [Answer(0, 0, 2)]
    assert paces.finished == 0
    assert paces.applied(1, 0, 0) == [Answer(1, 0, 1)]
    assert paces.finished == 1
    # The second worker's parameters were two updates old, the others' were of the day.
    assert paces.behind == {0: 2, 2: 1}


def test_a_bound_holds_the_fast_worker_back_until_the_slow_one_has_finished() -> None:
    paces = Paces(workers=2, units=2, bound=1)
    assert paces.applied(0, 0, 0) == [Answer(0, 0, 1)]
    assert paces.applied(0, 1, 0) == [Answer(0, 1, 1)]
    assert paces.applied(0, 0, 1) == []
    assert paces.applied(1, 0, 0) == [Answer(1, 0, 1)]
    assert paces.applied(1, 1, 0) == [Answer(0, 0, 2), Answer(1, 1, 1)]
    assert paces.finished == 1


def test_with_a_bound_of_nothing_all_go_on_together() -> None:
    paces = Paces(workers=2, units=1, bound=0)
    assert paces.applied(1, 0, 0) == []
    assert paces.applied(0, 0, 0) == [Answer(1, 0, 1), Answer(0, 0, 1)]
    assert paces.behind == {0: 1, 1: 1}


def asynchronous(staleness: int | None) -> Schedule:
    return Schedule(
        name="mine",
        source="a test",
        order="generation",
        synchronisation="asynchronous" if staleness is None else "stale-synchronous",
        staleness=staleness,
    )


def test_a_straggler_makes_the_others_push_what_it_has_not_seen(tmp_path: Path) -> None:
    """It alone is behind: the others finish all their iterations in its first one."""
    model = model_of([[250_000]])  # 1 MB, so that seconds per megabyte are its seconds
    slow = [0.0, 0.6]
    (end,) = train(
        tmp_path, model, asynchronous(None), workers=2, iterations=3, layer_seconds=slow
    )[-1:]
    assert max(map(int, end["staleness"])) == 3
    (end,) = train(tmp_path, model, asynchronous(0), workers=2, iterations=3, layer_seconds=slow)[
        -1:
    ]
    assert max(map(int, end["staleness"])) == 1
