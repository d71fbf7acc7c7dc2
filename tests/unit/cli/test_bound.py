"""`dmlbed bound`."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from orchestrator.cli.main import cli

ROOT = Path(__file__).parents[3]
PUBLISHED = str(ROOT / "experiments/published.yaml")

SILENT = """
from workloads.exchange import Exchange

class Silent(Exchange):
    def wait(self, layers):
        return layers[0], 0

    def give(self, unit):
        pass
"""


def bound(*arguments: str, columns: int = 80) -> Result:
    return CliRunner(env={"COLUMNS": str(columns)}).invoke(cli, ["bound", *arguments])


def told(*arguments: str) -> dict[str, Any]:
    result = bound(*arguments, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def on(tmp_path: Path, topology: str) -> str:
    """The published experiment on another of the shipped topologies."""
    text = Path(PUBLISHED).read_text()
    old = "../topologies/ps-10g-1g-3workers.yaml"
    file = tmp_path / "other.yaml"
    file.write_text(text.replace(old, str(ROOT / f"topologies/{topology}.yaml")))
    return str(file)


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


def test_an_all_reduce_beside_the_parameter_server() -> None:
    """Four thirds of u over each worker's link, and nothing over the trunk."""
    (model,) = told(PUBLISHED, "--models", "alexnet")["models"]
    all_reduce = model["all_reduce"]
    assert all_reduce["kind"] == "exact"
    assert all_reduce["limited_by"] == [
        port for n in range(3) for port in (f"switch1->worker{n}", f"worker{n}->switch1")
    ]
    assert all_reduce["bound"]["u"] == pytest.approx(4 / 3)
    assert all_reduce["ring"]["hosts"] == ["worker0", "worker1", "worker2"]
    assert all_reduce["ring"]["u"] == pytest.approx(4 / 3)
    assert all_reduce["best_ring"] == all_reduce["ring"]
    lines = [" ".join(line.split()) for line in bound(PUBLISHED).stdout.splitlines()]
    assert "any all-reduce exact bound 1.33 1.087" in lines
    assert "any ring max(ring, C) 1.33 1.087" in lines
    assert "ring: worker0, worker1, worker2, and back to worker0" in lines


def test_an_order_of_the_ring_that_crosses_a_link_too_often(tmp_path: Path) -> None:
    racks = tmp_path / "racks.yaml"
    text = (ROOT / "topologies/two-rack-tree.yaml").read_text()
    for name in ("worker1", "worker4"):  # they change places
        other = {"worker1": "worker4", "worker4": "worker1"}[name]
        text = text.replace(f", {name}]", f", new-{other}]")
    racks.write_text(text.replace("new-", ""))
    file = tmp_path / "other.yaml"
    old = "../topologies/ps-10g-1g-3workers.yaml"
    file.write_text(Path(PUBLISHED).read_text().replace(old, str(racks)))
    (model,) = told(str(file), "--models", "alexnet")["models"]
    all_reduce = model["all_reduce"]
    assert all_reduce["ring"]["u"] == pytest.approx(3 * 2 * 5 / 6)
    assert all_reduce["best_ring"]["u"] == pytest.approx(all_reduce["ring"]["u"] / 3)
    assert "any ring, best order" in bound(str(file)).stdout


def test_a_split_has_the_bound_of_its_linear_programme(tmp_path: Path) -> None:
    """Two ways at once take 1.2 u, and no aggregation less: (2 x 3) / (3 + 2)."""
    file = tmp_path / "both.yaml"
    text = Path(PUBLISHED).read_text().replace("../topologies", str(ROOT / "topologies"))
    both = re.sub(r"(?m)^schedules: .*$", "schedules: [none, ring, split]", text)
    file.write_text(both)
    (model,) = told(str(file), "--models", "alexnet")["models"]
    ring, split = model["demand_bounds"]
    assert (split["schedule"], split["formula"]) == ("split", "bound of the split")
    assert split["u"] == pytest.approx(1.2, rel=1e-3)
    assert ring["u"] == pytest.approx(4 / 3)
    (simulated,) = (form for form in model["schedules"] if form["schedule"] == "ring")
    assert 4 / 3 < simulated["u"] < 1.37


