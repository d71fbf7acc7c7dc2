"""Sweeps: the points of an experiment, and topologies of other rates and numbers of workers."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.emulation.network.addresses import cables
from orchestrator.spec import (
    Experiment,
    Host,
    Placement,
    Scale,
    Sweep,
    conditions,
    load_any,
    load_topology,
)
from orchestrator.spec.sweep import with_rate, with_workers
from tests.unit.placed import placement_on

ROOT = Path(__file__).parents[3]
GOOD = ROOT / "tests/golden/good"
PUBLISHED = load_topology(ROOT / "topologies/ps-10g-1g-3workers.yaml")
TREE = load_topology(ROOT / "topologies/two-rack-tree.yaml")


def loaded(name: str) -> Experiment:
    experiment = load_any(GOOD / f"{name}.yaml")
    assert isinstance(experiment, Experiment)
    return experiment


def test_points_of_the_batch_keep_their_order_and_the_topology() -> None:
    whole = loaded("sweep-batch")
    points = whole.points()
    assert [(point.label, point.value) for point in points] == [
        ("batch-16", 16),
        ("batch-1", 1),
        ("batch-4", 4),
    ]
    assert [point.experiment.batch for point in points] == [16, 1, 4]
    # One topology, and with it one remembered calibration.
    assert {point.experiment.topology for point in points} == {whole.topology}
    assert all(point.experiment.sweep is None for point in points)


def test_points_of_the_rate_change_both_directions_of_one_link() -> None:
    first, second = loaded("sweep-rate").points()
    assert (first.label, second.label) == ("rate-100M", "rate-2.5G")
    trunk, other = second.experiment.topology.links
    assert (trunk.forward.rate_bps, trunk.reverse.rate_bps) == (2.5e9, 2.5e9)
    assert (other.forward.rate_bps, other.reverse.rate_bps) == (1e9, 1e9)
    assert second.experiment.topology.name == "small-rate-2.5G"


def test_an_experiment_without_a_sweep_has_no_points() -> None:
    assert loaded("experiment").points() == ()


def test_every_point_has_a_digest_of_its_own_and_the_sweep_too() -> None:
    whole = loaded("sweep-batch")
    points = [point.experiment.with_scale(Scale()) for point in whole.points()]
    assert len({*(point.digest() for point in points), whole.digest()}) == 4


def test_the_topologys_own_value_is_the_topology_itself() -> None:
    trunk = ("switch0", "switch1")
    for sweep, value in ((Sweep("workers", (3,)), 3), (Sweep("rate", (10**9,), trunk), 10**9)):
        assert conditions(sweep, value, PUBLISHED, placement_on(PUBLISHED), 1).topology == PUBLISHED


@pytest.mark.parametrize(
    ("value", "label", "text"),
    [
        (10**10, "rate-10G", "10 Gbit/s"),
        (155_520_000, "rate-155.52M", "155.52 Mbit/s"),
        (999, "rate-999", "999 bit/s"),
    ],
)
def test_rates_are_written_exactly(value: int, label: str, text: str) -> None:
    sweep = Sweep("rate", (value,), ("a", "b"))
    assert (sweep.label(value), sweep.text(value)) == (label, text)


def test_fewer_workers_are_the_first_ones() -> None:
    one, placed = with_workers(TREE, placement_on(TREE), 1)
    assert placed == Placement(("ps",), ("worker0",))
    gone = set(placement_on(TREE).workers[1:])
    assert not any(gone.intersection(link.endpoints) for link in one.links)
    assert one.switches == TREE.switches
    assert len(one.links) == len(TREE.links) - len(gone)


def test_more_workers_are_copies_of_the_last_one() -> None:
    many, placed = with_workers(PUBLISHED, placement_on(PUBLISHED), 16)
    assert placed == Placement(("ps",), tuple(f"worker{n}" for n in range(16)))
    last, new = PUBLISHED.host("worker2"), many.host("worker15")
    assert (new.device, new.cores, new.memory_bytes) == (last.device, last.cores, last.memory_bytes)
    rates = {link.endpoints: link.forward for link in many.links}
    assert rates["switch1", "worker15"] == rates["switch1", "worker2"]
    # Interface names stay within Linux's limit, and no two are alike.
    devices = [device for cable in cables(many) for device in cable.devices]
    assert len(set(devices)) == len(devices)
    assert all(len(device) <= 15 for device in devices)


@pytest.mark.parametrize(
    ("names", "copies"),
    [
        (("gpu", "cpu"), ("cpu0", "cpu1")),
        (("node1", "node10"), ("node0", "node2")),
        (("A" * 63,), ("A" * 62 + "0", "A" * 62 + "1")),
        (("GPU-eth_a.1", "GPU-eth_a.0"), ("GPU-eth_a.2", "GPU-eth_a.3")),
        (("core",), ("core0", "core2")),
    ],
)
def test_copies_do_not_collide(names: tuple[str, ...], copies: tuple[str, ...]) -> None:
    first = PUBLISHED.links[2]
    topology = type(PUBLISHED)(
        "t",
        "",
        (PUBLISHED.host("ps"), *(Host(name, "d") for name in names)),
        ("core1",),
        tuple(type(first)(("core1", end), first.forward, first.reverse) for end in ("ps", *names)),
    )
    many, placed = with_workers(topology, Placement(("ps",), names), len(names) + 2)
    assert placed.workers == (*names, *copies)
    assert {host.name for host in many.hosts} == {"ps", *names, *copies}


def test_a_link_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="no link worker0 - ps"):
        with_rate(PUBLISHED, ("worker0", "ps"), 10**9)
