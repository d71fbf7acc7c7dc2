"""How much memory the processes of an experiment need."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.session.plan.memory import memory_bytes
from orchestrator.spec import Scale, load_experiment
from tests.unit.session.examples import experiment
from tests.unit.spec.experiment.test_jobs import OTHER, TRAFFIC, loaded
from workloads.models.learning import Optimizer
from workloads.models.profiles import load_model

ROOT = Path(__file__).parents[4]


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


def test_servers_that_share_a_model_need_no_more_than_one_but_to_begin() -> None:
    made = load_experiment(ROOT / "experiments" / "two-servers.yaml").with_scale(Scale(64, 1))
    one, two = (
        memory_bytes(replace(made, models=("alexnet",), schedules=(name,)))
        for name in ("planned-order", "two-servers")
    )
    assert two - one == 64 * 2**20 + 2 * made.scale.bytes(load_model("alexnet").bytes)


def test_a_server_of_groups_keeps_a_gradient_of_each(tmp_path: Path) -> None:
    made = replace(experiment(tmp_path, models="alexnet"), schedules=("hybrid",))
    # Its parameters and one gradient, and three of each of three workers.
    assert memory_bytes(made) == 4 * 64 * 2**20 + 11 * (247369380 // 2)


def test_jobs_beside_need_theirs(tmp_path: Path) -> None:
    scale = {"scale": {"rates": 8, "time": 1}}
    alone = memory_bytes(loaded(tmp_path, {}, **scale))
    noise, other = {"traffic": TRAFFIC}, OTHER
    both = loaded(tmp_path, {"noise": noise, "other": other}, **scale)
    assert memory_bytes(both) == alone + 2 * 64 * 2**20 + memory_bytes(both.of_job("other"))
