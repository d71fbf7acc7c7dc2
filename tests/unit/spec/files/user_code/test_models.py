"""Users' networks among an experiment's models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.errors import InputError
from orchestrator.plugins import own_model
from orchestrator.session.plan.jobs import SHIPPED, plans_of_trial
from orchestrator.session.plan.trials import plan_trials
from orchestrator.spec import Experiment, Overrides, load_experiment
from workloads.models.profiles import load_model

TOPOLOGY = Path(__file__).parents[5] / "topologies" / "office.yaml"
NETWORK = """
from torch import nn, zeros

def small():
    return nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)), zeros(1, 6)

def wrong():
    return 1
"""


def load(folder: Path, keys: str = "", overrides: Overrides | None = None) -> Experiment:
    (folder / "my_net.py").write_text(NETWORK)
    model = "" if "models:" in keys else "models: ['my_net:small']\n"
    (folder / "e.yaml").write_text(
        f"name: e\ntopology: {TOPOLOGY}\nscale: {{rates: 1, time: 1}}\nschedules: [none]\n"
        f"{model}{keys}"
    )
    return load_experiment(folder / "e.yaml", overrides)


def problem(folder: Path, keys: str) -> str:
    with pytest.raises(InputError) as caught:
        load(folder, keys)
    (only_problem,) = caught.value.problems
    return str(only_problem).removeprefix(f"{folder}/")


def test_without_torch_it_says_what_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_model, "find_spec", lambda _name: None)
    assert problem(tmp_path, "") == (
        "e.yaml:5:10: model 'my_net:small' needs PyTorch, which is not installed "
        "(`make setup-torch`)"
    )


def test_a_network_is_profiled_shipped_and_comes_back(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="torch is not installed: make setup-torch")
    experiment = load(tmp_path, "compute: torch\n", Overrides(models=["my_net:small"]))
    model = load_model("my_net:small")
    assert [tensor.shape for tensor in model.tensors] == [(5, 6), (5,), (3, 5), (3,)]
    assert sum(layer.macs for layer in model.layers) == 45
    record = json.loads(json.dumps(experiment.to_json()))
    again = Experiment.from_resolved(record)
    assert again.own_models["my_net:small"].model == model
    assert json.loads(json.dumps(again.to_json())) == record
    assert again.digest() == experiment.digest()
    addresses = {
        name: f"10.0.0.{n}" for n, name in enumerate(("ps", *experiment.placement.workers))
    }
    for plan in plans_of_trial(again, plan_trials(again)[0], addresses).values():
        assert plan.files[f"{SHIPPED}/my_net.py"] == NETWORK.encode()
        assert json.loads(plan.files["job.json"])["section"]["model"] == model.to_json()


def test_another_file_is_another_experiment(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="torch is not installed: make setup-torch")
    before = load(tmp_path).own_models["my_net:small"]
    (tmp_path / "my_net.py").write_text(NETWORK.replace("Linear(6, 5)", "Linear(6, 5, True)"))
    after = load_experiment(tmp_path / "e.yaml").own_models["my_net:small"]
    assert after.model == before.model
    assert after.digest != before.digest


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("my_nett:small", "cannot be imported: ModuleNotFoundError"),
        ("my_net:smal", "has no attribute 'smal'"),
        ("my_net:wrong", "wrong() must return a torch module and an example"),
    ],
)
def test_what_is_no_network_is_one_problem(tmp_path: Path, name: str, expected: str) -> None:
    pytest.importorskip("torch", reason="torch is not installed: make setup-torch")
    message = problem(tmp_path, f"models: ['{name}']\n")
    assert message.startswith("e.yaml:5:10: ")
    assert expected in message
    assert "\n" not in message


def test_digits_need_a_network_that_takes_them(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="torch is not installed: make setup-torch")
    message = problem(tmp_path, "compute: torch\ndata: digits\n")
    assert "my_net:small does not take the 8 x 8 images of digits" in message
