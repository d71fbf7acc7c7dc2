"""Model files: read with positions, written, named by experiments, and on their way in a plan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.errors import InputError
from orchestrator.session.plan.jobs import plans_of_trial
from orchestrator.session.plan.trials import plan_trials
from orchestrator.spec import Experiment, load_experiment
from orchestrator.spec.files.model_file import model_of, model_text, read_model
from workloads.models.profiles import Model, load_model, model_names

MINE = """\
name: mine
unit: tokens
items_per_example: 5
input_shape: [5]
layers:
  - {name: words, kind: embedding, needs: [], tensors: [{name: w, shape: [10, 4]}]}
  - {name: left, kind: dense, macs: 80, tensors: [{name: l, shape: [4, 4]}]}
  - {name: right, kind: dense, macs: 80, needs: [words], tied: [l]}
  - {name: head, kind: dense, macs: 200, needs: [left, right], join: add, tied: [w]}
"""

EXPERIMENT = {
    "name": "x",
    "topology": str(Path(__file__).parents[4] / "topologies" / "ps-10g-1g-3workers.yaml"),
    "models": ["./mine.yaml", "squeezenet"],
    "schedules": ["none", "tic"],
    "scale": {"rates": 1, "time": 1},
}


def read(folder: Path, text: str) -> Model:
    (folder / "m.yaml").write_text(text)
    return read_model(folder / "m.yaml", "m.yaml", "m")


def refused(folder: Path, text: str) -> str:
    with pytest.raises(InputError) as error:
        read(folder, text)
    return "\n".join(error.value.lines())


def test_a_file_is_a_model(tmp_path: Path) -> None:
    model = read(tmp_path, MINE)
    assert [layer.needs for layer in model.layers] == [(), (0,), (0,), (1, 2)]
    assert [tensor.name for tensor in model.tensors] == ["w", "l"]
    assert model.layers[3].tied == model.layers[0].tensors
    assert (model.unit, model.items_per_example, model.bytes) == ("tokens", 5, 4 * 56)


@pytest.mark.parametrize("name", ["resnet50", "gpt2"])
def test_a_written_model_is_read_again(name: str, tmp_path: Path) -> None:
    model = load_model(name)
    again = read(tmp_path, model_text(model))
    assert again.to_json() == {**model.to_json(), "name": "m"}


@pytest.mark.parametrize("name", ["alexnet", "ffl-features"])
def test_the_librarys_files_are_such_files(name: str) -> None:
    library = Path(__file__).parents[4] / "workloads" / "models" / "library"
    assert {file.stem for file in library.iterdir()} == set(model_names())
    assert read_model(library / f"{name}.json", "x", name) == load_model(name)


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("kind: embedding", "kind: embeding", "'embeding' (did you mean 'embedding'?)"),
        ("macs: 80, tensors", "mac: 80, tensors", "m.yaml:7:"),
        ("needs: [words]", "needs: [wordz]", "unknown layer 'wordz' (did you mean 'words'?)"),
        ("needs: [words]", "needs: [head]", "layer 'head' is not above this one"),
        ("tied: [l]", "tied: [r]", "m.yaml:8:"),
        ("name: head", "name: left", "layer 'left' is there twice"),
        ("tied: [l]", "tensors: [{name: l, shape: [4, 4]}]", "name it in `tied`"),
        ("shape: [10, 4]", "shape: [10, 0]", "m.yaml:6:"),
        ("unit: tokens", "unit: token", "did you mean 'tokens'"),
        (MINE, "layers: [{name: a}]\n", "no layer has a tensor"),
        (MINE, "layers: []\n", "m.yaml:1:"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    right: str, wrong: str, message: str, tmp_path: Path
) -> None:
    said = refused(tmp_path, MINE.replace(right, wrong, 1))
    assert message in said
    assert said.startswith("m.yaml:")
    assert len(said.splitlines()) == 1


def experiment(folder: Path, **changes: Any) -> Experiment:
    (folder / "mine.yaml").write_text(MINE)
    (folder / "x.yaml").write_text(yaml.safe_dump({**EXPERIMENT, **changes}, sort_keys=False))
    return load_experiment(folder / "x.yaml")


def test_an_experiments_file_travels_in_its_plan(tmp_path: Path) -> None:
    made = experiment(tmp_path)
    record = json.loads(json.dumps(made.to_json(), sort_keys=True))
    (tmp_path / "mine.yaml").unlink()
    again = Experiment.from_resolved(record)
    assert again.to_json() == made.to_json()
    trial = plan_trials(again)[0]
    assert "/" not in trial.directory
    hosts = ("ps", *again.placement.workers)
    addresses = {name: f"10.0.0.{number}" for number, name in enumerate(hosts)}
    for plan in plans_of_trial(again, trial, addresses).values():
        told = json.loads(plan.files["job.json"])["section"]["model"]
        assert Model.from_json(told) == load_model("./mine.yaml")


def test_another_file_makes_another_run(tmp_path: Path) -> None:
    before = experiment(tmp_path)
    (tmp_path / "mine.yaml").write_text(MINE.replace("macs: 200", "macs: 201"))
    after = load_experiment(tmp_path / "x.yaml")
    assert before.own_models["./mine.yaml"].digest != after.own_models["./mine.yaml"].digest


def test_a_file_that_is_not_there_or_cannot_compute(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"x.yaml:\d+:\d+: model \S*missing.yaml: "):
        experiment(tmp_path, models=["missing.yaml"])
    with pytest.raises(InputError, match="is a file, which cannot compute"):
        experiment(tmp_path, compute="torch")


def test_a_models_name_that_nobody_knows() -> None:
    with pytest.raises(InputError, match=r"did you mean 'gpt2'.*model import"):
        model_of("gpt3", Path(), "MODEL")


def test_what_is_on_the_way_to_a_layer_is_kept(tmp_path: Path) -> None:
    model = read(tmp_path, model_text(load_model("squeezenet")))
    assert [layer.before for layer in model.layers] == [
        layer.before for layer in load_model("squeezenet").layers
    ]
    wrong = MINE.replace("name: left,", "name: left, before: [[pool, 3, 4]],")
    assert "not something that happens on the way to a layer" in refused(tmp_path, wrong)
