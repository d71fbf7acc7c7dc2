"""`dmlbed doctor` on the machine that the tests run on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orchestrator.emulation.machine.machine import attempt, require_for_run

pytestmark = [pytest.mark.system, pytest.mark.beside]


def interfaces() -> str:
    done = subprocess.run(["ip", "-br", "link"], capture_output=True, text=True, check=True)
    return done.stdout


def doctor() -> dict[str, Any]:
    program = "from orchestrator.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "doctor", "--json"], stdout=subprocess.PIPE, check=True
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_the_published_experiment_can_run_and_nothing_is_changed() -> None:
    before = interfaces()
    answer = doctor()
    assert answer["published_experiment_can_run"]
    assert answer["machine"]["features"]["htb"] is True
    assert interfaces() == before


def test_a_feature_that_no_kernel_has_is_not_found() -> None:
    inside = ("unshare", "--net", "--", "tc", "-batch", "-")
    assert attempt(inside, "qdisc add dev lo root bfifo limit 100000\n")
    assert not attempt(inside, "qdisc add dev lo root nosuchqdisc\n")


def test_a_run_is_allowed_here(tmp_path: Path) -> None:
    machine = require_for_run(delay=False, congestion_control="cubic", results=tmp_path)
    assert "cubic" in machine.congestion_controls
