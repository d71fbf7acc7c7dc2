"""Which predictions apply where, and that none beats the bound."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.predict import Prediction, lower_bound, predictions
from orchestrator.spec import Topology, load_topology
from tests.unit.placed import exchange_of
from tests.unit.predict.bounds.test_iteration import PUBLISHED, TOPOLOGIES
from tests.unit.predict.clusters import DEVICES, MODELS, Cluster, clusters, link, trunk
from workloads.models.devices import DeviceModel, known_devices
from workloads.models.profiles import Model, load_model


def shown(topology: Topology, name: str = "googlenet", batch: int = 1) -> dict[str, str]:
    """Every prediction in u, or why it does not apply."""
    model, devices = load_model(name), {**known_devices(), "d": DeviceModel("d", 0, 0, 0)}
    bound = lower_bound(exchange_of(topology), model, devices, batch)
    return {
        form.schedule: form.why_not or f"{bound.in_u(form.seconds or 0):.2f}"
        for form in predictions(exchange_of(topology), model, devices, batch)
    }


def load(name: str) -> Topology:
    return load_topology(Path(TOPOLOGIES / f"{name}.yaml"))


def test_the_published_topology() -> None:
    # C = 0.712 u, Cf = 0.237 u.
    assert shown(load(PUBLISHED)) == {
        "in turns, barrier (none)": "6.71",
        "worker priority, barrier": "4.71",
        "fine slices, FIFO": "3.26",
        "fine slices, layer order": "3.00",
        "whole tensors, FIFO": "3.70",
        "whole tensors, layer order": "3.48",
        "4 MB slices, FIFO": "3.69",
        "4 MB slices, layer order": "3.46",
        "160 KB slices, FIFO": "3.28",
        "160 KB slices, 4 flows": "3.07",
        "160 KB slices, layer order": "3.05",
    }


def test_mobilenet_waits_for_its_compute() -> None:
    rows = shown(load(PUBLISHED), "mobilenet")
    assert rows["in turns, barrier (none)"] == "13.95"
    assert {rows["fine slices, FIFO"], rows["fine slices, layer order"]} == {"7.95"}
    assert rows["whole tensors, FIFO"] == "7.96"


@pytest.mark.parametrize(
    ("name", "why_not"),
    [
        ("star", "switch0->worker0 is full with 1 of 4 workers"),
        ("two-rack-tree", "core->rack0 is full with 3 of 6 workers"),
    ],
)
def test_without_a_shared_bottleneck_nothing_applies(name: str, why_not: str) -> None:
    reasons = set(shown(load(name)).values())
    assert reasons == {f"no bottleneck that all workers share: {why_not}"}


def test_different_devices_are_not_in_step() -> None:
    slow = trunk(3, devices=("d", "published-worker-6-cores-2GHz"))
    assert set(shown(slow).values()) == {"the workers' devices differ, so they are not in step"}


def test_directions_of_different_rates_leave_the_simulations() -> None:
    rows = shown(trunk(2, back=500_000_000))
    why_not = "switch0->switch1 and switch1->switch0 are not equally fast"
    assert [rows.pop(name) for name in list(rows)[:4]] == [why_not] * 4
    # Pushes take two u of the slower direction.
    assert all(2 <= float(value) < 3 for value in rows.values())


def test_where_no_switch_orders_workers() -> None:
    # The parameter server's own link is the bottleneck: the port to the switch is a host's.
    server = trunk(3)
    links = (link("ps", "switch0", 10**9), *server.links[1:])
    rows = shown(replace(server, links=links))
    # The trunk behind it is as fast: the switch's ports there get no more than they can send.
    assert rows["worker priority, barrier"].startswith("no switch orders workers at ps->switch0")
    assert rows["in turns, barrier (none)"] == "6.00"


def test_where_one_worker_cannot_fill_the_bottleneck() -> None:
    shared = trunk(3)
    links = [*shared.links[:2], *(link("switch1", f"worker{n}", 4 * 10**8) for n in range(3))]
    rows = shown(replace(shared, links=tuple(links)))
    assert rows["worker priority, barrier"] == (
        "switch1->worker0 is slower than switch0->switch1: one worker cannot fill that"
    )


def applying(cluster: Cluster, model: Model, batch: int) -> list[Prediction]:
    known = predictions(exchange_of(cluster.topology), model, cluster.devices, batch)
    assert all((form.seconds is None) == bool(form.why_not) for form in known)
    return [form for form in known if form.seconds is not None]


@settings(max_examples=50, deadline=None)
@given(clusters(), MODELS, st.integers(1, 8))
def test_no_prediction_beats_the_bound_on_any_topology(
    cluster: Cluster, model: Model, batch: int
) -> None:
    bound = lower_bound(exchange_of(cluster.topology), model, cluster.devices, batch)
    for form in applying(cluster, model, batch):
        assert bound.seconds <= (form.seconds or 0) * (1 + 1e-6), form


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 6), MODELS, DEVICES)
def test_no_prediction_beats_the_bound_behind_a_trunk(
    workers: int, model: Model, device: DeviceModel
) -> None:
    cluster = Cluster(trunk(workers), {"d": device})
    bound = lower_bound(exchange_of(cluster.topology), model, cluster.devices, 1)
    forms = applying(cluster, model, 1)
    assert len(forms) == 11
    for form in forms:
        assert bound.seconds <= (form.seconds or 0) * (1 + 1e-6), form
        if form.schedule.endswith(("barrier", "(none)")):
            assert bound.barrier_seconds <= (form.seconds or 0) * (1 + 1e-9)
