"""Devices that a topology names as files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from orchestrator.errors import InputError
from orchestrator.spec import Experiment, load_experiment, load_topology
from workloads.models.profiles import load_model
from workloads.process import checks

CONSTANTS = {
    "name": "slow-one",
    "source": "made up",
    "seconds_per_megabyte_of_parameters": 0.002,
    "seconds_per_gmac": 0.7,
}
LEAF = {"seconds": 0.001, "seconds_per_gmac": 0.02}
TREE = {"if": "macs_per_output", "at_most": 100, "then": LEAF, "else": {"seconds_per_gmac": 0.01}}
PASSES = {"forward": TREE, "backward": LEAF}
PROFILE = {
    "name": "this-machine",
    "kinds": dict.fromkeys(("convolution", "pooling", "other"), PASSES),
    "measured": {"threads": 2},
}


def written(folder: Path, **devices: object) -> Path:
    """An experiment of two workers whose devices are the files of these contents."""
    names = [name.replace("_", ".") for name in devices]
    for name, content in zip(names, devices.values(), strict=True):
        text = json.dumps(content) if name.endswith("json") else yaml.safe_dump(content)
        (folder / name).write_text(text)
    first, last = names[0], names[-1]
    topology = {
        "name": "two",
        "defaults": {"link": {"rate": "1 Gbps"}, "worker": {"device": f"./{first}"}},
        "hosts": {
            "ps": {"role": "ps"},
            "worker0": {"role": "worker"},
            "worker1": {"role": "worker", "device": f"./{last}"},
        },
        "switches": ["s"],
        "links": [{"endpoints": [one, "s"]} for one in ("ps", "worker0", "worker1")],
    }
    (folder / "two.yaml").write_text(yaml.safe_dump(topology, sort_keys=False))
    experiment = {
        "name": "x",
        "topology": "two.yaml",
        "models": ["squeezenet"],
        "schedules": ["none"],
    }
    (folder / "x.yaml").write_text(yaml.safe_dump(experiment))
    return folder / "x.yaml"


def problems(path: Path) -> list[str]:
    with pytest.raises(InputError) as caught:
        load_experiment(path)
    return caught.value.lines()


def test_a_straggler_is_a_file(tmp_path: Path) -> None:
    loaded = load_experiment(written(tmp_path, fast_yaml=PROFILE, slow_json=CONSTANTS))
    assert {name: one.name for name, one in loaded.devices.items()} == {
        "./fast.yaml": "this-machine",
        "./slow.json": "slow-one",
    }
    layer = load_model("squeezenet").layers[0]
    slow, fast = loaded.devices["./slow.json"], loaded.devices["./fast.yaml"]
    assert slow.backward_seconds(layer, 2) > fast.backward_seconds(layer, 2) > 0


def test_it_travels_in_the_plan(tmp_path: Path) -> None:
    loaded = load_experiment(written(tmp_path, fast_yaml=PROFILE))
    record = json.loads(json.dumps(loaded.to_json()))
    assert Experiment.from_resolved(record).devices == loaded.devices
    told = json.loads(json.dumps(loaded.devices["./fast.yaml"].to_json()))
    assert checks.device(told) == loaded.devices["./fast.yaml"]


def test_a_topology_alone_reads_its_devices(tmp_path: Path) -> None:
    written(tmp_path, fast_yaml=PROFILE)
    assert load_topology(tmp_path / "two.yaml").host("worker0").device == "./fast.yaml"
    (tmp_path / "fast.yaml").unlink()
    with pytest.raises(InputError, match="no such file"):
        load_topology(tmp_path / "two.yaml")


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ({**PROFILE, "kinds": {}}, "fast.yaml:1:1: kinds: expected at least 1 entry"),
        ({**PROFILE, "kinds": {"dens": PASSES}}, "no kind of layer"),
        ({**PROFILE, "seconds_per_gmac": 3.0}, "unknown key 'seconds_per_gmac'"),
        ({**CONSTANTS, "seconds_per_gmac": "x"}, "expected a number"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_there(
    tmp_path: Path, device: object, message: str
) -> None:
    (problem,) = problems(written(tmp_path, fast_yaml=device))
    assert "fast.yaml:" in problem
    assert message.rpartition(": ")[2] in problem


def test_a_missing_file_is_said_where_it_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, fast_yaml=PROFILE)
    (tmp_path / "fast.yaml").rename(tmp_path / "fest.yaml")
    assert any(
        "two.yaml:" in line and "did you mean 'fest.yaml'" in line for line in problems(path)
    )


def test_a_device_must_have_times_of_the_kinds_that_are_trained(tmp_path: Path) -> None:
    dense = {**PROFILE, "kinds": {"dense": PASSES}}
    (problem,) = problems(written(tmp_path, fast_yaml=dense))
    assert "this-machine has no times of layers of kind 'convolution', as squeezenet has" in problem
    other = {**PROFILE, "kinds": {"other": PASSES}}
    assert load_experiment(written(tmp_path, fast_yaml=other)).devices
