"""Scales that the machine chooses or refuses, on real testbeds with linux-bridge."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.system.program import Running, dmlbed, dmlbed_argv

pytestmark = pytest.mark.system

# Finished well, or finished on a machine too busy for its figures to count: not the question here.
FINISHED = (0, 5)

TOPOLOGY = """
name: two
defaults:
  worker: {{device: published-worker-6-cores-2GHz}}
  link: {{rate: {trunk}}}
hosts: {{ps: {{role: ps}}, worker0: {{role: worker}}, worker1: {{role: worker}}}}
switches: [switch0, switch1]
links:
  - {{endpoints: [ps, switch0], rate: 800 Gbps}}
  - {{endpoints: [switch0, switch1]}}
  - {{endpoints: [switch1, worker0]}}
  - {{endpoints: [switch1, worker1]}}
"""
EXPERIMENT = """
name: two
topology: two.yaml
models: [squeezenet]
schedules: [none]
iterations: 1
warm_up: 1
cool_down: 0
repeats: 1
retries: 0
switch: linux-bridge
"""


class Place:
    """An experiment with its results and its own memory of calibrations."""

    def __init__(self, directory: Path, trunk: str) -> None:
        self.directory = directory
        (directory / "two.yaml").write_text(TOPOLOGY.format(trunk=trunk))
        (directory / "experiment.yaml").write_text(EXPERIMENT)
        self.environment = {"XDG_CACHE_HOME": str(directory / "cache")}

    def arguments(self, *options: str) -> list[str]:
        file, out = self.directory / "experiment.yaml", self.directory / "results"
        return ["run", str(file), "--out", str(out), "--json", *options]

    def run(self, *options: str) -> subprocess.CompletedProcess[str]:
        return dmlbed(*self.arguments(*options), **self.environment)

    def remembered(self) -> list[dict[str, Any]]:
        files = (self.directory / "cache" / "dmlbed").glob("*.json")
        return [attempt for file in files for attempt in json.loads(file.read_text())["attempts"]]


def record(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        (Path(json.loads(done.stdout)["run"]) / "run.json").read_text()
    )
    return found


def test_auto_chooses_once_and_the_trial_runs_on_it(tmp_path: Path) -> None:
    place = Place(tmp_path, "200 Mbps")
    first = place.run()
    print(first.stderr)
    assert first.returncode in FINISHED, first.stderr
    run = record(first)
    rates = run["calibration"]["chosen"]
    assert run["experiment"]["scale"] == {"rates": rates, "time": 1}
    chosen = run["calibration"]["attempts"][-1]
    assert chosen["rates"] == rates
    for way in ("pull", "push"):
        assert 0.95 <= chosen[way]["share"] < 1.02
        assert chosen[way]["rate_bps"] == round(200e6 / rates)
    # What other programs had, the testbed would have left idle.
    assert chosen["idle"] + chosen["taken"] >= 0.2
    remembered = place.remembered()
    for attempt in remembered:
        attempt["shown"] = None  # what the trial taught, and the calibration cannot know
    assert [a for a in run["calibration"]["attempts"] if a in remembered][-1:] == [chosen]
    (line,) = [x for x in first.stderr.splitlines() if x.startswith("scale auto: ")]
    assert line.startswith(f"scale auto: R = {rates:g} on linux-bridge: ")
    assert line.endswith(" (calibrated now)")

    # The second run may end when it has said what it would do.
    with Running(dmlbed_argv(*place.arguments()), **place.environment) as second:
        second.wait_for("building the testbed of two")
        second.press_ctrl_c()
        assert second.end() == 128 + signal.SIGINT, second.said()
    assert "calibrating" not in second.said()
    assert " (remembered from " in second.said()
    assert f"building the testbed of two, R={rates:g}, D=1\n" in second.said()


@pytest.mark.beside
def test_a_scale_that_no_machine_carries_is_refused_or_forced_and_marked(tmp_path: Path) -> None:
    place = Place(tmp_path, "400 Gbps")
    refused = place.run("--scale", "1,1")
    print(refused.stderr)
    assert (refused.returncode, refused.stdout) == (3, "")
    said = refused.stderr.splitlines()[-1]
    assert said.startswith("this machine does not carry R=1, D=1 on linux-bridge: ")
    assert " % of 400 Gbit/s both ways, " in said
    assert not (tmp_path / "results").exists()

    forced = place.run("--scale", "1,1", "--force")
    assert forced.returncode == 5, forced.stderr
    assert record(forced)["calibration"]["forced"]["level"] == "unusable"
    (row,) = json.loads(forced.stdout)["rows"]
    assert row["verdict"] == "unusable"
    assert row["reasons"][0].startswith("forced scale: ")


@pytest.mark.beside
def test_a_calibration_can_be_stopped(tmp_path: Path) -> None:
    place = Place(tmp_path, "200 Mbps")
    with Running(dmlbed_argv(*place.arguments()), **place.environment) as running:
        running.wait_for("calibrating what this machine carries of two")
        running.press_ctrl_c()
        assert running.end() == 128 + signal.SIGINT
    assert place.remembered() == []
