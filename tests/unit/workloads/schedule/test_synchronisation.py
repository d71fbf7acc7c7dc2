"""Every synchronisation as a state machine: pushes in any order that it allows, to the end."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workloads.schedule.kinds import synchronisation_of
from workloads.schedule.paces import Paces, Turns
from workloads.schedule.synchronisation import (
    Action,
    Answer,
    Last,
    PerUnit,
    Release,
    StepBarrier,
    Synchronisation,
)


@dataclass
class World:
    """Workers that do what they are told as soon as they may, and pushes on their way.

    A worker pushes the units of an iteration in any order, once it has the parameters of all of
    them, and where workers take turns, once it has been released.
    """

    synchronisation: Synchronisation
    workers: int
    units: int
    choose: random.Random
    check: Callable[[World, Action], None]
    iterations: list[int] = field(init=False)  # that each has pushed
    answers: list[set[tuple[int, int]]] = field(init=False)  # unit and iteration
    released: list[int] = field(init=False)  # per worker, iterations
    coming: list[tuple[int, int, int]] = field(init=False)  # pushes: worker, unit, iteration
    applied: list[tuple[int, int, int]] = field(init=False)

    def __post_init__(self) -> None:
        self.iterations = [0] * self.workers
        self.answers = [set() for _ in range(self.workers)]
        self.released = [0] * self.workers
        self.coming = []
        self.applied = []

    def train(self) -> None:
        """Until nothing more can happen, which is when all is over."""
        self._carry_out(self.synchronisation.begin())
        while self.coming:
            assert not self.synchronisation.over
            worker, unit, iteration = self.coming.pop(self.choose.randrange(len(self.coming)))
            self.applied.append((worker, unit, iteration))
            if self.synchronisation.together:
                pushed = {one for one, *push in self.applied if push == [unit, iteration]}
                if len(pushed) < self.workers:
                    continue
            self._carry_out(self.synchronisation.applied(worker, unit, iteration))
        assert self.synchronisation.over
        assert self.synchronisation.last == [done - 1 for done in self.iterations]

    def _carry_out(self, actions: Iterable[Action]) -> None:
        for action in actions:
            self.check(self, action)
            if isinstance(action, Answer):
                for worker in action.workers:
                    assert self.synchronisation.may_start(worker, action.iteration)
                    assert (action.unit, action.iteration) not in self.answers[worker]
                    self.answers[worker].add((action.unit, action.iteration))
            elif isinstance(action, Release):
                for worker in action.workers:
                    assert self.released[worker] == action.iteration
                    self.released[worker] += 1
                    if self.synchronisation.asked:
                        assert self.synchronisation.may_start(worker, action.iteration)
                        pulled = {(unit, action.iteration) for unit in range(self.units)}
                        self.answers[worker] |= pulled
        for worker in range(self.workers):
            self._push(worker)

    def _push(self, worker: int) -> None:
        iteration = self.iterations[worker]
        if isinstance(self.synchronisation, Turns) and self.released[worker] <= iteration:
            return
        if all((unit, iteration) in self.answers[worker] for unit in range(self.units)):
            self.iterations[worker] += 1
            self.coming += [(worker, unit, iteration) for unit in range(self.units)]


WORKERS, UNITS, ITERATIONS = st.integers(1, 4), st.integers(1, 4), st.integers(1, 4)


def all_applied(world: World, before: int) -> bool:
    """Whether every worker's pushes of all iterations before one are applied."""
    return all(
        (worker, unit, iteration) in world.applied
        for worker in range(world.workers)
        for unit in range(world.units)
        for iteration in range(before)
    )


