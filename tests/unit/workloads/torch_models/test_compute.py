"""Real training in our own exchange, against PyTorch alone."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

pytest.importorskip("torch", reason="torch is not installed: make setup-torch")
if find_spec("sklearn") is None:  # to import it takes seconds
    pytest.skip("scikit-learn is not installed: make setup-torch", allow_module_level=True)

import numpy as np
import torch
from numpy.typing import NDArray

from tests.unit.workloads.exchanges import train_together
from tests.unit.workloads.in_process import train
from workloads.errors import WorkloadError
from workloads.library import PARAMETER_SERVER
from workloads.models.learning import DIGITS, Learning, Optimizer, OptimizerName
from workloads.models.profiles import load_model
from workloads.process.checkpoints import Checkpoints, last_of_all
from workloads.programs.server import ParameterServer
from workloads.schedule.library import SCHEDULES, get_schedule
from workloads.schedule.units import Layout
from workloads.torch_models.compute import threads_of
from workloads.torch_models.datasets import Examples, batches, digits
from workloads.torch_models.judging import Judging
from workloads.torch_models.profile import torch_model
from workloads.transport.memory import Arena

NETWORKS = "tests.unit.workloads.torch_models.networks_of_tests"
DIGITS_CNN = load_model("digits-cnn")


def records(folder: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]


def of(event: str, folder: Path, name: str = "worker0") -> list[dict[str, Any]]:
    return [record for record in records(folder, name) if record["event"] == event]


def test_held_out_data_judges_what_all_share(tmp_path: Path) -> None:
    """A centre that hardly moves stays as bad as it was, however well the workers do."""
    given: dict[str, Any] = {
        "iterations": 25, "batch": 32, "learning_rate": 0.005,
        "learning": Learning("torch", "digits", evaluate_every=3, optimizer=Optimizer("adam")),
    }  # fmt: skip
    elastic: dict[str, Any] = {"averaging": "elastic", "every": 4, "alpha": 1e-6, "beta": 1e-6}
    still = replace(get_schedule("fifo"), **elastic)
    train(tmp_path, DIGITS_CNN, still, **given)
    losses = [one["loss"] for one in of("evaluation", tmp_path)]
    assert [one["iteration"] for one in of("evaluation", tmp_path)] == list(range(0, 25, 3))
    assert max(losses) - min(losses) < 1e-3
    trained = [one["loss"] for one in of("iteration", tmp_path)]
    assert trained[-1] < trained[0] / 2
    train(tmp_path, DIGITS_CNN, replace(get_schedule("none"), averaging="local", every=6), **given)
    assert of("evaluation", tmp_path)[-1]["loss"] < losses[0] / 2


def test_all_bulk_synchronous_schedules_come_to_the_same_bits(tmp_path: Path) -> None:
    ends = {}
    for schedule in SCHEDULES:
        # Others add up in another order, or send other values.
        if schedule.bulk_synchronous and schedule.sends_model:
            server_records = train(
                tmp_path, DIGITS_CNN, schedule, iterations=4, batch=8, learning_rate=0.1,
                learning=Learning("torch", "digits", optimizer=Optimizer("adam")),
            )  # fmt: skip
            ends[schedule.name] = server_records[-1]["parameters_sha256"]
    assert len(set(ends.values())) == 1, ends


@cache
def by_one_process(iterations: int, batch: int, rate: float) -> NDArray[np.float64]:
    """The parameters at the end: PyTorch's own module, loss and optimizer on all three batches."""
    torch.manual_seed(7)
    module = torch_model("digits-cnn").module.double()
    optimizer = torch.optim.SGD(module.parameters(), lr=rate)
    training, _ = digits(7)
    streams = [batches(training[worker::3], batch, 7, worker) for worker in range(3)]
    for _ in range(iterations):
        parts = [next(stream) for stream in streams]
        images = torch.from_numpy(np.concatenate([part.images for part in parts])).double()
        labels = torch.from_numpy(np.concatenate([part.labels for part in parts]))
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(module(images), labels).backward()
        optimizer.step()
    values: NDArray[np.float64] = torch.cat(
        [one.detach().flatten() for one in module.parameters()]
    ).numpy()
    return values


@pytest.mark.parametrize("schedule", ["none", "p3"])
def test_three_workers_compute_what_one_process_does_on_the_joined_batch(
    tmp_path: Path, schedule: str
) -> None:
    """100 iterations in float64."""
    iterations, batch, rate = 100, 8, 0.05
    kept: list[NDArray[Any]] = []

    def write_end(server: ParameterServer, used: Any) -> None:
        kept.append(server._parameters.values.copy())
        end(server, used)

    end = ParameterServer._write_end
    with mock.patch.object(ParameterServer, "_write_end", write_end):
        train(
            tmp_path, DIGITS_CNN, get_schedule(schedule), iterations=iterations, batch=batch,
            learning_rate=rate, learning=Learning("torch", "digits", dtype="float64"),
        )  # fmt: skip
    expected = by_one_process(iterations, batch, rate)
    (parameters,) = kept
    assert parameters.dtype == np.float64
    difference = np.linalg.norm(parameters - expected) / np.linalg.norm(expected)
    assert difference <= 1e-12


