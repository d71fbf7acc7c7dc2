"""Workers with batches of their own: bounds, compute and totals."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.predict import (
    compute_seconds,
    lower_bound,
    no_overlap_seconds,
    own_paces,
    worker_devices,
)
from orchestrator.spec import Experiment, load_experiment
from workloads.models.devices import known_devices
from workloads.models.profiles import load_model

ROOT = Path(__file__).parents[3]
MODEL = load_model("mobilenet")  # whose compute takes longer than its bytes
DEVICES = known_devices()


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    """The published one, its second worker with four images in place of one."""
    loaded = load_experiment(ROOT / "experiments/published.yaml")
    hosts = (
        replace(host, batch=4) if host.name == "worker1" else host for host in loaded.topology.hosts
    )
    return replace(loaded, topology=replace(loaded.topology, hosts=tuple(hosts)))


def test_the_slowest_is_the_one_with_most_images(experiment: Experiment) -> None:
    exchange = experiment.exchange
    (device,) = DEVICES.values()
    one, four = (compute_seconds(MODEL, device, batch) for batch in (1, 4))
    assert [
        compute_seconds(MODEL, each, 1) for each in worker_devices(exchange, DEVICES).values()
    ] == [one, four, one]
    bound = lower_bound(exchange, MODEL, DEVICES, 1)
    assert bound.images == exchange.images(1) == 6
    assert bound.compute_seconds == pytest.approx(four)
    assert bound.imgs_per_sec(2.0) == 3.0
    all_four = replace(
        exchange,
        topology=replace(
            exchange.topology,
            hosts=tuple(replace(host, batch=4) for host in exchange.topology.hosts),
        ),
    )
    assert no_overlap_seconds(exchange, MODEL, DEVICES, 1) == pytest.approx(
        no_overlap_seconds(all_four, MODEL, DEVICES, 1)
    )


def test_workers_that_do_not_wait_count_their_own_images(experiment: Experiment) -> None:
    (device,) = DEVICES.values()
    # Compute bounds each: images per second are the same, whatever an iteration has.
    most = own_paces(experiment.exchange, MODEL, DEVICES, 1)
    assert most == pytest.approx(3 / compute_seconds(MODEL, device, 1), rel=0.01)


def test_it_is_kept_in_the_plan_and_only_where_there_is_one(experiment: Experiment) -> None:
    record = json.loads(json.dumps(experiment.to_json()))
    back = Experiment.from_resolved(record)
    assert back.own_batches == experiment.own_batches == {"worker1": 4}
    hosts = {host["name"]: host for host in record["topology"]["hosts"]}
    assert hosts["worker1"]["batch"] == 4
    assert "batch" not in hosts["worker0"]
