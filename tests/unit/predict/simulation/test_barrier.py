"""The simulated iteration with a step barrier: small cases by hand, and its bound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings

from orchestrator.predict import goodput_bps, lower_bound, server_loads
from orchestrator.predict.simulation.barrier import barrier_seconds, computations, network_of
from orchestrator.spec import Topology
from tests.unit.placed import exchange_of
from tests.unit.predict.clusters import MODELS, Cluster, clusters, model, trunk
from workloads.models.devices import DeviceModel
from workloads.models.profiles import Layer, Model, Tensor, chained


def iteration(
    topology: Topology,
    made: Model,
    devices: Mapping[str, DeviceModel],
    *,
    by_worker: bool = False,
    backwards: bool = False,
    turns: Sequence[int] | None = None,
) -> float:
    order = range(len(made.tensors))
    orders = [order[::-1] if backwards else order] * len(exchange_of(topology).workers)
    loads = server_loads(exchange_of(topology), made.bytes)
    network = network_of(exchange_of(topology), loads, by_worker=by_worker, turns=turns)
    return barrier_seconds(
        made, computations(exchange_of(topology), made, devices, 1), network, orders
    )


RATE = 10**9
U = 4 * 10**6 * 8 / goodput_bps(RATE)  # of a million elements
# Forward 1 s and backward 2 s per 1e9 multiply-accumulates.
DEVICE = {"d": DeviceModel("d", 0.0, 3.0, 0.0)}


def test_one_layer_overlaps_nothing() -> None:
    for workers in (1, 3):
        taken = iteration(trunk(workers, RATE), model((10**6, 10**9)), DEVICE)
        assert taken == pytest.approx(2 * workers * U + 3)


def test_layers_without_tensors_are_computed_and_wait_for_none() -> None:
    parts = (Layer("a", 10**9, ()), Layer("b", 10**9, (Tensor("b.w", (10**6,)),)))
    made = Model("made", "", chained(parts))
    # The first layer is computed while the second one's parameters come; the backward pass of the
    # first goes on while those gradients leave.
    after = max(2.0, U)
    assert iteration(trunk(1, RATE), made, DEVICE) == pytest.approx(max(1, U) + 1 + 2 + after)
    bare = Model("made", "", chained(parts[::-1]))
    assert iteration(trunk(1, RATE), bare, DEVICE) == pytest.approx(U + 1 + 1 + 2 + 2 + U)


def test_priority_lets_one_worker_push_while_the_next_one_pulls() -> None:
    for workers in (1, 3):
        topology = trunk(workers, RATE)
        taken = iteration(topology, model((10**6, 0)), DEVICE, by_worker=True)
        assert taken == pytest.approx((workers + 1) * U)
        # The others' compute hides behind the last one's pull, the last one's behind nothing.
        taken = iteration(topology, model((10**6, 10**9)), DEVICE, by_worker=True)
        assert taken == pytest.approx((workers + 1) * U + 3)


def test_the_forward_pass_follows_the_pulls_and_pushes_follow_the_backward_pass() -> None:
    topology, two = trunk(1, RATE), model((10**6, 10**9), (10**6, 10**9))
    # Pulled at U and 2U, computed 1 s each from U on: 2 s are more than U. Backward 2 s each, and
    # the first layer's push comes last.
    assert pytest.approx(U + 2 + 4 + U) == iteration(topology, two, DEVICE)
    # The first layer comes last: both are computed after all is there.
    assert pytest.approx(2 * U + 2 + 4 + U) == iteration(topology, two, DEVICE, backwards=True)


def test_where_links_of_workers_are_full_priority_changes_nothing() -> None:
    made = model((10**6, 10**9))
    wide = trunk(3, RATE)
    trunk_link = wide.links[1]
    fast = type(trunk_link.forward)(10 * RATE, 0, 512 * 1024)
    links = (*wide.links[:1], type(trunk_link)(trunk_link.endpoints, fast, fast), *wide.links[2:])
    wide = type(wide)(wide.name, "", wide.hosts, wide.switches, links)
    for by_worker in (False, True):
        taken = iteration(wide, made, DEVICE, by_worker=by_worker)
        assert taken == pytest.approx(2 * U + 3)


def test_answers_in_turn() -> None:
    for turns in ((0, 1, 2), (2, 0, 1)):
        taken = iteration(trunk(3, RATE), model((10**6, 0)), DEVICE, turns=turns)
        assert taken == pytest.approx(4 * U)
    taken = iteration(trunk(1, RATE), model((10**6, 0)), DEVICE, turns=(0,))
    assert taken == pytest.approx(2 * U)


@settings(deadline=None, max_examples=60)
@given(cluster=clusters(), made=MODELS)
def test_no_iteration_is_below_its_bound(cluster: Cluster, made: Model) -> None:
    bound = lower_bound(exchange_of(cluster.topology), made, cluster.devices, 1)
    for by_worker in (False, True):
        for backwards in (False, True):
            taken = iteration(
                cluster.topology, made, cluster.devices, by_worker=by_worker, backwards=backwards
            )
            assert taken >= bound.barrier_seconds * (1 - 1e-6)
