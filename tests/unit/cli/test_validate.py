"""`dmlbed validate`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from orchestrator.cli.main import cli

TOPOLOGY = """\
name: star
defaults:
  worker: {device: published-worker-6-cores-2GHz}
hosts:
  ps: {role: ps}
  worker0: {role: worker}
switches: [switch0]
links:
  - {endpoints: [ps, switch0], rate: 10 Gbps}
  - {endpoints: [worker0, switch0], rate: 1 Gbps}
"""
EXPERIMENT = """\
name: tiny
topology: star.yaml
models: [alexnet, resnet50]
schedules: [none, switch-priority]
repeats: 2
"""


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("star.yaml").write_text(TOPOLOGY)
    Path("tiny.yaml").write_text(EXPERIMENT)


def validate(*files: str, given: str | bytes | None = None) -> Result:
    return CliRunner().invoke(cli, ["validate", *files], input=given)


def test_a_valid_topology() -> None:
    result = validate("star.yaml")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "star.yaml: valid topology star: 2 hosts, 1 switch, 2 links\n"


def test_a_valid_experiment() -> None:
    result = validate("tiny.yaml")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "tiny.yaml: valid experiment tiny: 2 models x 2 schedules x 2 repeats = 8 trials"
        " on topology star\n"
    )


def test_a_valid_sweep() -> None:
    rates = "sweep: {rate: {link: [switch0, ps], values: [100 Mbps, 1 Gbps]}}\n"
    Path("tiny.yaml").write_text(EXPERIMENT + rates)
    result = validate("tiny.yaml")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "tiny.yaml: valid experiment tiny: 2 models x 2 schedules x 2 repeats x 2 points (rate of"
        " switch0 - ps: 100 Mbit/s, 1 Gbit/s) = 16 trials on topology star\n"
    )


@pytest.mark.parametrize(("alone", "words"), [("false", "with"), ("true", "with and without")])
def test_a_valid_experiment_with_a_job_beside(alone: str, words: str) -> None:
    traffic = "traffic: {from: ps, to: worker0, rate: 300 Mbps}"
    Path("tiny.yaml").write_text(f"{EXPERIMENT}jobs: {{noise: {{{traffic}, alone: {alone}}}}}\n")
    result = validate("tiny.yaml")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.endswith(f" trials on topology star, {words} 1 job beside\n")
    assert "x with" not in result.stdout


def test_all_problems_are_shown_with_their_places() -> None:
    broken = TOPOLOGY.replace("rate: 10 Gbps", "rat: 10 Gbps").replace("1 Gbps", "0 Gbps")
    Path("broken.yaml").write_text(broken)
    result = validate("broken.yaml")
    assert (result.exit_code, result.stdout) == (2, "")
    places = [line.split(": ")[0] for line in result.stderr.splitlines()]
    assert any(place.startswith("broken.yaml:9:") for place in places)
    assert any(place.startswith("broken.yaml:10:") for place in places)


def test_a_file_that_is_not_there() -> None:
    result = validate("nowhere.yaml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("nowhere.yaml")
    assert result.stderr.count("\n") == 1


def test_several_files_are_all_checked() -> None:
    Path("broken.yaml").write_text(TOPOLOGY.replace("10 Gbps", "10 GB"))
    Path("other.yaml").write_text(EXPERIMENT.replace("star.yaml", "broken.yaml"))
    result = validate("broken.yaml", "star.yaml", "other.yaml", "nowhere.yaml", "tiny.yaml")
    assert result.exit_code == 2
    assert [line.partition(":")[0] for line in result.stdout.splitlines()] == [
        "star.yaml",
        "tiny.yaml",
    ]
    # The experiment on the broken topology has that one's problem and none of its own.
    assert [line.partition(": ")[0] for line in result.stderr.splitlines()] == [
        "broken.yaml:9:38",
        "nowhere.yaml",
    ]


def test_standard_input() -> None:
    result = validate("-", given=TOPOLOGY)
    assert result.stdout == "<stdin>: valid topology star: 2 hosts, 1 switch, 2 links\n"
    # What it names is looked for from the working directory.
    assert validate("-", given=EXPERIMENT).exit_code == 0
    Path("there").mkdir()
    Path("star.yaml").rename("there/star.yaml")
    result = validate("-", given=EXPERIMENT)
    assert result.exit_code == 2
    assert (
        result.stderr
        == "<stdin>:2:11: topology star.yaml: no such file (did you mean 'tiny.yaml'?)\n"
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (b"", "<stdin>:1:1: the file is empty"),
        (b"name: \xff", "<stdin>:1:7: not text in UTF-8: byte 0xff"),
        (b"#" * (1024 * 1024 + 1), "<stdin>: is larger than 1024 KiB"),
    ],
)
def test_wrong_standard_input(given: bytes, message: str) -> None:
    result = validate("-", given=given)
    assert (result.exit_code, result.stderr) == (2, f"{message}\n")


@pytest.mark.parametrize("how", ["</", "<&-"])
def test_standard_input_that_cannot_be_read(how: str) -> None:
    # As set-up installs it: beside Python.
    command = Path("dmlbed")
    command.write_bytes((Path(__file__).parents[3] / "scripts/dmlbed").read_bytes())
    command.chmod(0o755)
    Path("python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    Path("python").chmod(0o755)
    ended = subprocess.run(
        ["sh", "-c", f'"$1" validate - {how}', "sh", "./dmlbed"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "<stdin>: is closed, or a directory (name a file)\n"


def test_a_topology_of_the_name_of_standard_input_is_a_file() -> None:
    Path("-").write_text(TOPOLOGY)
    Path("tiny.yaml").write_text(EXPERIMENT.replace("star.yaml", "'-'"))
    assert validate("tiny.yaml", given="").exit_code == 0


def test_iterations_that_are_added_are_said() -> None:
    Path("tiny.yaml").write_text(EXPERIMENT.replace("none,", "fifo,") + "warm_up: 0\n")
    result = validate("tiny.yaml")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1] == (
        "tiny.yaml: warm_up: 1 instead of 0: without a step barrier (fifo) a push overlaps with"
        " the next iteration"
    )
