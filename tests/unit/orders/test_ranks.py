"""The ranks that hosts receive, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from orchestrator.orders import ORDERS, Order, OrderError, Ranks, incompatibility, ranks_of
from tests.unit.orders.settings import setting_for
from workloads.schedule.library import SCHEDULES, get_schedule
from workloads.schedule.schedule import Schedule

P3 = get_schedule("p3")
TIC = get_schedule("tic")


def ranks(name: str, iterations: int = 1) -> Ranks:
    schedule = get_schedule(name)
    return ranks_of(ORDERS[schedule.order], schedule, setting_for(schedule), iterations)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: schedule.name)
def test_the_named_schedules_have_orders_that_fit(schedule: Schedule) -> None:
    assert not incompatibility(schedule, ORDERS[schedule.order])


@pytest.mark.parametrize(
    ("name", "answers", "pushes"),
    [
        ("none", ((0, 0), (0, 0)), (0, 0)),
        ("switch-priority", ((0, 0), (0, 0)), (0, 0)),
        ("staggered-workers", ((0, 0), (1, 1)), (0, 0)),
        ("tic", ((0, 0), (0, 0)), (0, 0)),
        ("fifo", ((0, 0), (0, 0)), (0, 0)),
        ("r2sp", ((0, 0), (1, 1)), (0, 0)),
        ("p3", ((0, 1, 1), (0, 1, 1)), (0, 1, 1)),
        ("planned-order", ((0, 1, 1), (0, 1, 1)), (2, 0, 1)),
    ],
)
def test_ranks(name: str, answers: tuple[tuple[int, ...], ...], pushes: tuple[int, ...]) -> None:
    asked = ranks(name)
    assert asked.answers == answers
    assert asked.pushes == (pushes, pushes)


@pytest.mark.parametrize(
    ("name", "turns", "one_queue"),
    [
        ("none", False, False),
        ("p3", False, False),
        ("planned-order", False, True),
        ("staggered-workers", False, True),
        ("r2sp", True, False),
    ],
)
def test_turns_and_queues(name: str, turns: bool, one_queue: bool) -> None:
    asked = ranks(name)
    assert (asked.turns, asked.one_queue) == (turns, one_queue)


def test_workers_that_share_no_limit_have_queues_of_their_own() -> None:
    schedule = get_schedule("planned-order")
    order, setting = ORDERS[schedule.order], setting_for(schedule, shared=False)
    apart = ranks_of(order, schedule, setting, 1)
    assert not apart.one_queue
    assert (apart.answers, apart.pushes) == (
        ranks(schedule.name).answers,
        ranks(schedule.name).pushes,
    )


def test_a_random_order_is_another_one_in_every_iteration_and_on_every_worker() -> None:
    schedule = get_schedule("none")
    setting = setting_for(schedule, [[10]] * 50)
    drawn = ranks_of(ORDERS["random"], schedule, setting, 3).pulls
    assert [len(pulls) for pulls in drawn] == [3, 3]
    assert len({pull for pulls in drawn for pull in pulls}) == 6
    assert drawn == ranks_of(ORDERS["random"], schedule, setting, 3).pulls


def test_a_steady_order_is_asked_for_once() -> None:
    assert ranks("tic", iterations=9).pulls == (((0, 1),), ((0, 1),))


def test_an_order_that_is_not_as_steady_as_it_says_is_refused() -> None:
    class Turning(Order):
        def pulls(self, setting: Any, worker: int, iteration: int) -> list[int]:
            return [iteration % 2, 1 - iteration % 2]

    with pytest.raises(OrderError, match=r"differs between iterations 0 and 1.*`steady = False`"):
        ranks_of(Turning(), TIC, setting_for(TIC), 1)
    Turning.steady = False
    assert ranks_of(Turning(), TIC, setting_for(TIC), 2).pulls == (((0, 1), (1, 0)),) * 2


def test_only_the_order_of_the_ranks_matters() -> None:
    class Odd(Order):
        def pushes(self, setting: Any, worker: int) -> list[float]:
            return [2.5, float(-worker), 2.5]

    assert ranks_of(Odd(), P3, setting_for(P3), 1).pushes == ((1, 0, 1), (1, 0, 1))


def answering(method: str, answer: Any) -> Order:
    def body(*_: Any) -> Any:
        if isinstance(answer, BaseException):
            raise answer
        return answer

    order: Order = type("Wrong", (Order,), {method: body})()
    return order


@pytest.mark.parametrize(
    ("schedule", "method", "answer", "message"),
    [
        (P3, "pushes", [1, 2], "pushes() returned 2 ranks for 3 units (one for each of `setting"),
        (P3, "answers", [], "answers() returned 0 ranks for 3 units"),
        (P3, "pushes", [1, "2", 3], "pushes() returned '2' for unit 1, which is no number"),
        (P3, "pushes", [1, None, 3], "pushes() returned None for unit 1, which is no number"),
        (P3, "pushes", [1, float("nan"), 3], "pushes() returned nan for unit 1, which is no"),
        (P3, "pushes", 5, "pushes() raised TypeError: 'int' object is not iterable"),
        (P3, "pushes", None, "pushes() returned None, and no numbers (is a return missing?)"),
        (P3, "pushes", KeyError("x"), "pushes() raised KeyError: 'x' (test_ranks.py, line "),
        (P3, "answers", SystemExit(0), "answers() raised SystemExit: 0"),
        (P3, "pushes", [1, 10**400, 3], "for unit 1, which is no number"),
        (TIC, "pulls", [0], "pulls() must return every number from 0 to 1 once"),
        (TIC, "pulls", [0, 0], "pulls() must return every number from 0 to 1 once"),
        (TIC, "pulls", ["a", "b"], "pulls() must return every number from 0 to 1 once"),
        (TIC, "pulls", [0, float("inf")], "pulls() must return every number from 0 to 1 once"),
    ],
)
def test_wrong_answers(schedule: Schedule, method: str, answer: Any, message: str) -> None:
    with pytest.raises(OrderError) as caught:
        ranks_of(answering(method, answer), schedule, setting_for(schedule), 1)
    assert str(caught.value).startswith(f"order {schedule.order!r}, made-up: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("choices", "why"),
    [
        ({"order": "layer"}, "place: hosts enforce an order by 'layer'; say `place: host`"),
        (
            {"order": "random", "place": "host"},
            "place: 'random' is an order that hosts do not enforce; leave `place` out",
        ),
        ({"order": "tic", "place": "host", **{"synchronisation": "per-tensor"}}, "order: 'tic' is"),
        ({"order": "layer-worker", "place": "host"}, "order: 'layer-worker' is one of pushes"),
        ({"order": "generation"}, "order: 'generation' is one of pushes"),
        ({"synchronisation": "per-tensor"}, "order: 'random' is one of pulls"),
        (
            {"order": "planned", "place": "host", "synchronisation": "asynchronous"},
            "order: 'planned' is one of all workers' pushes together; say `sync",
        ),
        (
            {
                "order": "planned",
                "place": "both",
                "switch_order": "layer",
                "flows": 2,
                "synchronisation": "per-tensor",
            },
            "order: 'planned' is one of all workers' pushes together, but flows overtake",
        ),
    ],
)
def test_misfits(choices: dict[str, Any], why: str) -> None:
    schedule = Schedule(name="odd", source="a test", **choices)
    assert incompatibility(schedule, ORDERS[schedule.order]).startswith(why)


def test_an_order_of_ones_own_needs_no_method_at_all() -> None:
    class Mine(Order):
        pass

    pushes: Sequence[int] = ranks_of(Mine(), P3, setting_for(P3), 1).pushes[0]
    assert pushes == (0, 1, 1)
