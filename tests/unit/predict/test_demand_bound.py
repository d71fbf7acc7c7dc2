"""The bound of demands, against sums by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.predict import Case, compute_seconds, demand_bound, goodput_bps
from orchestrator.spec import Demand, Demands, load_experiment

EXPERIMENT = load_experiment(Path(__file__).parents[3] / "experiments" / "own-exchange.yaml")
MODEL = "squeezenet"


def case_of(batch: int) -> Case:
    return Case.of(replace(EXPERIMENT, batch=batch), MODEL)


def test_the_fullest_link_is_busy_with_all_that_crosses_it() -> None:
    """Each worker sends two models and receives two, over its own link of 1 Gbit/s."""
    case = case_of(1)
    known = demand_bound(EXPERIMENT.demands("everyone", MODEL), case)
    seconds = 2 * case.model.bytes * 8 / goodput_bps(10**9)
    assert known.seconds == pytest.approx(seconds)
    assert known.imgs_per_sec == pytest.approx(3 / seconds)
    assert {str(load.port) for load in known.fullest} == {
        port for n in range(3) for port in (f"worker{n}->switch1", f"switch1->worker{n}")
    }


def test_a_measured_goodput_takes_the_place_of_the_rate() -> None:
    case = replace(case_of(1), goodputs={"worker0->switch1": 10**8})
    known = demand_bound(EXPERIMENT.demands("everyone", MODEL), case)
    assert known.seconds == pytest.approx(2 * case.model.bytes * 8 / 10**8)


def test_a_demand_the_other_way_does_not_add_up() -> None:
    case = case_of(1)
    two = [Demand("worker0", "worker1", 10**8), Demand("worker1", "worker0", 10**8)]
    known = demand_bound(Demands(EXPERIMENT.topology, tuple(two)), case)
    assert known.seconds == pytest.approx(8 * 10**8 / goodput_bps(10**9))


@pytest.mark.parametrize("schedule", ["alone", "everyone"])
def test_compute_limits_what_sends_nothing_or_computes_long(schedule: str) -> None:
    case = case_of(1 if schedule == "alone" else 64)
    (device,) = case.devices.values()
    known = demand_bound(EXPERIMENT.demands(schedule, MODEL), case)
    assert known.seconds == pytest.approx(compute_seconds(case.model, device, case.batch))