def test_one_worker_has_no_all_reduce(tmp_path: Path) -> None:
    file = tmp_path / "one.yaml"
    text = Path(PUBLISHED).read_text().replace("../topologies", str(ROOT / "topologies"))
    file.write_text(f"placement: {{servers: [ps], workers: [worker1]}}\n{text}")
    (model,) = told(str(file), "--models", "alexnet")["models"]
    assert model["all_reduce"] is None
    assert "ring" not in bound(str(file)).stdout.split()


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


SWEEP = str(ROOT / "experiments/sweep-batch.yaml")


def test_a_sweep_has_a_column_for_every_point() -> None:
    result = bound(SWEEP, columns=120)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    for line in (
        "sweep-batch: 5 points of batch on ps-10g-1g-3workers, real system",
        "batch 1 5 9 17 30",
        "C/nu 0.185 0.606 1.03 1.87 3.24",
        "none 0.571 49 % 2.732 47 % 4.685 46 % 7.056 66 % 8.449 78 %",
    ):
        assert line in lines


def test_a_sweep_has_the_bounds_of_other_exchanges(tmp_path: Path) -> None:
    """Demands of an exchange, and an all-reduce: over each worker's link, whatever the trunk."""
    shutil.copy(ROOT / "experiments/own_exchange.py", tmp_path)
    file = tmp_path / "sweep.yaml"
    text = (ROOT / "experiments/own-exchange.yaml").read_text()
    text = text.replace("../topologies", str(ROOT / "topologies"))
    values = "[500 Mbps, 1 Gbps]"
    file.write_text(f"{text}sweep: {{rate: {{link: [switch0, switch1], values: {values}}}}}\n")
    slow, fast = told(str(file))["places"]
    assert slow["barrier_bound_imgs_per_sec"] < fast["barrier_bound_imgs_per_sec"]
    for place in (slow, fast):
        known = {form["schedule"]: form for form in place["demand_bounds"]}
        assert set(known) == {"alone", "everyone", "watched"}
        alone, everyone = (known[name]["imgs_per_sec"] for name in ("alone", "everyone"))
        assert alone == pytest.approx(3 / place["compute_seconds"])
        # What sends nothing has the highest bound, which is the place's.
        assert place["bound_imgs_per_sec"] == pytest.approx(alone)
        assert everyone == pytest.approx(35.911, rel=1e-3)
        assert place["all_reduce"]["kind"] == "exact"
        assert place["all_reduce"]["bound"]["imgs_per_sec"] == pytest.approx(alone)
    lines = [" ".join(line.split()) for line in bound(str(file)).stdout.splitlines()]
    assert "any all-reduce 44.569 44.569" in lines
    assert "bound of everyone 35.911 35.911" in lines


def test_what_nothing_can_pass_stands_beside_a_split_and_codecs() -> None:
    """On the published topology 1.2 u; coded pushes and pulls take their share of 3 u."""
    file = str(ROOT / "experiments/aggregations.yaml")
    (model,) = told(file, "--models", "alexnet")["models"]
    assert model["aggregation"]["kind"] == "exact"
    assert model["aggregation"]["helpers"] == ["ps"]
    assert model["aggregation"]["bound"]["u"] == pytest.approx(1.2)
    (model,) = told(str(ROOT / "experiments/codecs.yaml"), "--models", "alexnet")["models"]
    known = {form["schedule"]: form["u"] for form in model["demand_bounds"]}
    assert known["fp16"] == pytest.approx(1.5, rel=1e-3)
    assert known["top-k-1pct"] == pytest.approx(3.0)
    assert all("seconds" in form for form in model["schedules"])


