"""The request that crosses into the box."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import InputError
from orchestrator.spec import Overrides, Scale
from orchestrator.trials.request import RunRequest
from tests.unit.trials.examples import write_experiment


@pytest.mark.parametrize(
    "request_",
    [
        RunRequest(Path("experiments/a b.yaml"), Overrides(), Path("results")),
        RunRequest(
            Path("/x/ü.yaml"),
            Overrides(["alexnet"], ["none"], 5, 7, "8,1", "linux-bridge"),
            Path("out/put"),
            as_json=True,
        ),
        RunRequest(
            Path("a.yaml"),
            Overrides(),
            Path("out"),
            point="batch-4",
            directory=Path("out/s/batch-4"),
            texts={"a.yaml": "name: ü\n"},
        ),
    ],
)
def test_round_trip(request_: RunRequest) -> None:
    assert RunRequest.from_json(request_.to_json()) == request_


def test_what_is_loaded_in_the_box_is_what_was_loaded_outside(tmp_path: Path) -> None:
    overrides = Overrides(("alexnet",), ("switch-priority",), 1, 9, "8,2", "linux-bridge")
    request = RunRequest(write_experiment(tmp_path), overrides, tmp_path)
    inside = RunRequest.from_json(request.to_json()).load()
    assert inside == request.load()
    assert (inside.models, inside.schedules) == (("alexnet",), ("switch-priority",))
    assert (inside.repeats, inside.iterations, inside.scale) == (1, 9, Scale(8, 2))


def test_wrong_overrides_are_said_all_at_once(tmp_path: Path) -> None:
    request = RunRequest(write_experiment(tmp_path), Overrides(["alexnt"], repeats=0), tmp_path)
    with pytest.raises(InputError) as error:
        request.load()
    assert [problem.place for problem in error.value.problems] == ["--models", "--repeats"]


def test_where_a_runs_directory_stands(tmp_path: Path) -> None:
    request = RunRequest(write_experiment(tmp_path), Overrides(), tmp_path)
    assert request.place("tiny", "stamp") == (tmp_path, "tiny", "stamp")
    place = tmp_path / "tiny/stamp/batch-4"
    point = RunRequest(request.experiment, Overrides(), tmp_path, directory=place)
    assert point.place("tiny", "another") == (tmp_path / "tiny", "stamp", "batch-4")
