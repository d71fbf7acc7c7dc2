"""`dmlbed bound` of an experiment with a sweep."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.bound.asked import ROOT, bound, told

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


def test_a_sweep_counts_what_the_model_counts(tmp_path: Path) -> None:
    file = tmp_path / "tokens.yaml"
    file.write_text(
        f"name: tokens\ntopology: {ROOT}/topologies/ps-10g-1g-3workers.yaml\n"
        "models: [gpt2]\nschedules: [none]\nsweep: {batch: [1, 2]}\n",
        "utf-8",
    )
    (place, *_) = told(str(file))["places"]
    lines = bound(str(file), columns=200).stdout.splitlines()
    assert any(line.startswith("gpt2, tokens/sec ") for line in lines)
    (shown,) = (line.split()[1] for line in lines if line.startswith("bound "))
    assert float(shown) == pytest.approx(1024 * place["bound_imgs_per_sec"], rel=1e-3)


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
