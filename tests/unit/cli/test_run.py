"""`dmlbed run`: what it hands on."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from orchestrator.cli.main import cli
from orchestrator.errors import RunError
from orchestrator.session.launch.request import RunRequest
from orchestrator.session.launch.resume import Resumed
from orchestrator.session.testbed.box import ReportedError
from orchestrator.spec import Overrides, load_experiment

PUBLISHED = str(Path(__file__).parents[3] / "experiments/published.yaml")
MODULE = importlib.import_module("orchestrator.cli.run")


class Runs:
    """Takes requests in the place of trials."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.requests: list[RunRequest | Resumed] = []
        self.error: Exception | None = None
        monkeypatch.setattr(MODULE, "run_experiment", self)
        monkeypatch.setattr(MODULE, "resume", self)

    def __call__(self, request: RunRequest | Resumed) -> None:
        self.requests.append(request)
        if self.error:
            raise self.error


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    return Runs(monkeypatch)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["run", *arguments])


def test_the_defaults(runs: Runs) -> None:
    result = run(PUBLISHED)
    assert (result.exit_code, result.output) == (0, "")
    loaded = load_experiment(Path(PUBLISHED))
    assert runs.requests == [RunRequest(loaded, Path("results"), as_json=False)]


def test_every_option_is_handed_on(runs: Runs) -> None:
    run(
        PUBLISHED, "--models", "alexnet, resnet50", "--schedules", "none", "--repeats", "4",
        "--iterations", "6", "--scale", "8,1", "--switch", "auto", "--out", "else/where", "--json",
        "--recalibrate", "--force",
    )  # fmt: skip
    overrides = Overrides(("alexnet", "resnet50"), ("none",), None, 4, 6, "8,1", "auto")
    loaded = load_experiment(Path(PUBLISHED), overrides)
    assert runs.requests == [
        RunRequest(loaded, Path("else/where"), as_json=True, recalibrate=True, force=True)
    ]


def test_wrong_overrides_are_said_all_at_once(runs: Runs) -> None:
    result = run(PUBLISHED, "--models", "alexnt", "--repeats", "0")
    assert result.exit_code == 2
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == ["--models", "--repeats"]
    assert runs.requests == []


def test_a_directory_is_a_run_that_goes_on(runs: Runs, tmp_path: Path) -> None:
    run(str(tmp_path), "--json")
    run(str(tmp_path), "--again", "--out", "there", "--force", "--recalibrate")
    assert runs.requests == [
        Resumed(tmp_path, as_json=True),
        Resumed(tmp_path, again=True, out=Path("there"), recalibrate=True, force=True),
    ]


def test_the_plan_of_a_run_is_as_it_is(runs: Runs, tmp_path: Path) -> None:
    result = run(str(tmp_path), "--scale", "1,1", "--repeats", "2", "--out", "there")
    assert result.exit_code == 2
    why = "a run's plan is as it is (run its experiment with this option)"
    assert sorted(result.stderr.splitlines()) == [
        "--out: a run goes on where it is (with --again it may move)",
        f"--repeats: {why}",
        f"--scale: {why}",
    ]
    assert runs.requests == []


def test_again_is_of_a_run(runs: Runs) -> None:
    result = run(PUBLISHED, "--again")
    assert result.exit_code == 2
    assert result.stderr == (
        f"--again: {PUBLISHED} is no directory (give the directory of a run)\n"
    )
    assert runs.requests == []


def test_what_was_said_in_the_box_is_not_said_again(runs: Runs) -> None:
    runs.error = ReportedError(5)
    result = run(PUBLISHED)
    assert (result.exit_code, result.output) == (5, "")


def test_other_errors_are_said(runs: Runs) -> None:
    runs.error = RunError("the testbed's conductor was killed")
    result = run(PUBLISHED)
    assert (result.exit_code, result.stdout) == (4, "")
    assert result.stderr == "the testbed's conductor was killed\n"


def test_results_cannot_go_into_a_file(runs: Runs, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = run(PUBLISHED, "--out", str(tmp_path / "file"))
    assert result.exit_code == 2
    assert "is a file" in result.stderr
    assert runs.requests == []


def test_one_experiment_is_needed(runs: Runs) -> None:
    assert run().exit_code == 2
    assert runs.requests == []