@pytest.mark.parametrize("schedule", ["none", "p3", "r2sp", "ring"])
def test_three_workers_learn_digits(tmp_path: Path, schedule: str) -> None:
    asked: dict[str, Any] = {
        "iterations": 60,
        "batch": 32,
        "learning": Learning("torch", "digits", 20),
    }
    if get_schedule(schedule).exchange == PARAMETER_SERVER:
        train(tmp_path, DIGITS_CNN, get_schedule(schedule), learning_rate=0.1, **asked)
    else:
        train_together(tmp_path, DIGITS_CNN, get_schedule(schedule), workers=3, rate=0.1, **asked)
    judged = of("evaluation", tmp_path)
    iterations = of("iteration", tmp_path)
    assert [one["iteration"] for one in judged][:3] == [0, 20, 40]
    assert judged[0]["accuracy"] < 0.3
    assert judged[-1]["accuracy"] > 0.8
    assert judged[-1]["loss"] < judged[0]["loss"]
    assert iterations[-1]["loss"] < iterations[0]["loss"]
    for one in judged[1:]:
        own = iterations[one["iteration"]]
        assert one["at_ns"] <= own["forward_done_ns"]
    assert not of("evaluation", tmp_path, "worker1")


@pytest.mark.parametrize("name", ["unused", "words"])
@pytest.mark.parametrize("schedule", ["none", "p3"])
def test_a_users_network_is_trained(tmp_path: Path, name: str, schedule: str) -> None:
    model = torch_model(f"{NETWORKS}:{name}").model
    train(
        tmp_path, model, get_schedule(schedule), iterations=25, batch=4, learning_rate=0.3,
        learning=Learning("torch"),
    )  # fmt: skip
    losses = [one["loss"] for one in of("iteration", tmp_path)]
    assert losses[-1] < 0.8 * losses[0]


def test_a_gradient_that_is_not_finite_ends_the_training_with_its_tensor(tmp_path: Path) -> None:
    with pytest.raises(WorkloadError) as caught:
        train(
            tmp_path, DIGITS_CNN, get_schedule("none"), workers=1, iterations=30, batch=8,
            learning_rate=1e12, learning=Learning("torch", "digits"),
        )  # fmt: skip
    assert "is not finite (loss " in str(caught.value)
    assert "smaller learning_rate" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("schedule", "optimizer"),
    [*product(("none", "p3"), ("sgd", "momentum", "adam")), ("two-servers", "momentum")],
)
def test_a_training_that_goes_on_from_a_checkpoint_ends_with_the_same_bits(
    tmp_path: Path, schedule: str, optimizer: OptimizerName
) -> None:
    learning = Learning("torch", "digits", optimizer=Optimizer(optimizer))

    earlier = []

    def trained(iterations: int, kept: Checkpoints | None) -> str:
        records = train(
            tmp_path, DIGITS_CNN, get_schedule(schedule), iterations=iterations, batch=8,
            learning_rate=0.01, learning=learning, checkpoints=kept,
        )  # fmt: skip
        earlier.append(records[-1]["earlier_ns"])
        digest: str = records[-1]["parameters_sha256"]
        return digest

    whole = trained(10, Checkpoints(tmp_path, 3))
    processes = ["ps", "worker0", "worker1", "worker2"]
    if get_schedule(schedule).servers:
        processes.append("ps1")
    assert last_of_all(tmp_path, processes, 8) == 6
    assert last_of_all(tmp_path, processes, 10) == 9
    assert trained(4, Checkpoints(tmp_path, 3, 6)) == whole
    assert trained(4, None) != whole
    first, resumed, anew = earlier
    assert first == anew == 0 < resumed  # how long it had trained goes on with it


def test_digits_are_split_once_and_shared_out() -> None:
    from sklearn.datasets import load_digits

    training, held_out = digits(3)
    theirs = load_digits()
    shown = zip(theirs.images / 16, theirs.target, strict=True)
    ours = [*zip(training.images, training.labels, strict=True)]
    ours += zip(held_out.images, held_out.labels, strict=True)
    assert sorted((one.tobytes(), int(label)) for one, label in ours) == sorted(
        (one.astype(np.float32).tobytes(), int(label)) for one, label in shown
    )
    assert (len(training), len(held_out)) == (DIGITS.training, DIGITS.held_out)
    assert training.images.shape[1:] == DIGITS.shape
    assert set(training.labels) == set(range(DIGITS.classes))
    assert float(training.images.max()) == 1.0
    again, _ = digits(3)
    assert np.array_equal(training.images, again.images)
    other, _ = digits(4)
    assert not np.array_equal(training.labels, other.labels)


def test_a_pass_over_the_data_has_every_image_at_most_once() -> None:
    labels = np.arange(10)
    made = batches(Examples(np.zeros((10, 1), np.float32), labels), 3, seed=1, worker=0)
    for _ in range(4):
        seen = np.concatenate([next(made).labels for _ in range(3)])
        assert len(set(seen)) == 9
    with pytest.raises(WorkloadError, match="a batch of 11 is larger than the data"):
        next(batches(Examples(np.zeros((10, 1), np.float32), labels), 11, seed=1, worker=0))


@pytest.mark.parametrize(
    ("cores", "processors", "workers", "threads"),
    [(None, 2, 3, 1), (None, 16, 3, 5), (6.0, 16, 2, 6), (0.5, 16, 2, 1), (6.0, 4, 1, 4)],
)
def test_threads_are_a_workers_cores(
    cores: float | None, processors: int, workers: int, threads: int
) -> None:
    assert threads_of(cores, processors, workers) == threads


def test_where_memory_is_short_every_second_copy_goes() -> None:
    module = torch_model("digits-cnn").module
    layout = Layout(DIGITS_CNN, 1, 1)
    arena = Arena(layout)
    judging = Judging(module, arena, digits(1)[1], 1, 4 * arena.values.nbytes)
    for iteration in range(11):
        judging.keep(iteration, 0, lambda: arena, last=iteration == 10)
    assert [one.iteration for one in judging.judged()] == [0, 4, 8, 10]


torch.set_num_threads(1)
