"""Loading experiments and topologies; the golden files have most of what can be wrong."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import yaml

from orchestrator.errors import InputError
from orchestrator.spec import (
    AutoScale,
    Experiment,
    Overrides,
    Scale,
    load_any,
    load_experiment,
    load_topology,
)
from orchestrator.spec.files.reference import schema
from orchestrator.spec.values.text import nearest

ROOT = Path(__file__).parents[3]
GOOD = ROOT / "tests/golden/good"
PUBLISHED = ROOT / "experiments/published.yaml"


def lines(load: Callable[[], object]) -> list[str]:
    with pytest.raises(InputError) as caught:
        load()
    return caught.value.lines()


def experiment_text(**changes: object) -> str:
    data = {
        "name": "x",
        "topology": str(GOOD / "small.yaml"),
        "models": ["alexnet"],
        "schedules": ["none"],
        **changes,
    }
    return yaml.safe_dump(data)


@pytest.mark.parametrize("kind", ["topologies", "experiments"])
def test_shipped_files_are_valid(kind: str) -> None:
    files = sorted((ROOT / kind).glob("*.yaml"))
    assert files
    for file in files:
        assert load_any(file).name == file.stem


def test_published_experiment() -> None:
    experiment = load_experiment(PUBLISHED)
    assert experiment.models == ("alexnet", "googlenet", "inception3", "resnet50", "mobilenet")
    assert experiment.schedules == ("none", "switch-priority")
    assert (experiment.warm_up, experiment.iterations, experiment.cool_down) == (1, 3, 0)
    assert experiment.repeats == 3
    assert experiment.asked_scale == AutoScale(0.3)
    assert experiment.published["alexnet"] == {"none": (0.24,), "switch-priority": (0.34,)}
    assert set(experiment.devices) == {"published-worker-6-cores-2GHz"}
    assert experiment.topology.name == "ps-10g-1g-3workers"
    buffers, demands = experiment.socket_buffers, experiment.exchange.demands
    assert {buffers.send_bytes(demands, flow) for flow in demands} == {49152}
    assert buffers.receive_bytes(demands) == 262144


def test_overrides_replace_values() -> None:
    overrides = Overrides(
        models=["vgg19"],
        schedules=["none"],
        repeats=1,
        iterations=9,
        scale="8,2",
        switch="linux-bridge",
    )
    experiment = load_experiment(PUBLISHED, overrides)
    assert (experiment.models, experiment.schedules) == (("vgg19",), ("none",))
    assert (experiment.repeats, experiment.iterations) == (1, 9)
    assert (experiment.scale, experiment.switch) == (Scale(8, 2), "linux-bridge")
    scaled = load_experiment(PUBLISHED, Overrides(scale=Scale(8, 2)))
    assert scaled.scale == experiment.scale
    other = load_experiment(PUBLISHED).with_scale(Scale(8, 2))
    assert other.scale == experiment.scale
    assert other.digest() != experiment.digest()


def test_numbers_need_a_scale_that_has_been_chosen() -> None:
    asked = load_experiment(PUBLISHED, Overrides(scale="auto,0.25"))
    assert asked.asked_scale == AutoScale(0.25)
    with pytest.raises(ValueError, match="R has not been chosen yet"):
        _ = asked.scale
    with pytest.raises(ValueError, match="R has not been chosen yet"):
        asked.digest()
    chosen = asked.with_scale(Scale(4, 0.25))
    by_hand = load_experiment(PUBLISHED, Overrides(scale="4,0.25"))
    assert chosen.digest() == by_hand.digest()


def test_problems_of_overrides_stand_at_the_option() -> None:
    overrides = Overrides(
        models=["alexnet", "alexnett", "alexnet"],
        schedules=[],
        repeats=0,
        iterations=-1,
        scale="fast",
        switch="ovs",
    )
    assert lines(lambda: load_experiment(PUBLISHED, overrides)) == [
        "--models: unknown model 'alexnett' (did you mean 'alexnet'?)",
        "--models: 'alexnet' is listed twice",
        "--schedules: names no schedule",
        "--repeats: must be from 1 to 1000000, found 0",
        "--iterations: must be from 1 to 1000000, found -1",
        "--scale: expected R,D such as 1,0.5, or auto,D, or auto, found 'fast'",
        "--switch: unknown switch 'ovs' (known: auto, ovs-kernel, ovs-user, linux-bridge)",
    ]


def test_a_scale_that_is_none() -> None:
    assert lines(lambda: load_experiment(PUBLISHED, Overrides(scale="1000,"))) == [
        "--scale: expected R,D such as 1,0.5, or auto,D, or auto, found '1000,'"
    ]


def test_problems_of_file_topology_and_options_come_together(tmp_path: Path) -> None:
    broken = ROOT / "tests/golden/broken/topology-small-queue.yaml"
    file = tmp_path / "x.yaml"
    file.write_text(experiment_text(topology=str(broken), repeats=0), encoding="utf-8")
    messages = lines(lambda: load_experiment(file, Overrides(switch="x")))
    assert [line.split(": ")[0] for line in messages] == [
        f"{file}:4:10",
        f"{broken}:11:39",
        "--switch",
    ]


def test_digest_follows_what_decides_a_figure(tmp_path: Path) -> None:
    def digest(**changes: object) -> str:
        file = tmp_path / "x.yaml"
        file.write_text(experiment_text(**changes), encoding="utf-8")
        experiment = load_experiment(file)
        asked = experiment.asked_scale
        if isinstance(asked, AutoScale):
            experiment = experiment.with_scale(asked.at(1))
        assert json.loads(json.dumps(experiment.resolved())) == experiment.resolved()
        return experiment.digest()

    first = digest()
    assert len(first) == 12
    assert digest(description="other words") == first
    assert digest(iterations=5, scale={"rates": 1, "time": 1.0}) == first
    assert digest(seed=2) != first
    assert digest(scale={"time": 0.5}) != first
    assert digest(topology=str(ROOT / "topologies/star.yaml")) != first


def test_device_models_of_an_experiment_replace_the_library(tmp_path: Path) -> None:
    name = "published-worker-6-cores-2GHz"
    constants = {"seconds_per_megabyte_of_parameters": 1, "seconds_per_gmac": 2}
    file = tmp_path / "x.yaml"
    file.write_text(experiment_text(device_models={name: constants}), encoding="utf-8")
    device = load_experiment(file).devices[name]
    assert (device.name, device.seconds_per_gmac) == (name, 2)
    assert device.seconds_per_depthwise_layer == 0


def test_topology_is_found_relative_to_the_experiment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert load_experiment(PUBLISHED).topology.name == "ps-10g-1g-3workers"
    monkeypatch.chdir(ROOT / "experiments")
    experiment = load_experiment(Path("published.yaml"))
    assert (experiment.topology.name, experiment.source) == (
        "ps-10g-1g-3workers",
        Path("published.yaml"),
    )


def test_a_file_of_the_other_kind_is_called_by_its_name() -> None:
    topology = ROOT / "topologies/star.yaml"
    assert lines(lambda: load_experiment(topology)) == [
        f"{topology}:3:1: expected an experiment, found a topology"
    ]
    assert lines(lambda: load_topology(PUBLISHED)) == [
        f"{PUBLISHED}:3:1: expected a topology, found an experiment"
    ]
    assert isinstance(load_any(PUBLISHED), Experiment)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name: a\nhosts: \xff\n", ":2:8: not text in UTF-8: byte 0xff"),
        (b"name: a\x00b\n", ":1:8: not text: character U+0000"),
        ("name: ü\n# \x7f".encode(), ":2:3: not text: character U+007F"),
        (b"\x7fELF\x02\x01\x01\x00", ":1:1: not text: character U+007F"),
        ("name: a\n".encode("utf-16"), ":1:1: not text in UTF-8: byte 0xff"),
        (b'links: "\\UFFFFFFFF"\n', ":1:1: not valid YAML: "),
        (b"%YAML 1." + b"1" * 5000 + b"\n---\nlinks: []\n", ":1:1: not valid YAML: "),
        (b'description: "\\uD800"\nlinks: 1', ":1:14: text with unprintable characters: '\\ud800'"),
        (b"#" * (2**20 + 1), ": is larger than 1024 KiB"),
        (b"links: [" + b"1," * 10_001 + b"]\n", ":1:20003: more than 10000 values"),
        (b"links: " + b"[" * 200_000, ":1:28: nested deeper than 20 levels"),
        (b"? [a]\n: 1\nlinks: []\n", ":1:3: a key must be plain text"),
    ],
)
def test_files_that_no_editor_shows_well(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes(content)
    messages = lines(lambda: load_any(file))
    assert any(line.startswith(f"{file}{message}") for line in messages), messages


def test_a_byte_order_mark_is_no_problem(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + (GOOD / "small.yaml").read_bytes())
    assert load_topology(file).name == "small"


def test_paths_that_are_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("star.yaml").touch()
    Path("dir").mkdir()
    os.mkfifo("pipe")
    expected = {
        "sta.yaml": "sta.yaml: no such file (did you mean 'star.yaml'?)",
        "no/star.yaml": "no/star.yaml: no such file (there is no directory 'no')",
        "dir": "dir: is a directory (name a YAML file in it)",
        "pipe": "pipe: is not a regular file (- reads standard input)",
        "star.yaml/x": "star.yaml/x: cannot be read: Not a directory",
        "x" * 300: f"{'x' * 300}: cannot be read: File name too long",
    }
    assert {name: lines(partial(load_any, Path(name))) for name in expected} == {
        name: [line] for name, line in expected.items()
    }


def test_nearest_names() -> None:
    assert nearest("AlexNet", ["alexnet", "resnet50"]) == "did you mean 'alexnet'?"
    assert nearest("zzz", ["alexnet"], else_list="known") == "known: alexnet"
    assert nearest("zzz", ["alexnet"]) == ""
    assert nearest("x" * 10**5, ["alexnet"]) == ""
    assert nearest("0", ["none", "\x1f"], else_list="known") == "known: none, \\x1f"
    assert nearest("a\tbcd", ["a\x1fbcd"]) == "did you mean 'a\\x1fbcd'?"


def test_committed_schemas_are_those_of_the_models() -> None:
    for file, generated in (
        (schema.TOPOLOGY_SCHEMA, schema.topology_schema()),
        (schema.EXPERIMENT_SCHEMA, schema.experiment_schema()),
    ):
        committed = (ROOT / file).read_text(encoding="utf-8")
        assert committed == schema.as_text(generated), (
            "run python -m orchestrator.spec.files.reference.schema"
        )


def test_schema_takes_quantities_as_text_and_no_null() -> None:
    topology = schema.topology_schema()
    rate = topology["$defs"]["LinkFile"]["properties"]["rate"]
    assert rate["type"] == "string"
    assert rate["pattern"].startswith("^[0-9]")
    assert '"null"' not in schema.as_text(topology)
    assert topology["additionalProperties"] is False


@pytest.mark.parametrize("indent", [None, 2, "\t"])
def test_json_is_yaml(tmp_path: Path, indent: int | str | None) -> None:
    """As every program writes it: with tabs, and with escapes for all that is not ASCII."""
    text = yaml.safe_load((ROOT / "topologies/star.yaml").read_text())
    file = tmp_path / "star.json"
    file.write_text(json.dumps({**text, "description": "\U0001f600 ü"}, indent=indent))
    topology = load_topology(file)
    assert topology.description == "\U0001f600 ü"
    assert topology.links == load_topology(ROOT / "topologies/star.yaml").links


def test_positions_in_json_with_tabs(tmp_path: Path) -> None:
    file = tmp_path / "star.json"
    file.write_text('{\n\t"name": "x",\n\t"links": [],\n\t"nam":\t3\n}\n')
    messages = lines(lambda: load_topology(file))
    assert f"{file}:4:2: unknown key 'nam' (did you mean 'name'?)" in messages


def test_the_baseline_is_one_of_the_schedules(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(experiment_text(schedules=["p3", "fifo"], baseline="fifo"))
    experiment = load_experiment(file)
    assert experiment.baseline == experiment.resolved()["baseline"] == "fifo"
    # What says nothing of it has the digest that it always had.
    file.write_text(experiment_text(schedules=["p3", "fifo"]))
    assert load_experiment(file).baseline == "none"
    assert "baseline" not in load_experiment(file).resolved()


@pytest.mark.parametrize(
    ("baseline", "message"),
    [
        ("none", "baseline 'none' is none of the schedules (name one of them"),
        ("fifoo", "unknown schedule 'fifoo' (did you mean 'fifo'?"),
    ],
)
def test_a_baseline_that_is_none_of_the_schedules(
    tmp_path: Path, baseline: str, message: str
) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(experiment_text(schedules=["p3", "fifo"], baseline=baseline))
    (line,) = lines(lambda: load_experiment(file))
    assert message in line
