"""Where a topology is full first, in each direction."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.predict import bottleneck, first_worker_bps, is_shared
from orchestrator.spec import load_topology
from orchestrator.spec.sweep import with_workers
from tests.unit.placed import exchange_of, placement_on
from tests.unit.predict.clusters import with_rate

ROOT = Path(__file__).parents[4]


def ports(file: Path, direction: str) -> tuple[list[str], int]:
    assert direction in ("pull", "push")
    limit = bottleneck(exchange_of(load_topology(file)), "pull" if direction == "pull" else "push")
    return [str(port) for port in limit.ports], limit.rate_bps


@pytest.mark.parametrize(
    ("name", "direction", "expected", "rate_bps"),
    [
        ("ps-10g-1g-3workers", "pull", ["switch0->switch1"], 10**9),
        ("ps-10g-1g-3workers", "push", ["switch1->switch0"], 10**9),
        ("two-rack-tree", "pull", ["core->rack0", "core->rack1"], 2 * 10**9),
        ("star", "push", [f"worker{n}->switch0" for n in range(4)], 4 * 10**9),
    ],
)
def test_shipped_topologies(name: str, direction: str, expected: list[str], rate_bps: int) -> None:
    assert ports(ROOT / f"topologies/{name}.yaml", direction) == (expected, rate_bps)


@pytest.mark.parametrize(
    ("name", "shared"), [("ps-10g-1g-3workers", True), ("two-rack-tree", False), ("star", False)]
)
def test_a_link_that_all_workers_share(name: str, shared: bool) -> None:
    topology = load_topology(ROOT / f"topologies/{name}.yaml")
    assert is_shared(exchange_of(topology), "pull") is shared
    assert is_shared(exchange_of(topology), "push") is shared
    assert is_shared(exchange_of(with_workers(topology, placement_on(topology), 1)[0]), "pull")


@pytest.mark.parametrize(("rate", "shared"), [(2_999_999_999, True), (3 * 10**9, False)])
def test_a_trunk_that_carries_all_that_the_workers_take_limits_nobody(
    rate: int, shared: bool
) -> None:
    topology = load_topology(ROOT / "topologies/ps-10g-1g-3workers.yaml")
    assert (
        is_shared(exchange_of(with_rate(topology, ("switch0", "switch1"), rate)), "pull") is shared
    )


def test_directions_may_differ_and_the_nearest_of_equals_counts(tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    file.write_text(
        """
name: t
defaults: {worker: {device: published-worker-6-cores-2GHz}, link: {rate: 1 Gbps}}
hosts: {ps: {role: ps}, a: {role: worker}, b: {role: worker}}
switches: [s]
links:
  - {endpoints: [ps, s], rate: 2 Gbps, reverse: {rate: 100 Mbps}}
  - {endpoints: [s, a]}
  - {endpoints: [s, b]}
"""
    )
    assert ports(file, "pull") == (["ps->s"], 2 * 10**9)
    assert ports(file, "push") == (["s->ps"], 10**8)
    assert not is_shared(exchange_of(load_topology(file)), "pull")
    assert is_shared(exchange_of(load_topology(file)), "push")


def test_strict_priority_owes_the_first_worker_all_of_a_contended_port(tmp_path: Path) -> None:
    published = ROOT / "topologies/ps-10g-1g-3workers.yaml"
    assert first_worker_bps(exchange_of(load_topology(published)), "pull") == 10**9
    # A third of the server's own link, which knows no classes, is now less than the trunk.
    slow = tmp_path / "slow.yaml"
    slow.write_text(published.read_text().replace("10 Gbps", "2.1 Gbps"))
    assert first_worker_bps(exchange_of(load_topology(slow)), "pull") == 700_000_000
    # Nothing is contended: each has its own link, and the server's is faster.
    assert (
        first_worker_bps(exchange_of(load_topology(ROOT / "topologies/star.yaml")), "push") is None
    )
