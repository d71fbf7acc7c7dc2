"""How much memory the processes of an experiment need."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.session.plan.memory import memory_bytes
from tests.unit.session.examples import experiment
from tests.unit.spec.test_jobs import OTHER, TRAFFIC, loaded


def test_the_largest_model_decides_on_memory(tmp_path: Path) -> None:
    processes = 4 * 64 * 2**20
    # The server's parameters and three gradients, three workers' parameters and gradients.
    alexnet = 10 * 247369380 // 2
    assert memory_bytes(experiment(tmp_path, models="squeezenet, alexnet, googlenet")) == (
        alexnet + processes
    )
    smaller = memory_bytes(experiment(tmp_path, models="alexnet", scale="{rates: 5, time: 0.5}"))
    assert smaller - processes == pytest.approx(alexnet / 5, abs=10)


def test_jobs_beside_need_theirs(tmp_path: Path) -> None:
    scale = {"scale": {"rates": 8, "time": 1}}
    alone = memory_bytes(loaded(tmp_path, {}, **scale))
    noise, other = {"traffic": TRAFFIC}, OTHER
    both = loaded(tmp_path, {"noise": noise, "other": other}, **scale)
    assert memory_bytes(both) == alone + 2 * 64 * 2**20 + memory_bytes(both.of_job("other"))