def test_a_sweep_says_where_schedules_are_expected_to_pay() -> None:
    file = str(ROOT / "experiments/codecs-by-rate.yaml")
    lines = bound(file, columns=200).stdout.splitlines()
    own = [line for line in lines if line.startswith("expected against none:")]
    assert any("top-k-1pct pays below" in line for line in own)


@pytest.mark.parametrize("columns", [60, 80])
def test_a_sweeps_columns_are_not_cut_off(columns: int) -> None:
    lines = bound(SWEEP, columns=columns).stdout.splitlines()
    tables = [
        line.rstrip()
        for line in lines
        if not line.startswith(("sweep", "u:", "forw", "bound,", "expected"))
    ]
    assert "…" not in "".join(lines)
    assert max(map(len, tables)) <= columns
    assert sum(line.startswith("p3 ") for line in lines) > 1


def test_a_sweep_as_json_has_the_point_where_an_order_of_pulls_matters_most() -> None:
    places = told(SWEEP)["places"]
    assert [place["value"] for place in places] == [1, 5, 9, 17, 30]
    (place,) = (place for place in places if place["value"] == 17)
    assert place["compute_seconds"] / place["u_seconds"] == pytest.approx(5.6, abs=0.05)
    assert place["limits"] == "compute"
    rates = {form["schedule"]: form["imgs_per_sec"] for form in place["predictions"]}
    assert rates["tac"] / rates["none"] == pytest.approx(1.25, abs=0.02)
    assert rates["p3"] == pytest.approx(place["bound_imgs_per_sec"], rel=1e-3)


def test_a_batch_of_ones_own_and_a_sweep_of_it() -> None:
    result = bound(SWEEP, "--batch", "4")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "--batch: the batch is what the sweep varies\n"
    answer = told(str(ROOT / "experiments/sweep-rate.yaml"), "--batch", "4")
    assert answer["places"][0]["compute_seconds"] > 0.4


def test_a_sweep_says_why_a_prediction_does_not_apply(tmp_path: Path) -> None:
    file = tmp_path / "tree.yaml"
    text = Path(SWEEP).read_text().replace("../topologies/ps-10g-1g-3workers", "slow")
    topology = (ROOT / "topologies/ps-10g-1g-3workers.yaml").read_text()
    slow = "{endpoints: [switch1, worker2], rate: 100 Mbps}"
    (tmp_path / "slow.yaml").write_text(topology.replace("{endpoints: [switch1, worker2]}", slow))
    file.write_text(text)
    lines = bound(str(file)).stdout.splitlines()
    assert (
        "no prediction of fifo, p3, planned-order: switch1->worker2 is full with 1 of 3 workers,"
        " so they are not in step"
    ) in lines


def test_an_exchange_has_the_bound_of_its_demands() -> None:
    (model,) = told("experiments/own-exchange.yaml")["models"]
    bounds = {one["schedule"]: one for one in model["demand_bounds"]}
    assert list(bounds) == ["alone", "watched", "everyone"]
    assert bounds["alone"]["fullest"] == []
    assert bounds["alone"]["seconds"] == pytest.approx(model["compute_seconds"])
    assert bounds["everyone"]["u"] == pytest.approx(2)


def test_one_line_says_which_exchange_has_no_bound(tmp_path: Path) -> None:
    (tmp_path / "silent.py").write_text(SILENT)
    text = (ROOT / "experiments" / "own-exchange.yaml").read_text()
    text = text.replace("../topologies", str(ROOT / "topologies"))
    text = text.replace("own_exchange:Alone", "silent:Silent").replace(", watched, everyone", "")
    keep = [line for line in text.splitlines() if "own_exchange:" not in line]
    (tmp_path / "silent.yaml").write_text("\n".join(keep))
    lines = bound(str(tmp_path / "silent.yaml")).stdout.splitlines()
    assert "no bound of alone: its exchange declares no demands" in lines


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
