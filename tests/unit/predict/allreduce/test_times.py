"""Iterations with an all-reduce, against sums by hand and a queue that is played through."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.predict import AllreduceTimes, Case, allreduce_times, compute_seconds
from orchestrator.spec import load_experiment
from tests.unit.placed import exchange_of
from tests.unit.predict.clusters import MODELS, Cluster, clusters
from workloads.models.profiles import Model

EXPERIMENT = load_experiment(Path(__file__).parents[4] / "experiments" / "published.yaml")


def times_of(case: Case) -> AllreduceTimes:
    known = allreduce_times(case)
    assert known is not None
    return known


@pytest.mark.parametrize(
    ("model", "imgs_per_sec"),
    [("alexnet", 1.087), ("googlenet", 9.607), ("inception3", 2.823), ("resnet50", 2.631)],
)
def test_a_ring_on_the_published_topology(model: str, imgs_per_sec: float) -> None:
    """Three images in 4u/3: counted on a worker's link, with compute hidden."""
    case = Case.of(EXPERIMENT, model)
    known = times_of(case)
    assert 3 / known.ring_seconds == pytest.approx(imgs_per_sec, rel=1e-3)
    assert known.seconds == pytest.approx(4 / 3 * case.bound.u_seconds)


def test_compute_that_takes_longer_is_the_bound() -> None:
    case = Case.of(EXPERIMENT, "mobilenet")
    (device,) = case.devices.values()
    compute = compute_seconds(case.model, device, 1)
    known = times_of(case)
    assert known.seconds == known.ring_seconds == known.best_ring_seconds
    assert known.seconds == pytest.approx(compute)
    assert known.seconds < known.barrier_seconds < compute * 1.01


def test_one_worker_has_nothing_to_sum() -> None:
    case = Case.of(EXPERIMENT, "alexnet")
    alone = replace(case.exchange, workers=("worker1",))
    assert allreduce_times(replace(case, exchange=alone)) is None


def play(case: Case, model: Model, seconds_per_byte: float) -> float:
    """When the last gradient is through: layers queue as the slowest worker makes them."""
    workers = [case.devices[host.device] for host in case.exchange.hosts if host.device]
    clocks = [sum(d.forward_seconds(layer, case.batch) for layer in model.layers) for d in workers]
    through = 0.0
    for layer in reversed(model.layers):
        clocks = [
            clock + device.backward_seconds(layer, case.batch)
            for clock, device in zip(clocks, workers, strict=True)
        ]
        through = max(through, *clocks) + layer.bytes * seconds_per_byte
    return through


@settings(deadline=None, max_examples=80)
@given(clusters(), MODELS, st.integers(1, 64))
def test_bounds_are_bounds(cluster: Cluster, model: Model, batch: int) -> None:
    exchange = exchange_of(cluster.topology)
    case = Case(exchange, model, cluster.devices, batch)
    known = allreduce_times(case)
    if known is None:
        assert len(exchange.workers) == 1
        return
    ring = known.network.ring.seconds
    assert known.ring_barrier_seconds == pytest.approx(play(case, model, ring / model.bytes))
    most = 1 + 1e-9
    assert known.seconds <= known.barrier_seconds * most
    assert known.barrier_seconds <= known.ring_barrier_seconds * most
    assert known.seconds <= known.best_ring_seconds * most
    assert known.best_ring_seconds <= known.ring_seconds * most
