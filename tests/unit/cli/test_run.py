"""`dmlbed run`: what it hands on."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from orchestrator.cli.main import cli
from orchestrator.errors import RunError
from orchestrator.spec import Overrides
from orchestrator.trials import RunRequest
from orchestrator.trials.boxed import AlreadySaid

MODULE = importlib.import_module("orchestrator.cli.run")


class Runs:
    """Takes requests in the place of trials."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.requests: list[RunRequest] = []
        self.error: Exception | None = None
        monkeypatch.setattr(MODULE, "run_experiment", self)

    def __call__(self, request: RunRequest) -> None:
        self.requests.append(request)
        if self.error:
            raise self.error


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    return Runs(monkeypatch)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["run", *arguments])


def test_the_defaults(runs: Runs) -> None:
    result = run("experiments/published.yaml")
    assert (result.exit_code, result.output) == (0, "")
    assert runs.requests == [
        RunRequest(Path("experiments/published.yaml"), Overrides(), Path("results"), as_json=False)
    ]


def test_every_option_is_handed_on(runs: Runs) -> None:
    run(
        "e.yaml", "--models", "alexnet, vgg19", "--schedules", "none", "--repeats", "4",
        "--iterations", "6", "--scale", "8,1", "--switch", "auto", "--out", "else/where", "--json",
    )  # fmt: skip
    overrides = Overrides(("alexnet", "vgg19"), ("none",), 4, 6, "8,1", "auto")
    assert runs.requests == [
        RunRequest(Path("e.yaml"), overrides, Path("else/where"), as_json=True)
    ]


def test_what_was_said_in_the_box_is_not_said_again(runs: Runs) -> None:
    runs.error = AlreadySaid(5)
    result = run("e.yaml")
    assert (result.exit_code, result.output) == (5, "")


def test_other_errors_are_said(runs: Runs) -> None:
    runs.error = RunError("the testbed's conductor was killed")
    result = run("e.yaml")
    assert (result.exit_code, result.stdout) == (4, "")
    assert result.stderr == "the testbed's conductor was killed\n"


def test_results_cannot_go_into_a_file(runs: Runs, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = run("e.yaml", "--out", str(tmp_path / "file"))
    assert result.exit_code == 2
    assert "is a file" in result.stderr
    assert runs.requests == []


def test_one_experiment_is_needed(runs: Runs) -> None:
    assert run().exit_code == 2
    assert runs.requests == []
