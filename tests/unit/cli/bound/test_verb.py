"""`dmlbed bound` of an experiment: bounds, predictions, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.bound.asked import PUBLISHED, ROOT, bound, on, told


def test_the_published_experiment() -> None:
    result = bound(PUBLISHED, "--models", "alexnet,mobilenet")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert lines[:2] == [
        "published: 3 workers on ps-10g-1g-3workers, batch 1, real system",
        "fullest: switch0->switch1 (pull) and switch1->switch0 (push), each for 3 workers"
        " at 956.4 Mbit/s of payload (1448/1514 of the rate: a run measures it)",
    ]
    for line in (
        "alexnet 2.069 0.5535 0.1845 0.267 6.207 8.310 link",
        "mobilenet 0.1173 0.9331 0.3110 7.95 0.9331 0.9775 compute",
        "alexnet any lower bound 3.00 0.483",
        "any with a step barrier lower bound 4.02 0.361",
        "in turns, barrier (none) 2nu + C 6.27 0.231",
        "worker priority, barrier (n+1)u + C 4.27 0.340",
        "160 KB slices, layer order simulated 3.02 0.480",
        "none simulated 6.06 0.239",
        "switch-priority simulated 4.09 0.354",
    ):
        assert line in lines


def test_figures_of_slow_links_have_digits_left(tmp_path: Path) -> None:
    (tmp_path / "slow.yaml").write_text(
        (ROOT / "topologies/star.yaml").read_text().replace("1 Gbps", "9600 bps")
    )
    file = tmp_path / "other.yaml"
    file.write_text(Path(PUBLISHED).read_text().replace("../topologies/ps-10g-1g-3workers", "slow"))
    printed = bound(str(file), "--models", "squeezenet").stdout
    assert "at 9.182 kbit/s of payload" in printed
    (line,) = (line for line in printed.splitlines() if "any with a step barrier" in line)
    assert line.split()[-2:] == ["2.00", "0.000460"]


@pytest.mark.parametrize("columns", [80, 100])
def test_nothing_is_cut_off(columns: int) -> None:
    result = bound(PUBLISHED, "--models", "inception3,mobilenet_v1", columns=columns)
    lines = result.stdout.splitlines()
    assert "…" not in result.stdout
    # What is said in lines of its own is not wrapped.
    assert max(len(line.rstrip()) for line in lines[2:-3]) <= columns


def test_json() -> None:
    answer = told(PUBLISHED)
    assert (answer["experiment"], answer["topology"]) == ("published", "ps-10g-1g-3workers")
    assert (answer["workers"], answer["batch"]) == (3, 1)
    assert answer["goodput"] == "1448/1514 of the rates"
    names = [model["model"] for model in answer["models"]]
    assert names == ["alexnet", "googlenet", "inception3", "resnet50", "mobilenet"]
    googlenet = answer["models"][1]
    assert googlenet["u_seconds"] == pytest.approx(0.2342, rel=1e-3)
    assert googlenet["forward_seconds"] == pytest.approx(googlenet["compute_seconds"] / 3)
    assert googlenet["limit"] == "link"
    assert [(load["port"], load["workers"]) for load in googlenet["fullest"]] == [
        ("switch0->switch1", 3),
        ("switch1->switch0", 3),
    ]
    assert googlenet["bound"]["u"] == pytest.approx(3)
    assert googlenet["bound"]["imgs_per_sec"] == pytest.approx(3 / googlenet["bound"]["seconds"])
    assert googlenet["barrier_bound"]["u"] > 4
    for model in answer["models"]:
        for form in model["predictions"]:
            assert form["seconds"] >= model["bound"]["seconds"] * (1 - 1e-6)


def test_the_batch_is_changed_for_the_question() -> None:
    (one,), (many,) = (
        told(PUBLISHED, "--models", "resnet50", *more)["models"] for more in ([], ["--batch", "32"])
    )
    assert (one["limit"], many["limit"]) == ("link", "compute")
    assert many["u_seconds"] == one["u_seconds"]
    assert many["bound"]["imgs_per_sec"] == pytest.approx(96 / many["compute_seconds"])


def test_one_line_says_why_predictions_do_not_apply(tmp_path: Path) -> None:
    file = on(tmp_path, "star")
    lines = bound(file).stdout.splitlines()
    (line,) = [line for line in lines if line.startswith("no prediction of ")]
    assert line == (
        "no prediction of any schedule: no bottleneck that all workers share: "
        "switch0->worker0 is full with 1 of 4 workers"
    )
    # With a barrier every worker is simulated, whatever it shares.
    simulated = [line for line in lines if "simulated" in line]
    names = {"none", "switch-priority"}
    assert all(names.intersection(line.split()) for line in simulated)
    assert "each for 1 worker at" in lines[1]
    (model,) = told(file, "--models", "alexnet")["models"]
    assert all(set(form) == {"schedule", "formula", "why_not"} for form in model["predictions"])
    assert model["bound"]["u"] == pytest.approx(1)


def test_some_predictions_may_apply(tmp_path: Path) -> None:
    topology = (ROOT / "topologies/ps-10g-1g-3workers.yaml").read_text()
    trunk = "{endpoints: [switch0, switch1]}"
    slower = "{endpoints: [switch0, switch1], reverse: {rate: 500 Mbps}}"
    assert trunk in topology
    (tmp_path / "slow.yaml").write_text(topology.replace(trunk, slower))
    file = tmp_path / "other.yaml"
    file.write_text(
        Path(PUBLISHED).read_text().replace("../topologies/ps-10g-1g-3workers", "slow")
    )  # fmt: skip
    printed = bound(str(file), "--models", "alexnet").stdout
    assert "fullest: switch1->switch0 (push), each for 3 workers at 478.2 Mbit/s" in printed
    assert (
        "no prediction of in turns, barrier (none); worker priority, barrier; fine slices, FIFO; "
        "fine slices, layer order: switch0->switch1 and switch1->switch0 are not equally fast"
    ) in printed
    assert "whole tensors, FIFO" in printed


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--models", "alexnt"], "--models: unknown model 'alexnt' (did you mean 'alexnet'?)"),
        (
            ["--batch", "0"],
            "Error: Invalid value for '--batch': 0 is not in the range 1<=x<=1000000.",
        ),
    ],
)
def test_wrong_options(arguments: list[str], line: str) -> None:
    result = bound(PUBLISHED, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == line


def test_a_topology_has_no_models() -> None:
    result = bound(str(ROOT / "topologies/star.yaml"))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "expected an experiment, found a topology" in result.stderr


def test_what_would_take_hours_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "large.yaml"
    file.write_text(
        f"name: large\ntopology: {ROOT}/topologies/star.yaml\nmodels: [vgg19]\n"
        f"schedules: [fine]\nsweep: {{batch: {list(range(1, 101))}}}\n"
        "custom_schedules:\n"
        "  fine: {order: layer, place: host, slice: 4 KiB, synchronisation: per-slice}\n"
    )
    result = bound(str(file))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"{file}: 56124400 steps of simulation, and 50000000 are the most (fewer points, "
        "schedules or workers, larger slices, or some of its --models)\n"
    )


def test_programs_alone_have_no_bound(tmp_path: Path) -> None:
    topology = ROOT / "topologies/ps-10g-1g-3workers.yaml"
    programs = "{own: {command: [x], throughput: {json: speed}}}"
    file = tmp_path / "own.yaml"
    file.write_text(f"name: own\ntopology: {topology}\nprograms: {programs}\n")
    result = bound(str(file))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "nothing is trained in it" in result.stderr


def test_wider_values_are_more_bytes_and_no_more_computing(tmp_path: Path) -> None:
    keys = "models: [alexnet]\nschedules: [p3]\ncompute: torch\nscale: {rates: 1, time: 1}\n"
    topology = ROOT / "topologies/ps-10g-1g-3workers.yaml"

    def model(dtype: str) -> dict[str, Any]:
        file = tmp_path / f"{dtype}.yaml"
        file.write_text(f"name: own\ntopology: {topology}\n{keys}dtype: {dtype}\n")
        described: dict[str, Any] = json.loads(bound(str(file), "--json").stdout)["models"][0]
        return described

    narrow, wide = model("float32"), model("float64")
    assert wide["u_seconds"] == pytest.approx(2 * narrow["u_seconds"])
    assert wide["bound"]["seconds"] == pytest.approx(2 * narrow["bound"]["seconds"])
    assert wide["compute_seconds"] == narrow["compute_seconds"]
    (p3,), (wide_p3,) = narrow["schedules"], wide["schedules"]
    assert wide_p3["seconds"] > 1.9 * p3["seconds"]


def test_of_real_layers_it_says_that_nothing_is_a_bound() -> None:
    warning = "nothing here is a bound"
    assert warning in " ".join(bound(str(ROOT / "experiments/digits.yaml")).stdout.split())
    assert warning not in " ".join(bound(PUBLISHED).stdout.split())
