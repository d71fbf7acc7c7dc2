"""Bounded staleness: which workers may start an iteration."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.workloads.in_process import model_of, train
from workloads.schedule.paces import Paces, Turns
from workloads.schedule.schedule import Schedule
from workloads.schedule.synchronisation import Answer, Last, Release


def test_asynchronous_workers_are_answered_at_once() -> None:
    paces = Paces(workers=2, units=1, bound=None, iterations=9, goes_on=True)
    assert paces.applied(0, 0, 0) == [Answer((0,), 0, 1)]
    assert paces.applied(0, 0, 1) == [Answer((0,), 0, 2)]
    assert paces.finished == 0
    assert paces.applied(1, 0, 0) == [Answer((1,), 0, 1)]
    assert paces.finished == 1
    # The second worker's parameters were two updates old, the others' were of the day.
    assert paces.behind == {0: 2, 2: 1}


def test_a_bound_holds_the_fast_worker_back_until_the_slow_one_has_finished() -> None:
    paces = Paces(workers=2, units=2, bound=1, iterations=9, goes_on=True)
    assert paces.applied(0, 0, 0) == [Answer((0,), 0, 1)]
    assert paces.applied(0, 1, 0) == [Answer((0,), 1, 1)]
    assert paces.applied(0, 0, 1) == []
    assert paces.applied(1, 0, 0) == [Answer((1,), 0, 1)]
    assert paces.applied(1, 1, 0) == [Answer((0,), 0, 2), Answer((1,), 1, 1)]
    assert paces.finished == 1


def test_with_a_bound_of_nothing_all_go_on_together() -> None:
    paces = Paces(workers=2, units=1, bound=0, iterations=9, goes_on=True)
    assert paces.applied(1, 0, 0) == []
    assert paces.applied(0, 0, 0) == [Answer((1,), 0, 1), Answer((0,), 0, 1)]
    assert paces.behind == {0: 1, 1: 1}


def test_a_fast_worker_goes_on_until_the_slow_one_has_done_its_iterations() -> None:
    paces = Paces(workers=2, units=1, bound=None, iterations=2, goes_on=True)
    assert list(paces.begin()) == [Answer((0, 1), 0, 0)]
    assert [list(paces.applied(0, 0, number)) for number in range(3)] == [
        [Answer((0,), 0, 1)],
        # Nobody else is short of its iterations any more, so the slow one need not go on.
        [Answer((0,), 0, 2), Last((1,), 1)],
        [Answer((0,), 0, 3)],
    ]
    assert paces.last == [None, 1]
    assert paces.applied(1, 0, 0) == [Answer((1,), 0, 1)]
    # The fast one ends what it has begun.
    assert list(paces.applied(1, 0, 1)) == [Last((0,), 3)]
    assert (paces.last, paces.over) == ([3, 1], False)
    assert paces.applied(0, 0, 3) == []
    assert paces.over


def test_what_was_begun_is_answered_to_its_end() -> None:
    paces = Paces(workers=2, units=2, bound=None, iterations=1, goes_on=True)
    assert paces.applied(0, 0, 0) == [Answer((0,), 0, 1)]
    assert paces.applied(1, 0, 0) == [Answer((1,), 0, 1)]
    assert paces.applied(1, 1, 0) == [Answer((1,), 1, 1), Last((0,), 1)]
    assert paces.last == [1, None]
    assert paces.applied(0, 1, 0) == [Answer((0,), 1, 1), Last((1,), 1)]
    assert paces.last == [1, 1]
    for worker in (0, 1):
        assert not paces.over
        assert [paces.applied(worker, unit, 1) for unit in (0, 1)] == [[], []]
    assert paces.over


def test_a_single_worker_knows_its_last_iteration_from_the_start() -> None:
    alone = Paces(workers=1, units=1, bound=None, iterations=2, goes_on=True)
    assert alone.begin() == [Answer((0,), 0, 0), Last((0,), 1)]
    assert alone.last == [1]


def test_workers_that_take_turns_push_one_after_the_other() -> None:
    turns = Turns(workers=2, units=2, iterations=2)
    assert list(turns.begin()) == [
        Answer((0, 1), 0, 0),
        Answer((0, 1), 1, 0),
        Release((0,), 0),
    ]
    assert turns.applied(0, 1, 0) == [Answer((0,), 1, 1)]
    assert turns.applied(0, 0, 0) == [Answer((0,), 0, 1), Release((1,), 0)]
    turns.applied(1, 0, 0)
    assert turns.applied(1, 1, 0) == [Answer((1,), 1, 1), Release((0,), 1)]
    assert [turns.applied(0, unit, 1) for unit in (0, 1)] == [[], [Release((1,), 1)]]
    assert [turns.applied(1, unit, 1) for unit in (0, 1)] == [[], []]
    assert (turns.over, turns.last) == (True, [1, 1])


def asynchronous(staleness: int | None) -> Schedule:
    return Schedule(
        name="mine",
        source="a test",
        order="generation",
        synchronisation="asynchronous" if staleness is None else "stale-synchronous",
        staleness=staleness,
    )


def test_a_straggler_makes_the_others_push_what_it_has_not_seen(tmp_path: Path) -> None:
    """It alone is behind: the others do more than all their iterations in its first one."""
    model = model_of([[250_000]])  # 1 MB, so that seconds per megabyte are its seconds
    slow = [0.02, 0.2]
    (end,) = train(
        tmp_path, model, asynchronous(None), workers=2, iterations=3, layer_seconds=slow
    )[-1:]
    assert max(map(int, end["staleness"])) > 3
    fast, behind = (done_by(tmp_path, worker) for worker in ("worker0", "worker1"))
    assert len(behind) == 3 < len(fast)
    # It trained into the slow one's last iteration, and everything that it pushed was counted. (It
    # may push its own last gradients while the slow one computes: it ends what it has begun.)
    assert fast[-1] >= behind[-2]
    assert end["payload_in"] == (len(fast) + len(behind)) * 1_000_000
    (end,) = train(tmp_path, model, asynchronous(0), workers=2, iterations=3, layer_seconds=slow)[
        -1:
    ]
    assert max(map(int, end["staleness"])) == 1


def done_by(folder: Path, worker: str) -> list[int]:
    lines = map(json.loads, (folder / f"{worker}.jsonl").read_text().splitlines())
    return [line["backward_done_ns"] for line in lines if line["event"] == "iteration"]


@pytest.mark.parametrize("staleness", [None, 0, 1, 9])
def test_it_ends_whatever_is_behind_whom(tmp_path: Path, staleness: int | None) -> None:
    """Several layers and a window: an end in the middle of anything leaves nobody waiting."""
    model = model_of([[25_000, 7], [], [50_000]])
    schedule = asynchronous(staleness)
    if staleness is None:
        schedule = replace(schedule, slice_bytes=16_384, window_bytes=32_768)
    end = train(tmp_path, model, schedule, iterations=2, layer_seconds=[0.01, 0.05, 0.01])[-1]
    done = [len(done_by(tmp_path, f"worker{number}")) for number in range(3)]
    assert min(done) >= 2
    # A worker may be one more than the staleness ahead of the slowest one's second.
    assert staleness is None or max(done) <= 2 + staleness + 1
    assert end["payload_in"] == end["payload_out"] == sum(done) * model.bytes
