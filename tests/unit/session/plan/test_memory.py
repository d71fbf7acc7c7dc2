"""How much memory the processes of an experiment need."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.session.plan.memory import memory_bytes
from tests.unit.session.examples import experiment


def test_the_largest_model_decides_on_memory(tmp_path: Path) -> None:
    processes = 4 * 64 * 2**20
    # The server's parameters and three gradients, three workers' parameters and gradients.
    alexnet = 10 * 247369380 // 2
    assert memory_bytes(experiment(tmp_path, models="squeezenet, alexnet, googlenet")) == (
        alexnet + processes
    )
    smaller = memory_bytes(experiment(tmp_path, models="alexnet", scale="{rates: 5, time: 0.5}"))
    assert smaller - processes == pytest.approx(alexnet / 5, abs=10)
