"""`dmlbed plan`: the scale it plans with, and how that is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from orchestrator.cli.main import cli
from orchestrator.emulation.limits.caps import MachineCapacity
from orchestrator.session.scale.cache import CalibrationCache
from orchestrator.session.scale.choose import calibration_key
from orchestrator.spec import Overrides, load_experiment
from tests.unit.cli.machines import set_machine
from tests.unit.session.attempts import attempt

PUBLISHED = Path(__file__).parents[4] / "experiments/published.yaml"
BRIDGE = "linux-bridge"


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    set_machine(monkeypatch, MachineCapacity((0, 1), 64 * 2**30))


def plan(*options: str) -> str:
    result = CliRunner().invoke(cli, ["plan", str(PUBLISHED), "--switch", BRIDGE, *options])
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def scale_of(*options: str) -> dict[str, Any]:
    scale: dict[str, Any] = json.loads(plan("--json", *options))["scale"]
    return scale


def test_without_a_calibration_it_assumes_the_real_rates() -> None:
    why = "R auto: R = 1 assumed, not calibrated on this machine yet"
    assert f"scale: {why}\n" in plan()
    assert scale_of() == {"rates": 1, "time": 0.3, "auto": True, "assumed": True, "why": why}


def test_with_a_calibration_it_plans_with_that() -> None:
    key = calibration_key(load_experiment(PUBLISHED, Overrides(switch=BRIDGE)), BRIDGE)
    CalibrationCache().remember(key, [attempt(1, push=0.5), attempt(2)])
    assert "R=2, D=0.3" in plan()
    assert "500 Mbit/s" in plan()
    scale = scale_of()
    assert (scale["rates"], scale["assumed"]) == (2, False)
    assert scale["why"].endswith("remembered from 2025-11-21 01:02 UTC")


def test_a_scale_by_hand() -> None:
    assert scale_of("--scale", "8,0.25") == {
        "rates": 8,
        "time": 0.25,
        "auto": False,
        "assumed": False,
        "why": "not checked on this machine yet",
    }
