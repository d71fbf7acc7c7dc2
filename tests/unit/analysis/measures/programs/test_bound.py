"""The bound of programs, from what a run keeps of its experiment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.analysis.measures.programs.bound import program_imgs_per_sec
from orchestrator.predict import goodput_bps
from orchestrator.spec import load_experiment
from workloads.models.profiles import load_model

ROOT = Path(__file__).parents[5]


def resolved(tmp_path: Path, keys: str = "model: alexnet", batch: int = 1) -> dict[str, Any]:
    file = tmp_path / "program.yaml"
    file.write_text(
        f"name: program\ntopology: {ROOT}/topologies/ps-10g-1g-3workers.yaml\nbatch: {batch}\n"
        "models: [alexnet]\nschedules: [none]\nscale: {rates: 1, time: 1}\nprograms:\n"
        f"  ddp: {{command: ['true'], throughput: {{json: imgs}}, {keys}}}\n"
    )
    experiment: dict[str, Any] = json.loads(json.dumps(load_experiment(file).resolved()))
    return experiment


def test_three_workers_send_four_thirds_of_the_model(tmp_path: Path) -> None:
    u = load_model("alexnet").bytes * 8 / goodput_bps(10**9)
    bound = program_imgs_per_sec(resolved(tmp_path), "ddp")
    assert bound == pytest.approx(3 / (4 / 3 * u))
    assert bound == pytest.approx(1.087, rel=1e-3)
    of_eight_images = program_imgs_per_sec(resolved(tmp_path, batch=8), "ddp")
    assert bound is not None
    assert of_eight_images == pytest.approx(8 * bound)


def test_hosts_count_once_and_processes_each(tmp_path: Path) -> None:
    u = load_model("alexnet").bytes * 8 / goodput_bps(10**9)
    keys = "model: alexnet, hosts: [worker0, worker0, worker2]"
    assert program_imgs_per_sec(resolved(tmp_path, keys), "ddp") == pytest.approx(3 / u)


def test_a_measured_goodput_takes_the_place_of_the_rate(tmp_path: Path) -> None:
    size = load_model("alexnet").bytes
    bound = program_imgs_per_sec(resolved(tmp_path), "ddp", {"worker0->switch1": 10**8})
    assert bound == pytest.approx(3 / (size * 8 / 10**8))


@pytest.mark.parametrize(
    "keys", ["warm_up: 0", "model: alexnet, hosts: [worker0]", "model: alexnet, hosts: [ps, ps]"]
)
def test_without_a_model_or_a_network_there_is_no_bound(tmp_path: Path, keys: str) -> None:
    assert program_imgs_per_sec(resolved(tmp_path, keys), "ddp") is None


def test_what_counts_no_images_has_no_bound(tmp_path: Path) -> None:
    known = resolved(tmp_path)
    known["programs"]["ddp"]["throughput"]["unit"] = "Mbit/s"
    assert program_imgs_per_sec(known, "ddp") is None


@pytest.mark.parametrize("experiment", [{}, {"programs": {}}, {"programs": {"ddp": {}}}])
def test_a_run_that_does_not_say_has_no_bound(experiment: dict[str, Any]) -> None:
    assert program_imgs_per_sec(experiment, "ddp") is None