@given(WORKERS, UNITS, ITERATIONS, st.randoms(use_true_random=False))
def test_nobody_passes_a_step_barrier_early(
    workers: int, units: int, iterations: int, choose: random.Random
) -> None:
    def check(world: World, action: Action) -> None:
        assert isinstance(action, Release)
        assert action.workers == tuple(range(workers))
        assert all_applied(world, action.iteration)
        assert not world.synchronisation.may_start(0, action.iteration + 1)

    barrier = StepBarrier(workers, units, iterations)
    world = World(barrier, workers, units, choose, check)
    world.train()
    assert world.iterations == world.released == [iterations] * workers
    assert (barrier.finished, barrier.behind) == (iterations, None)


@given(WORKERS, UNITS, ITERATIONS, st.randoms(use_true_random=False))
def test_a_unit_is_answered_to_all_once_all_have_pushed_it(
    workers: int, units: int, iterations: int, choose: random.Random
) -> None:
    def check(world: World, action: Action) -> None:
        assert isinstance(action, Answer)
        assert action.workers == tuple(range(workers))
        pushes = {(worker, action.unit, action.iteration - 1) for worker in range(workers)}
        assert not action.iteration or pushes <= set(world.applied)
        assert not world.synchronisation.may_start(0, action.iteration + 1)

    world = World(PerUnit(workers, units, iterations), workers, units, choose, check)
    world.train()
    assert world.iterations == [iterations] * workers


bounded = given(
    WORKERS,
    UNITS,
    ITERATIONS,
    st.none() | st.integers(0, 3),
    st.randoms(use_true_random=False),
)
"""A test of how many workers, units and iterations, with which bound on staleness."""


@bounded
def test_no_worker_gets_further_ahead_than_its_bound(
    workers: int, units: int, iterations: int, bound: int | None, choose: random.Random
) -> None:
    told: list[Last] = []

    def check(world: World, action: Action) -> None:
        assert not isinstance(action, Release)
        if isinstance(action, Last):
            told.append(action)
            return
        assert action.iteration == 0 or len(action.workers) == 1
        assert bound is None or all_applied(world, action.iteration - bound)

    paces = Paces(workers, units, iterations, bound)
    world = World(paces, workers, units, choose, check)
    world.train()
    assert sorted(told) == [((worker,), last) for worker, last in enumerate(paces.last)]
    assert min(world.iterations) >= iterations
    assert paces.behind is not None
    assert sum(paces.behind.values()) == sum(world.iterations) * units
    if bound is not None:
        assert max(paces.behind) <= (workers - 1) * (2 * bound + 1)
        assert max(world.iterations) <= iterations + bound + 1


@bounded
def test_turns_come_in_order_and_one_ends_before_the_next_begins(
    workers: int, units: int, iterations: int, bound: int | None, choose: random.Random
) -> None:
    turns: list[tuple[int, int]] = []

    def check(world: World, action: Action) -> None:
        assert not isinstance(action, Last)
        if isinstance(action, Release):
            assert len(world.applied) == len(turns) * units
            (worker,) = action.workers
            turns.append((action.iteration, worker))

    world = World(Turns(workers, units, iterations, bound), workers, units, choose, check)
    world.train()
    assert turns == [(number, worker) for number in range(iterations) for worker in range(workers)]
    assert world.iterations == [iterations] * workers


@pytest.mark.parametrize(
    ("name", "more", "kind"),
    [
        ("step-barrier", {}, StepBarrier),
        ("per-tensor", {}, PerUnit),
        ("per-slice", {}, PerUnit),
        ("stale-synchronous", {"staleness": 2}, Paces),
        ("asynchronous", {}, Paces),
        ("asynchronous", {"turns": True}, Turns),
    ],
)
def test_what_schedules_may_choose(name: str, more: dict[str, int], kind: type) -> None:
    made = synchronisation_of(name, workers=2, units=1, iterations=9, **more)  # type: ignore[arg-type]
    assert type(made) is kind
    made.begin()
    assert made.together == (kind in (StepBarrier, PerUnit))
    # A worker that nobody holds back gets as far as its bound.
    ahead = next((i for i in range(9) if not made.may_start(0, i)), 9)
    assert ahead == {"stale-synchronous": 3, "asynchronous": 9}.get(name, 1)
