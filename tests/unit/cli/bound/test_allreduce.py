"""`dmlbed bound` of an all-reduce, and of what nothing can pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.bound.asked import PUBLISHED, ROOT, bound, told


def test_an_all_reduce_beside_the_parameter_server() -> None:
    """Four thirds of u over each worker's link, and nothing over the trunk."""
    (model,) = told(PUBLISHED, "--models", "alexnet")["models"]
    all_reduce = model["all_reduce"]
    assert all_reduce["kind"] == "exact"
    assert all_reduce["limited_by"] == [
        port for n in range(3) for port in (f"switch1->worker{n}", f"worker{n}->switch1")
    ]
    assert all_reduce["bound"]["u"] == pytest.approx(4 / 3)
    assert all_reduce["ring"]["hosts"] == ["worker0", "worker1", "worker2"]
    assert all_reduce["ring"]["u"] == pytest.approx(4 / 3)
    assert all_reduce["best_ring"] == all_reduce["ring"]
    lines = [" ".join(line.split()) for line in bound(PUBLISHED).stdout.splitlines()]
    assert "any all-reduce exact bound 1.33 1.087" in lines
    assert "any ring max(ring, C) 1.33 1.087" in lines
    assert "ring: worker0, worker1, worker2, and back to worker0" in lines


def test_an_order_of_the_ring_that_crosses_a_link_too_often(tmp_path: Path) -> None:
    racks = tmp_path / "racks.yaml"
    text = (ROOT / "topologies/two-rack-tree.yaml").read_text()
    for name in ("worker1", "worker4"):  # they change places
        other = {"worker1": "worker4", "worker4": "worker1"}[name]
        text = text.replace(f", {name}]", f", new-{other}]")
    racks.write_text(text.replace("new-", ""))
    file = tmp_path / "other.yaml"
    old = "../topologies/ps-10g-1g-3workers.yaml"
    file.write_text(Path(PUBLISHED).read_text().replace(old, str(racks)))
    (model,) = told(str(file), "--models", "alexnet")["models"]
    all_reduce = model["all_reduce"]
    assert all_reduce["ring"]["u"] == pytest.approx(3 * 2 * 5 / 6)
    assert all_reduce["best_ring"]["u"] == pytest.approx(all_reduce["ring"]["u"] / 3)
    assert "any ring, best order" in bound(str(file)).stdout


def test_one_worker_has_no_all_reduce(tmp_path: Path) -> None:
    file = tmp_path / "one.yaml"
    text = Path(PUBLISHED).read_text().replace("../topologies", str(ROOT / "topologies"))
    file.write_text(f"placement: {{servers: [ps], workers: [worker1]}}\n{text}")
    (model,) = told(str(file), "--models", "alexnet")["models"]
    assert model["all_reduce"] is None
    assert "ring" not in bound(str(file)).stdout.split()


def test_what_nothing_can_pass_stands_beside_a_split_and_codecs() -> None:
    """On the published topology 1.2 u; coded pushes and pulls take their share of 3 u."""
    file = str(ROOT / "experiments/aggregations.yaml")
    (model,) = told(file, "--models", "alexnet")["models"]
    assert model["aggregation"]["kind"] == "exact"
    assert model["aggregation"]["helpers"] == ["ps"]
    assert model["aggregation"]["bound"]["u"] == pytest.approx(1.2)
    (model,) = told(str(ROOT / "experiments/codecs.yaml"), "--models", "alexnet")["models"]
    known = {form["schedule"]: form["u"] for form in model["demand_bounds"]}
    assert known["fp16"] == pytest.approx(1.5, rel=1e-3)
    assert known["top-k-1pct"] == pytest.approx(3.0)
    assert all("seconds" in form for form in model["schedules"])
