"""The lower bounds: figures worked out by hand, and what holds on every topology."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.predict import LowerBound, goodput_bps, lower_bound, no_overlap_seconds
from orchestrator.spec import Direction, Topology, load_topology
from tests.unit.placed import exchange_of
from tests.unit.predict.bounds.test_iteration import DEVICE, INSTANT, PUBLISHED, TOPOLOGIES
from tests.unit.predict.clusters import DEVICES, MODELS, Cluster, clusters, model, trunk
from workloads.models.devices import DeviceModel, known_devices
from workloads.models.profiles import Model, load_model

ALMOST = 1 + 1e-9


def published(name: str, batch: int = 1) -> LowerBound:
    topology = load_topology(TOPOLOGIES / f"{PUBLISHED}.yaml")
    return lower_bound(exchange_of(topology), load_model(name), known_devices(), batch)


@pytest.mark.parametrize(
    ("name", "imgs_per_sec"),
    [("alexnet", "0.483"), ("googlenet", "4.270"), ("inception3", "1.255"), ("resnet50", "1.169")],
)
def test_three_u_on_the_published_topology(name: str, imgs_per_sec: str) -> None:
    bound = published(name)
    assert bound.in_u(bound.seconds) == pytest.approx(3)
    assert f"{bound.imgs_per_sec(bound.seconds):.3f}" == imgs_per_sec
    # 4u and little more: the last layer's compute is small.
    assert 4 < bound.in_u(bound.barrier_seconds) < 4.05
    assert bound.forward_seconds == pytest.approx(bound.compute_seconds / 3)


def test_compute_bounds_mobilenet_and_large_batches() -> None:
    for bound in (published("mobilenet"), published("resnet50", 16)):
        assert bound.seconds == bound.compute_seconds > 3 * bound.u_seconds
    assert published("resnet50", 16).images == 48


def test_a_model_of_one_layer_overlaps_nothing() -> None:
    # One layer of 1 MB and 0.25 GMAC: C = 0.25 s, u = 8e6 bits at the goodput.
    device = {"d": DeviceModel("d", 0.0, 1.0, 0.0)}
    bound = lower_bound(exchange_of(trunk(4)), model((250_000, 250_000_000)), device, 1)
    u = 8e6 / goodput_bps(1e9)
    assert bound.compute_seconds == pytest.approx(0.25)
    assert bound.barrier_seconds == pytest.approx(5 * u + 0.25)
    assert bound.seconds == pytest.approx(0.25)


def test_two_layers_by_hand() -> None:
    # u = 4 s: layers of 1 and 3 s on the trunk; compute 3 and 6 s, a third of it forward.
    second = goodput_bps(1e9) / 8 / 4  # elements of one second
    device = {"d": DeviceModel("d", 0.0, 1.0, 0.0)}
    made = model((round(second), 3 * 10**9), (round(3 * second), 6 * 10**9))
    bound = lower_bound(exchange_of(trunk(2)), made, device, 1)
    assert bound.u_seconds == pytest.approx(4)
    assert bound.seconds == pytest.approx(9)
    # F = max(1 + 3, 4 + 2) = 6. The last layer's gradient leaves at 6 + 4; then two models of 4 s.
    # The other way: two models are pulled at 8, forward(2) is done at 10, and Z is
    # max(6 + 1, 4 + 4) = 8. Both give 18; 2nu + C is 25.
    assert bound.barrier_seconds == pytest.approx(18)


def test_the_slowest_worker_decides_without_a_barrier() -> None:
    devices = {"d": DeviceModel("d", 0.0, 1.0, 0.0), "slow": DeviceModel("slow", 0.0, 9.0, 0.0)}
    bound = lower_bound(
        exchange_of(trunk(3, devices=("d", "slow", "d"))), model((1000, 10**9)), devices, batch=2
    )
    assert bound.seconds == bound.compute_seconds == pytest.approx(18)
    assert bound.forward_seconds == pytest.approx(6)


def test_slow_links_of_one_worker_delay_it_under_a_barrier() -> None:
    links = list(trunk(2).links)
    slow = Direction(10**8, 0, 512 * 1024)
    links[-1] = replace(links[-1], forward=slow)
    bound = lower_bound(
        exchange_of(replace(trunk(2), links=tuple(links))),
        model((10**7, 0)),
        {"d": INSTANT[DEVICE]},
        1,
    )
    # u is that of the slow link: it pulls for a u, and then pushes over the trunk.
    assert bound.in_u(bound.seconds) == pytest.approx(1)
    assert bound.in_u(bound.barrier_seconds) == pytest.approx(1.1)


@settings(deadline=None)
@given(clusters(), MODELS, st.integers(1, 64))
def test_in_order(cluster: Cluster, made: Model, batch: int) -> None:
    topology, devices = cluster.topology, cluster.devices
    bound = lower_bound(exchange_of(topology), made, devices, batch)
    assert bound.seconds <= bound.barrier_seconds * ALMOST
    assert (
        bound.barrier_seconds
        <= no_overlap_seconds(exchange_of(topology), made, devices, batch) * ALMOST
    )
    assert 0 < bound.u_seconds <= bound.seconds


def faster(topology: Topology, factors: list[int]) -> Topology:
    """The rate of the n-th direction of a link times the n-th factor, and round again."""
    links = []
    for number, link in enumerate(topology.links):
        there, back = (
            replace(side, rate_bps=side.rate_bps * factors[(2 * number + n) % len(factors)])
            for n, side in enumerate((link.forward, link.reverse))
        )
        links.append(replace(link, forward=there, reverse=back))
    return replace(topology, links=tuple(links))


@settings(deadline=None)
@given(clusters(), MODELS, st.lists(st.integers(1, 20), min_size=1, max_size=9))
def test_faster_links_never_take_longer(cluster: Cluster, made: Model, factors: list[int]) -> None:
    slow = lower_bound(exchange_of(cluster.topology), made, cluster.devices, 1)
    fast = lower_bound(exchange_of(faster(cluster.topology, factors)), made, cluster.devices, 1)
    assert fast.seconds <= slow.seconds
    assert fast.barrier_seconds <= slow.barrier_seconds * ALMOST


@settings(deadline=None)
@given(clusters(), MODELS, st.integers(1, 128))
def test_in_u_the_scale_does_not_show(cluster: Cluster, made: Model, times: int) -> None:
    # Rates by R and compute by 1/R is a scale of R with D = 1/R in other units of time.
    quick = {
        name: replace(
            device,
            seconds_per_megabyte_of_parameters=device.seconds_per_megabyte_of_parameters / times,
            seconds_per_gmac=device.seconds_per_gmac / times,
            seconds_per_depthwise_layer=device.seconds_per_depthwise_layer / times,
        )
        for name, device in cluster.devices.items()
    }
    one = lower_bound(exchange_of(cluster.topology), made, cluster.devices, 1)
    other = lower_bound(exchange_of(faster(cluster.topology, [times])), made, quick, 1)
    assert other.in_u(other.seconds) == pytest.approx(one.in_u(one.seconds))
    assert other.in_u(other.barrier_seconds) == pytest.approx(one.in_u(one.barrier_seconds))


def strict_priority(workers: int, made: Model, device: DeviceModel, second: float) -> float:
    """Seconds of an iteration: worker after worker pulls in forward order, and pushes as soon as
    it can while those before it have nothing to push; `second` is that of a byte on the trunk."""
    ready: list[list[float]] = []
    arrived = 0.0
    for _ in range(workers):
        done = 0.0
        for layer in made.layers:
            arrived += layer.bytes * second
            done = max(done, arrived) + device.forward_seconds(layer, 1)
        ready.append([])
        for layer in reversed(made.layers):
            done += device.backward_seconds(layer, 1)
            ready[-1].append(done)
    # A schedule that is easy to tell: one worker's pushes after the other's.
    end = 0.0
    for times in ready:
        for begin, layer in zip(times, reversed(made.layers), strict=True):
            end = max(end, begin) + layer.bytes * second
    return end


@settings(deadline=None)
@given(st.integers(1, 5), MODELS, DEVICES)
def test_schedules_with_a_step_barrier_are_between_bound_and_closed_form(
    workers: int, made: Model, device: DeviceModel
) -> None:
    bound = lower_bound(exchange_of(trunk(workers)), made, {"d": device}, 1)
    taken = strict_priority(workers, made, device, bound.u_seconds / made.bytes)
    closed = (workers + 1) * bound.u_seconds + bound.compute_seconds
    assert bound.barrier_seconds <= taken * ALMOST
    assert taken <= closed * ALMOST
