"""What real training needs is asked for before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import InputError
from orchestrator.spec import Experiment, Overrides, Scale, load_experiment
from workloads.models.learning import Optimizer

TOPOLOGY = Path(__file__).parents[3] / "topologies" / "office.yaml"
REAL = "compute: torch\ndata: digits\nscale: {rates: 1, time: 1}\n"


def loaded(
    folder: Path, keys: str, model: str = "digits-cnn", overrides: Overrides | None = None
) -> Experiment:
    file = folder / "e.yaml"
    file.write_text(f"name: e\ntopology: {TOPOLOGY}\nmodels: [{model}]\nschedules: [none]\n{keys}")
    return load_experiment(file, overrides)


def problems(
    folder: Path, keys: str, model: str = "digits-cnn", overrides: Overrides | None = None
) -> list[str]:
    with pytest.raises(InputError) as caught:
        loaded(folder, keys, model, overrides)
    return [str(problem).removeprefix(f"{folder}/") for problem in caught.value.problems]


def test_what_learns_is_resolved_and_comes_back(tmp_path: Path) -> None:
    experiment = loaded(tmp_path, f"{REAL}target_accuracy: 0.9\nevaluate_every: 3\n")
    assert experiment.learning.real
    assert (experiment.learning.target_accuracy, experiment.learning.evaluate_every) == (0.9, 3)
    assert Experiment.from_resolved(experiment.to_json()).learning == experiment.learning
    assert "learning" not in loaded(tmp_path, "").resolved()
    assert experiment.digest() != loaded(tmp_path, REAL).digest()


@pytest.mark.parametrize(
    ("scale", "place", "message", "remedy"),
    [
        ("", "5:1", "R = auto with", "`scale: {rates: 1, time: 1}`"),
        ("scale: auto", "6:8", "R = auto with", "`scale: {rates: 1, time: 1}`"),
        (
            "scale: {rates: 2, time: 1}",
            "6:8",
            "R = 2 and D = 1 with",
            "`scale: {rates: 2, time: 2}` or `scale: {rates: 1, time: 1}`",
        ),
    ],
)
def test_whole_tensors_need_d_equal_to_r(
    tmp_path: Path, scale: str, place: str, message: str, remedy: str
) -> None:
    (problem,) = problems(tmp_path, f"compute: torch\n{scale}\n")
    assert problem.startswith(f"e.yaml:{place}: {message} `compute: torch`")
    assert problem.endswith(f"({remedy})")


def test_d_follows_r_where_only_r_is_named(tmp_path: Path) -> None:
    assert loaded(tmp_path, "compute: torch\nscale: {rates: 2}\n").asked_scale == Scale(2, 2)
    (problem,) = problems(tmp_path, REAL, overrides=Overrides(scale="4,1"))
    assert problem.startswith("--scale: R = 4 and D = 1 with `compute: torch`")
    assert problem.endswith("(`--scale 4,4` or `--scale 1,1`)")
    stretched = loaded(tmp_path, "compute: torch\n", overrides=Overrides(scale="4,4"))
    assert any("hosts that compute 4 times as fast" in note for note in stretched.notes)
    assert not any("as fast" in note for note in loaded(tmp_path, REAL).notes)


def test_a_batch_larger_than_the_data(tmp_path: Path) -> None:
    loaded(tmp_path, f"{REAL}batch: 479\n")
    (problem,) = problems(tmp_path, f"{REAL}batch: 480\n")
    assert problem == (
        "e.yaml:8:8: a batch of 480 is larger than the data: each of 3 workers has 479 of the "
        "1437 images"
    )
    (problem,) = problems(tmp_path, f"{REAL}sweep: {{batch: [8, 500]}}\n")
    assert "a batch of 500 is larger" in problem
    (problem,) = problems(tmp_path, f"{REAL}batch: 300\nsweep: {{workers: [2, 6]}}\n")
    assert "each of 6 workers has 239" in problem


def test_digits_are_for_models_that_take_them(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, REAL, "alexnet")
    assert problem == (
        "e.yaml:3:10: alexnet does not take the 8 x 8 images of digits (digits-cnn does)"
    )


def test_checkpoints_need_workers_in_step(tmp_path: Path) -> None:
    keys = f"{REAL}checkpoint: 10\n"
    assert loaded(tmp_path, keys).learning.checkpoint_every == 10
    (problem,) = problems(tmp_path, keys, overrides=Overrides(schedules=["p3", "r2sp"]))
    assert problem == (
        "e.yaml:8:13: not with schedule r2sp: its workers are never between two iterations at the "
        "same time"
    )


def test_a_codec_takes_float32_only(tmp_path: Path) -> None:
    codec = "tests.unit.workloads.own_codecs:Packed"
    schedule = f"custom_schedules: {{own: {{codec: '{codec}'}}}}\n"
    loaded(tmp_path, f"{REAL}{schedule}")
    assert loaded(tmp_path, f"{REAL}dtype: float64\n").learning.element_bytes == 8
    for name in ("own", "q8"):
        (problem,) = problems(
            tmp_path, f"{REAL}dtype: float64\n{schedule}", overrides=Overrides(schedules=[name])
        )
        assert f"schedule '{name}' has a codec, which makes payloads of float32" in problem


@pytest.mark.parametrize(
    "key",
    [
        "checkpoint: 5",
        "dtype: float64",
        "data: digits",
        "target_accuracy: 0.9",
        "evaluate_every: 5",
    ],
)
def test_keys_of_real_training_need_it(tmp_path: Path, key: str) -> None:
    (problem,) = problems(tmp_path, f"{key}\n")
    name = key.partition(":")[0]
    assert problem == (
        f"e.yaml:5:1: {name} needs `compute: torch`: emulated layers learn nothing real"
    )


def test_an_optimizer_is_a_name_or_keys(tmp_path: Path) -> None:
    assert loaded(tmp_path, "").learning.optimizer == Optimizer()
    assert loaded(tmp_path, "optimizer: adam\n").learning.optimizer == Optimizer("adam")
    keys = "optimizer: {name: momentum, momentum: 0.5, nesterov: true}\n"
    experiment = loaded(tmp_path, keys)
    assert experiment.learning.optimizer == Optimizer("momentum", momentum=0.5, nesterov=True)
    assert Experiment.from_resolved(experiment.to_json()).learning == experiment.learning
    assert problems(tmp_path, "optimizer: adma\n") == [
        "e.yaml:5:1: expected 'sgd', 'momentum' or 'adam', found the text 'adma' "
        "(did you mean 'adam'?)"
    ]
    assert problems(tmp_path, "optimizer: {name: adam, beta1: 1}\n") == [
        "e.yaml:5:32: must be less than 1, found 1"
    ]
