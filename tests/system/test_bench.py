"""A bench with tiny durations: it measures something of everything, and cleans up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.system.experiments import run_directory, write_experiment
from tests.system.program import dmlbed

pytestmark = pytest.mark.system


def test_a_bench_measures_everything_once(tmp_path: Path) -> None:
    experiment = write_experiment(tmp_path, schedules="p3")
    done = dmlbed(
        "bench", experiment, "--seconds", "1", "--samples", "5",
        "--json", "--out", tmp_path / "out",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    run = run_directory(tmp_path / "out")
    assert Path(answer["run"]) == run
    assert json.loads((run / "bench.json").read_text())["figures"] == answer["figures"]
    parts = {"run.json", "bench.json", "idle.json", "iperf3", "goodput", "urgent", "trials"}
    assert {path.name for path in run.iterdir()} == parts
    by_unit: dict[str, list[float]] = {}
    for figure in answer["figures"]:
        by_unit.setdefault(figure["unit"], []).append(figure["value"])
    # No link carries more than its rate (a window may catch the end of a burst).
    assert len(by_unit["Mbit/s"]) == 6
    assert all(0 < mbit < 1100 for mbit in by_unit["Mbit/s"])
    (share,) = by_unit["%"]
    alone, ours = by_unit["Mbit/s"][:2], by_unit["Mbit/s"][-2:]
    assert share == pytest.approx(100 * min(a / b for a, b in zip(ours, alone, strict=True)))
    # It leaves before it arrives, and after it was ready.
    median, worst, arrived = by_unit["slices"]
    assert 0 < median <= worst
    assert median < arrived
    transport, gradients, aggregation = by_unit["s/GB"]
    assert 0 < gradients < transport
    assert aggregation > 0
    aimed = [figure for figure in answer["figures"] if figure["met"] is not None]
    assert len(aimed) == 3
    (urgent,) = (f["name"] for f in aimed if f["unit"] == "slices")
    assert urgent.endswith("median of 5")
    # What was captured is all of the stream, in order.
    events = [json.loads(line) for line in (run / "urgent" / "worker0.jsonl").open()]
    (packets,) = (event for event in events if event["event"] == "packets")
    assert packets["lost"] == 0
    assert packets["left_ns"] == sorted(packets["left_ns"])
    assert packets["sequence"][0] == (packets["syn_sequence"] + 1) % (1 << 32)
