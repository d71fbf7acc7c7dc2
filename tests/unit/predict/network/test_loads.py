"""How long each directed link is busy."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from orchestrator.predict import fullest, goodput_bps, server_loads
from orchestrator.spec import load_topology
from tests.unit.placed import exchange_of
from tests.unit.predict.bounds.test_iteration import TOPOLOGIES
from tests.unit.predict.clusters import Cluster, clusters, trunk

BYTES = 10**8
U = BYTES * 8 / goodput_bps(1e9)


def test_a_link_carries_the_model_once_for_every_worker_behind_it() -> None:
    by_port = {
        str(load.port): (load.direction, len(load.workers), round(load.seconds / U, 6))
        for load in server_loads(exchange_of(trunk(3)), BYTES)
    }
    assert by_port["ps->switch0"] == ("pull", 3, 0.3)
    assert by_port["switch0->switch1"] == ("pull", 3, 3.0)
    assert by_port["switch1->worker2"] == ("pull", 1, 1.0)
    assert by_port["switch1->switch0"] == ("push", 3, 3.0)
    assert len(by_port) == 10


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ps-10g-1g-3workers", ["switch0->switch1", "switch1->switch0"]),
        ("two-rack-tree", ["core->rack0", "core->rack1", "rack0->core", "rack1->core"]),
    ],
)
def test_the_fullest_are_all_that_are_equal(name: str, expected: list[str]) -> None:
    loads = server_loads(exchange_of(load_topology(TOPOLOGIES / f"{name}.yaml")), BYTES)
    assert [str(load.port) for load in fullest(loads)] == expected


def test_directions_have_rates_of_their_own() -> None:
    (full,) = fullest(server_loads(exchange_of(trunk(2, back=250_000_000)), BYTES))
    assert (str(full.port), full.direction) == ("switch1->switch0", "push")
    assert full.seconds == pytest.approx(8 * U)


def test_a_measured_goodput_takes_the_place_of_the_rate() -> None:
    loads = server_loads(exchange_of(trunk(2)), BYTES, {"switch0->switch1": 400e6})
    (full,) = fullest(loads)
    assert (str(full.port), full.goodput_bps) == ("switch0->switch1", 400e6)
    assert full.seconds == pytest.approx(2 * BYTES * 8 / 400e6)


@settings(deadline=None)
@given(clusters())
def test_no_port_carries_both_pulls_and_pushes(cluster: Cluster) -> None:
    loads = server_loads(exchange_of(cluster.topology), BYTES)
    assert len({load.port for load in loads}) == len(loads)
    for direction in ("pull", "push"):
        at_server = [
            load
            for load in loads
            if load.direction == direction and "ps" in (load.port.node, load.port.peer)
        ]
        (load,) = at_server
        assert load.workers == exchange_of(cluster.topology).workers
