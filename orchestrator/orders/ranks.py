"""The ranks that an order gives to the hosts: asked for once, and checked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.errors import RunError
from orchestrator.orders.order import Order, Setting
from orchestrator.plugins import users_code
from workloads.errors import raised_by
from workloads.schedule.schedule import Schedule

PULLED_ITERATIONS = 1000


class OrderError(RunError):
    """An order failed, or its answer is not an order.

    The message says which order, for which model, in which method, and why.
    """


@dataclass(frozen=True)
class Ranks:
    """An order, made out for a setting. Of ranks, the least goes first.

    Attributes:
        answers: per worker and unit; the parameter server's.
        pushes: per worker and unit.
        pulls: per worker, one or more permutations of all tensors, used in turn.
        turns: one worker after the other pushes.
        one_queue: the parameter server has one send queue for all workers (`Order.over_workers`).
            Where they take turns, each has its own all the same: in one, the word that it is the
            next one's turn would wait until what has been begun for the one before is sent.
    """

    answers: tuple[tuple[int, ...], ...]
    pushes: tuple[tuple[int, ...], ...]
    pulls: tuple[tuple[tuple[int, ...], ...], ...]
    turns: bool
    one_queue: bool


def ranks_of(order: Order, schedule: Schedule, setting: Setting, iterations: int) -> Ranks:
    """Ask an order for all that the hosts must know.

    Hosts that do not enforce the order send first in, first out.

    Raises:
        OrderError: a method raised, or did not return one number per unit or a permutation.
    """
    try:
        return _ranks_of(order, schedule, setting, iterations)
    except _Refused as refused:
        where = f"order {schedule.order!r}, {setting.model.name}"
        raise OrderError(f"{where}: {refused}") from refused.__cause__


class _Refused(Exception):
    """What is wrong with a method's answer."""


def _ranks_of(order: Order, schedule: Schedule, setting: Setting, iterations: int) -> Ranks:
    workers = range(len(setting.workers))
    first_in = (0,) * len(setting.units)
    if schedule.at_host:
        answers = [_asked(order, "answers", setting, worker) for worker in workers]
        pushes = [_asked(order, "pushes", setting, worker) for worker in workers]
        # Compared with each other, in one queue or not, so all of them together.
        dense_answers = _dense(answers)
        dense_pushes = tuple(_dense([ranks])[0] for ranks in pushes)
    else:
        dense_answers = dense_pushes = (first_in,) * len(workers)
    pulls: tuple[tuple[tuple[int, ...], ...], ...] = ((),) * len(workers)
    if setting.barrier:
        if order.steady:
            _check_steady(order, setting)
        asked = 1 if order.steady else min(iterations, PULLED_ITERATIONS)
        pulls = tuple(
            tuple(_permutation(order, setting, worker, iteration) for iteration in range(asked))
            for worker in workers
        )
    turns = order.turns and not schedule.bulk_synchronous
    one_queue = order.over_workers and setting.shared and not turns
    return Ranks(dense_answers, dense_pushes, pulls, turns, one_queue)


def _check_steady(order: Order, setting: Setting) -> None:
    """See that an order which is asked once would not answer otherwise in the next iteration."""
    if _permutation(order, setting, 0, 0) != _permutation(order, setting, 0, 1):
        raise _Refused(
            "pulls() differs between iterations 0 and 1, and is asked for iteration 0 only: say "
            "`steady = False` in the class"
        )


def _call(order: Order, method: str, *asked: object) -> list[Any]:
    try:
        with users_code():
            answer = getattr(order, method)(*asked)
            if answer is None:
                raise _Refused(f"{method}() returned None, and no numbers (is a return missing?)")
            return list(answer)
    except _Refused:
        raise
    except (Exception, SystemExit) as error:
        raised = raised_by(getattr(type(order), method), error)
        raise _Refused(f"{method}() raised {raised}") from error


def _asked(order: Order, method: str, setting: Setting, worker: int) -> list[float]:
    units = len(setting.units)
    ranks = _call(order, method, setting, worker)
    if len(ranks) != units:
        raise _Refused(
            f"{method}() returned {len(ranks)} ranks for {units} units (one for each of "
            "`setting.units`)"
        )
    for number, rank in enumerate(ranks):
        if isinstance(rank, bool) or not _is_number(rank):
            raise _Refused(f"{method}() returned {rank!r} for unit {number}, which is no number")
    return [float(rank) for rank in ranks]


def _is_number(rank: Any) -> bool:
    try:
        return not isinstance(rank, str) and math.isfinite(rank)
    except (TypeError, ValueError, OverflowError):
        return False


def _dense(rows: Sequence[Sequence[float]]) -> tuple[tuple[int, ...], ...]:
    """The same order in whole numbers from 0, equal where they are equal."""
    places = {rank: place for place, rank in enumerate(sorted({r for row in rows for r in row}))}
    return tuple(tuple(places[rank] for rank in row) for row in rows)


def _permutation(order: Order, setting: Setting, worker: int, iteration: int) -> tuple[int, ...]:
    tensors = len(setting.model.tensors)
    answer = _call(order, "pulls", setting, worker, iteration)
    try:
        numbers = tuple(int(number) for number in answer)
    except (TypeError, ValueError, OverflowError):
        numbers = ()
    if sorted(numbers) != list(range(tensors)):
        raise _Refused(
            f"pulls() must return every number from 0 to {tensors - 1} once, one per tensor; "
            f"it returned {len(answer)} values"
        )
    return numbers
