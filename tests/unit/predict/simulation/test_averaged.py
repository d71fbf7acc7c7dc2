"""Iterations of which not all exchange: bounds and predictions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.predict import Case, demand_bound, expected
from orchestrator.spec import load_experiment
from orchestrator.spec.traffic.exchange_demands import on_average
from workloads.schedule.library import get_schedule
from workloads.schedule.schedule import Schedule

PUBLISHED = load_experiment(Path(__file__).parents[4] / "experiments/published.yaml")
CASE = Case.of(PUBLISHED, "resnet50")
ELASTIC: dict[str, Any] = {"averaging": "elastic", "alpha": 0.3, "beta": 0.9}
LOCAL: dict[str, Any] = {"averaging": "local"}


def seconds(schedule: Schedule) -> float:
    predicted = expected(schedule, CASE).seconds
    assert predicted is not None
    return predicted


@pytest.mark.parametrize("base", ["none", "p3", "switch-priority", "ring"])
@pytest.mark.parametrize("averaging", [LOCAL, ELASTIC])
def test_every_iteration_is_the_schedule_itself(base: str, averaging: dict[str, Any]) -> None:
    schedule = replace(get_schedule(base), every=1, **averaging)
    assert seconds(schedule) == pytest.approx(seconds(get_schedule(base)))


@pytest.mark.parametrize("base", ["none", "p3", "ring"])
def test_local_steps_add_their_compute(base: str) -> None:
    compute, whole = CASE.bound.compute_seconds, seconds(get_schedule(base))
    taken = seconds(replace(get_schedule(base), every=8, **LOCAL))
    assert 8 * taken == pytest.approx(whole + 7 * compute)


def test_elastic_averaging_hides_what_comes_behind_compute() -> None:
    compute, u = CASE.bound.compute_seconds, CASE.bound.u_seconds
    p3, none = get_schedule("p3"), get_schedule("none")
    # First links are busy all the time, then devices.
    assert seconds(replace(p3, every=4, **ELASTIC)) == pytest.approx(seconds(p3) / 4)
    assert seconds(replace(p3, every=9, **ELASTIC)) == pytest.approx(compute)
    # With a barrier pulls are hidden when compute outlasts them, and pushes as far as the backward
    # pass goes on, two thirds of the compute.
    assert 4 * seconds(replace(none, every=4, **ELASTIC)) == pytest.approx(seconds(none))
    exposed = 9 * seconds(replace(none, every=9, **ELASTIC)) - 9 * compute
    assert 3 * u - 2 / 3 * compute < exposed < 3 * u


@pytest.mark.parametrize("every", [1, 4, 10])
@pytest.mark.parametrize("base", ["none", "p3", "ring"])
@pytest.mark.parametrize("averaging", [LOCAL, ELASTIC])
def test_nothing_is_above_the_bound_of_the_bytes(
    base: str, every: int, averaging: dict[str, Any]
) -> None:
    demands = PUBLISHED.demands(base, "resnet50")
    bound = demand_bound(on_average(demands, every), CASE)
    if every > 1:
        most = max(bound.fullest[0].seconds, CASE.bound.compute_seconds)
        assert bound.seconds == pytest.approx(most)
    taken = seconds(replace(get_schedule(base), every=every, **averaging))
    assert taken >= bound.seconds * (1 - 1e-6)
