"""`dmlbed bench`: what it hands on."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from orchestrator.cli.main import cli
from orchestrator.errors import MachineError
from orchestrator.session.launch.request import RunRequest
from orchestrator.spec import Experiment, Overrides, load_experiment

BENCH = str(Path(__file__).parents[3] / "experiments/bench.yaml")
MODULE = importlib.import_module("orchestrator.cli.bench")


def bench(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["bench", *arguments])


def test_what_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    handed: list[tuple[RunRequest, int, int]] = []
    monkeypatch.setattr(MODULE, "run_bench", lambda *given: handed.append(given))
    options = ["--switch", "ovs-user", "--scale", "16,0.5", "--seconds", "3", "--samples", "40"]
    assert bench(BENCH, *options, "--json", "--out", "there").exit_code == 0
    assert bench(BENCH).exit_code == 0

    def loaded(overrides: Overrides) -> Experiment:
        return load_experiment(Path(BENCH), overrides)

    overrides = Overrides(switch="ovs-user", scale="16,0.5")
    assert handed == [
        (RunRequest(loaded(overrides), Path("there"), as_json=True, force=True), 3, 40),
        (RunRequest(loaded(Overrides()), Path("results"), force=True), 5, 100),
    ]


def test_an_error_ends_it_with_its_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacks(*_: object) -> None:
        raise MachineError("this machine lacks for a bench: iperf3", "make setup")

    monkeypatch.setattr(MODULE, "run_bench", lacks)
    result = bench(BENCH)
    assert result.exit_code == 3
    assert result.stderr == "this machine lacks for a bench: iperf3 (make setup)\n"


@pytest.mark.parametrize("wrong", [("--seconds", "0"), ("--samples", "0"), ("--samples", "x")])
def test_wrong_lengths(wrong: tuple[str, str]) -> None:
    result = bench(BENCH, *wrong)
    assert result.exit_code == 2
    assert wrong[0] in result.stderr


def test_a_sweep_is_no_testbed() -> None:
    file = Path(__file__).parents[3] / "experiments/sweep-batch.yaml"
    result = bench(str(file))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"{file}: a bench is of one testbed, and this experiment has a sweep (leave the key out)\n"
    )
