"""Which bound a row has: of whole models, of any aggregation, or of what is sent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.predict import Case, allreduce_times, compute_seconds, expected, row_bound
from orchestrator.predict.row_bound import most_of
from orchestrator.spec import load_experiment
from workloads.schedule.library import SCHEDULES, get_schedule
from workloads.schedule.schedule import Schedule

PUBLISHED = load_experiment(Path(__file__).parents[3] / "experiments" / "published.yaml")


def case(model: str = "alexnet", batch: int = 1) -> Case:
    return Case.of(replace(PUBLISHED, batch=batch), model)


def in_u(schedule: Schedule, made: Case) -> float:
    known = row_bound(schedule, made)
    assert known is not None
    return made.bound.in_u(made.bound.images / known.imgs_per_sec)


@pytest.mark.parametrize(
    ("schedule", "of", "u"),
    [
        ("none", "whole models", 3.0),
        ("p3", "whole models", 3.0),
        ("ring", "any aggregation", 4 / 3),  # of the workers alone
        ("ring-bucketed", "any aggregation", 4 / 3),
        ("split", "any aggregation", 1.2),  # the server helps
        ("fp16", "what is sent", 1.5),
        ("q8", "what is sent", 0.75),
        ("top-k-1pct", "what is sent", 3.0),  # pulls are whole
    ],
)
def test_bounds_of_rows_on_the_published_topology(schedule: str, of: str, u: float) -> None:
    made = case()
    known = row_bound(get_schedule(schedule), made)
    assert known is not None
    assert known.of == of
    assert in_u(get_schedule(schedule), made) == pytest.approx(u, rel=1e-3)


def test_compute_limits_any_aggregation() -> None:
    made = case(batch=200)
    (device,) = made.devices.values()
    compute = compute_seconds(made.model, device, 200)
    assert in_u(get_schedule("split"), made) == pytest.approx(made.bound.in_u(compute))


def test_one_exchange_in_many_iterations() -> None:
    made = case()
    (device,) = made.devices.values()
    compute = made.bound.in_u(compute_seconds(made.model, device, 1))
    twice = replace(get_schedule("ring"), name="twice", averaging="local", every=2)
    assert in_u(twice, made) == pytest.approx(2 / 3)
    often = replace(twice, every=100)
    assert in_u(often, made) == pytest.approx(compute)


@pytest.mark.parametrize("model", ["alexnet", "resnet50"])
def test_no_prediction_is_above_its_bound(model: str) -> None:
    made = case(model)
    predicted = 0
    for schedule in SCHEDULES:
        bound = row_bound(schedule, made)
        seconds = expected(schedule, made).seconds
        if bound is None or seconds is None:
            continue
        predicted += 1
        assert made.bound.imgs_per_sec(seconds) <= bound.imgs_per_sec * (1 + 1e-6), schedule.name
        assert bound.imgs_per_sec <= most_of(SCHEDULES, made)
    assert predicted > 15


def test_a_ring_has_the_bound_of_an_all_reduce() -> None:
    made = case("resnet50")
    times = allreduce_times(made)
    assert times is not None
    assert in_u(get_schedule("ring"), made) == pytest.approx(made.bound.in_u(times.seconds))


def test_what_is_not_known_has_no_bound() -> None:
    mine = Schedule("mine", "", exchange="own:Mine")
    assert row_bound(mine, case()) is None
    servers = Schedule("servers", "", servers=2)  # one is placed
    assert row_bound(servers, case()) is None
    assert most_of([mine], case()) == case().bound.imgs_per_sec(case().bound.seconds)
