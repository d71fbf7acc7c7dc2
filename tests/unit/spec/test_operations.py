"""Orders of operations of an experiment, and batches that fit its workers' memory."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orchestrator.errors import InputError
from orchestrator.memory import footprint
from orchestrator.spec import Experiment, load_experiment
from workloads.models.profiles import load_model

TOPOLOGY = """
name: two
hosts:
  ps: {role: ps}
  small: {role: worker, device: published-worker-6-cores-2GHz, memory: 1 GiB, batch: 4}
  large: {role: worker, device: published-worker-6-cores-2GHz, memory: 2 GiB}
switches: [s]
links:
  - {endpoints: [ps, s], rate: 1 Gbps}
  - {endpoints: [small, s], rate: 1 Gbps}
  - {endpoints: [large, s], rate: 1 Gbps}
"""


def loaded(
    folder: Path, keys: str = "", *, models: str = "resnet50", schedules: str = "none, p3"
) -> Experiment:
    (folder / "two.yaml").write_text(TOPOLOGY)
    file = folder / "one.yaml"
    file.write_text(
        f"name: one\ntopology: two.yaml\nmodels: [{models}]\nschedules: [{schedules}]\n{keys}\n"
    )
    return load_experiment(file)


def refused(folder: Path, keys: str, *, models: str = "resnet50") -> str:
    with pytest.raises(InputError) as error:
        loaded(folder, keys, models=models)
    (problem,) = error.value.problems
    return f"{problem.message} ({problem.hint})"


def test_the_largest_batch_that_fits_is_said_and_fits(tmp_path: Path) -> None:
    text = refused(tmp_path, "batch: 100")
    assert "resnet50 with a batch of 100" in text
    assert "worker large has 2.00 GiB" in text
    largest = int(re.findall(r"fits is (\d+)", text)[0])
    held = footprint(load_model("resnet50"), "framework")
    assert held.training_bytes(largest) <= 2 * 2**30 < held.training_bytes(largest + 1)
    assert loaded(tmp_path, f"batch: {largest}").batch == largest
    assert f"fits is {largest}" in refused(tmp_path, f"batch: {largest + 1}")


def test_a_workers_own_batch_counts(tmp_path: Path) -> None:
    # The small worker does 4, whatever the others do.
    assert loaded(tmp_path, "batch: 30").batch == 30


def test_what_the_exchange_keeps_counts(tmp_path: Path) -> None:
    # Beside parameters and gradients, sums of a ring and momenta: 0.2 GB more of resnet50.
    momentum = "optimizer: momentum\nbatch: 41"
    loaded(tmp_path, momentum)
    with pytest.raises(InputError, match="resnet50 with a batch of 41"):
        loaded(tmp_path, momentum, schedules="none, ring")


def test_parameters_that_do_not_fit(tmp_path: Path) -> None:
    text = refused(tmp_path, "", models="vgg19")
    assert "parameters, gradients and states alone take 1.07 GiB" in text


def test_the_order_is_in_what_decides_figures_only_if_it_is_another(tmp_path: Path) -> None:
    plain = loaded(tmp_path)
    other = loaded(tmp_path, "order_of_operations: depth-first")
    assert "order_of_operations" not in plain.resolved()
    assert other.resolved()["order_of_operations"] == "depth-first"
    again = Experiment.from_resolved(other.to_json())
    assert again.order_of_operations == "depth-first"
    assert again.model("resnet50") == other.model("resnet50") != plain.model("resnet50")


def test_a_sweep_of_orders_has_a_point_for_each(tmp_path: Path) -> None:
    swept = loaded(tmp_path, "sweep: {order_of_operations: [framework, depth-first]}")
    orders = [point.experiment.order_of_operations for point in swept.points()]
    assert orders == ["framework", "depth-first"]


def test_a_training_beside_it_must_fit_too(tmp_path: Path) -> None:
    job = """
placement: {servers: [ps], workers: [small]}
jobs:
  other: {model: resnet50, batch: BATCH, placement: {servers: [ps], workers: [large]}}
"""
    assert "fits is 41" in refused(tmp_path, job.replace("BATCH", "60"))
    assert loaded(tmp_path, job.replace("BATCH", "41")).jobs
