"""`dmlbed bound` of exchanges that declare their demands."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.unit.cli.bound.asked import PUBLISHED, ROOT, bound, told

SILENT = """
from workloads.exchange import Exchange

class Silent(Exchange):
    def wait(self, layers):
        return layers[0], 0

    def give(self, unit):
        pass
"""


def test_a_split_has_the_bound_of_its_linear_programme(tmp_path: Path) -> None:
    """Two ways at once take 1.2 u, and no aggregation less: (2 x 3) / (3 + 2)."""
    file = tmp_path / "both.yaml"
    text = Path(PUBLISHED).read_text().replace("../topologies", str(ROOT / "topologies"))
    both = re.sub(r"(?m)^schedules: .*$", "schedules: [none, ring, split]", text)
    file.write_text(both)
    (model,) = told(str(file), "--models", "alexnet")["models"]
    ring, split = model["demand_bounds"]
    assert (split["schedule"], split["formula"]) == ("split", "bound of the split")
    assert split["u"] == pytest.approx(1.2, rel=1e-3)
    assert ring["u"] == pytest.approx(4 / 3)
    (simulated,) = (form for form in model["schedules"] if form["schedule"] == "ring")
    assert 4 / 3 < simulated["u"] < 1.37


def test_a_sweep_has_the_bounds_of_other_exchanges(tmp_path: Path) -> None:
    """Demands of an exchange, and an all-reduce: over each worker's link, whatever the trunk."""
    shutil.copy(ROOT / "experiments/own_exchange.py", tmp_path)
    file = tmp_path / "sweep.yaml"
    text = (ROOT / "experiments/own-exchange.yaml").read_text()
    text = text.replace("../topologies", str(ROOT / "topologies"))
    values = "[500 Mbps, 1 Gbps]"
    file.write_text(f"{text}sweep: {{rate: {{link: [switch0, switch1], values: {values}}}}}\n")
    slow, fast = told(str(file))["places"]
    assert slow["barrier_bound_imgs_per_sec"] < fast["barrier_bound_imgs_per_sec"]
    for place in (slow, fast):
        known = {form["schedule"]: form for form in place["demand_bounds"]}
        assert set(known) == {"alone", "everyone", "watched"}
        alone, everyone = (known[name]["imgs_per_sec"] for name in ("alone", "everyone"))
        assert alone == pytest.approx(3 / place["compute_seconds"])
        # What sends nothing has the highest bound, which is the place's.
        assert place["bound_imgs_per_sec"] == pytest.approx(alone)
        assert everyone == pytest.approx(35.911, rel=1e-3)
        assert place["all_reduce"]["kind"] == "exact"
        assert place["all_reduce"]["bound"]["imgs_per_sec"] == pytest.approx(alone)
    lines = [" ".join(line.split()) for line in bound(str(file)).stdout.splitlines()]
    assert "any all-reduce 44.569 44.569" in lines
    assert "bound of everyone 35.911 35.911" in lines


def test_an_exchange_has_the_bound_of_its_demands() -> None:
    (model,) = told("experiments/own-exchange.yaml")["models"]
    bounds = {one["schedule"]: one for one in model["demand_bounds"]}
    assert list(bounds) == ["alone", "watched", "everyone"]
    assert bounds["alone"]["fullest"] == []
    assert bounds["alone"]["seconds"] == pytest.approx(model["compute_seconds"])
    assert bounds["everyone"]["u"] == pytest.approx(2)


def test_one_line_says_which_exchange_has_no_bound(tmp_path: Path) -> None:
    (tmp_path / "silent.py").write_text(SILENT)
    text = (ROOT / "experiments" / "own-exchange.yaml").read_text()
    text = text.replace("../topologies", str(ROOT / "topologies"))
    text = text.replace("own_exchange:Alone", "silent:Silent").replace(", watched, everyone", "")
    keep = [line for line in text.splitlines() if "own_exchange:" not in line]
    (tmp_path / "silent.yaml").write_text("\n".join(keep))
    lines = bound(str(tmp_path / "silent.yaml")).stdout.splitlines()
    assert "no bound of alone: its exchange declares no demands" in lines
