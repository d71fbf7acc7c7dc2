"""How much memory the processes of an experiment need."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.session.plan.memory import memory_bytes
from tests.unit.session.examples import experiment
from tests.unit.spec.test_jobs import OTHER, TRAFFIC, loaded
from workloads.models.learning import Optimizer


def test_the_largest_model_decides_on_memory(tmp_path: Path) -> None:
    processes = 4 * 64 * 2**20
    # The server's parameters and three gradients, three workers' parameters and gradients.
    alexnet = 10 * 247369380 // 2
    assert memory_bytes(experiment(tmp_path, models="squeezenet, alexnet, googlenet")) == (
        alexnet + processes
    )
    smaller = memory_bytes(experiment(tmp_path, models="alexnet", scale="{rates: 5, time: 0.5}"))
    assert smaller - processes == pytest.approx(alexnet / 5, abs=10)


def test_workers_of_a_ring_keep_sums_and_parameters(tmp_path: Path) -> None:
    made = experiment(tmp_path, models="alexnet")
    momentum = replace(made.learning, optimizer=Optimizer("momentum"))
    processes, arrays = 4 * 64 * 2**20, 247369380 // 2
    ring = replace(made, schedules=("ring",))
    # Three of each worker are less than the server's four and the workers' six.
    assert memory_bytes(ring) == processes + 10 * arrays
    assert memory_bytes(replace(ring, learning=momentum)) == processes + 12 * arrays
    assert memory_bytes(replace(made, learning=momentum)) == processes + 11 * arrays


def test_jobs_beside_need_theirs(tmp_path: Path) -> None:
    scale = {"scale": {"rates": 8, "time": 1}}
    alone = memory_bytes(loaded(tmp_path, {}, **scale))
    noise, other = {"traffic": TRAFFIC}, OTHER
    both = loaded(tmp_path, {"noise": noise, "other": other}, **scale)
    assert memory_bytes(both) == alone + 2 * 64 * 2**20 + memory_bytes(both.of_job("other"))
