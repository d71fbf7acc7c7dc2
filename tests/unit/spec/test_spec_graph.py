"""Ports, paths and flows on the shipped topologies."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.spec import (
    Flow,
    Port,
    Topology,
    contended_switch_ports,
    flows_through,
    load_topology,
    path,
    ports,
)

ROOT = Path(__file__).parents[3]


def topology(name: str) -> Topology:
    return load_topology(ROOT / "topologies" / f"{name}.yaml")


def names(found: tuple[Port, ...]) -> list[str]:
    return [str(port) for port in found]


def port(of: Topology, name: str) -> Port:
    return next(port for port in ports(of) if str(port) == name)


def test_ports_of_the_published_topology() -> None:
    published = topology("ps-10g-1g-3workers")
    assert names(ports(published)) == [
        "ps->switch0",
        "switch0->ps",
        "switch0->switch1",
        "switch1->switch0",
        "switch1->worker0",
        "worker0->switch1",
        "switch1->worker1",
        "worker1->switch1",
        "switch1->worker2",
        "worker2->switch1",
    ]
    assert port(published, "switch0->ps") == Port("switch0", "ps", 10**10, 0, 524288)
    assert port(published, "switch1->switch0") == Port("switch1", "switch0", 10**9, 0, 524288)


def test_paths() -> None:
    published = topology("ps-10g-1g-3workers")
    pull = path(published, "ps", "worker1")
    assert names(pull) == ["ps->switch0", "switch0->switch1", "switch1->worker1"]
    push = path(published, "worker1", "ps")
    assert names(push) == ["worker1->switch1", "switch1->switch0", "switch0->ps"]
    assert names(path(published, "worker0", "worker2")) == ["worker0->switch1", "switch1->worker2"]
    assert path(published, "ps", "ps") == ()
    for src, dst in (("ps", "nobody"), ("nobody", "ps"), ("nobody", "nobody")):
        with pytest.raises(ValueError, match="no path"):
            path(published, src, dst)


def test_flows_through_the_trunk_of_a_rack() -> None:
    tree = topology("two-rack-tree")
    rack = ("worker3", "worker4", "worker5")
    pulls = tuple(Flow(worker, "pull") for worker in rack)
    pushes = tuple(Flow(worker, "push") for worker in rack)
    assert flows_through(tree, port(tree, "core->rack1")) == pulls
    assert flows_through(tree, port(tree, "rack1->core")) == pushes
    assert len(flows_through(tree, port(tree, "ps->core"))) == 6
    assert flows_through(tree, port(tree, "rack0->worker0")) == (Flow("worker0", "pull"),)


@pytest.mark.parametrize(
    ("name", "contended"),
    [
        ("ps-10g-1g-3workers", ["switch0->switch1", "switch1->switch0"]),
        ("two-rack-tree", ["core->rack0", "rack0->core", "core->rack1", "rack1->core"]),
        ("star", []),
    ],
)
def test_contended_ports(name: str, contended: list[str]) -> None:
    assert names(contended_switch_ports(topology(name))) == contended


def test_pushes_contend_where_the_server_has_the_rate_of_one_worker(tmp_path: Path) -> None:
    text = (ROOT / "topologies/star.yaml").read_text(encoding="utf-8")
    (tmp_path / "narrow.yaml").write_text(text.replace("10 Gbps}", "1 Gbps}"), encoding="utf-8")
    narrow = load_topology(tmp_path / "narrow.yaml")
    # Pulls queue up in the server's own port: at a host, not at a switch.
    assert names(contended_switch_ports(narrow)) == ["switch0->ps"]


def test_hosts_by_role_and_name() -> None:
    published = topology("ps-10g-1g-3workers")
    assert published.ps.name == "ps"
    assert [worker.name for worker in published.workers] == ["worker0", "worker1", "worker2"]
    worker = published.host("worker2")
    assert (worker.cores, worker.memory_bytes) == (6, 4 * 2**30)
    assert worker.device == "published-worker-6-cores-2GHz"
    with pytest.raises(KeyError):
        published.host("switch0")
