"""Reading a run: what is broken is named, the rest is still read."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.analysis import read_run, read_trial
from orchestrator.errors import InputError, RunError
from tests.unit.analysis.builder import matrix, write_run
from tests.unit.analysis.fake_trial import FakeTrial


def test_complete_run_is_read(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path, matrix(2, ["none", "switch-priority"], 2)))
    assert [trial.trial.index for trial in run.trials] == list(range(8))
    assert (run.switch, run.versions["dmlbed"], run.failed, run.missing) == (
        "linux-bridge",
        "0.1.0",
        (),
        0,
    )


@pytest.mark.parametrize("make", [False, True])
def test_directory_that_is_no_run(tmp_path: Path, make: bool) -> None:
    place = tmp_path / "nothing"
    if make:
        place.mkdir()
    with pytest.raises(InputError) as caught:
        read_run(place)
    what = "not a run: no run.json in it" if make else "not there"
    assert str(caught.value).startswith(f"{place}: {what} (give ")


def test_the_latest_runs_below_a_directory_are_named(tmp_path: Path) -> None:
    for number in range(7):
        write_run(tmp_path / "results" / "tiny" / f"2026010{number}", matrix(1, ["none"], 1))
    with pytest.raises(InputError) as caught:
        read_run(tmp_path / "results")
    named = [f"{tmp_path}/results/tiny/2026010{number}" for number in range(2, 7)]
    assert str(caught.value) == (
        f"{tmp_path}/results: not a run: no run.json in it "
        f"(runs in it: {', '.join(named)} and 2 more)"
    )


def test_a_run_without_its_records_says_what_is_left(tmp_path: Path) -> None:
    write_run(tmp_path, matrix(1, ["none"], 1))
    shutil.rmtree(tmp_path / "trials")
    (tmp_path / "summary.csv").touch()
    with pytest.raises(InputError) as caught:
        read_run(tmp_path)
    message = "the records of this run's trials are not in it, only summary.csv"
    assert str(caught.value) == f"{tmp_path}: {message}"


def test_failed_broken_and_missing_trials_are_set_apart(tmp_path: Path) -> None:
    trials = matrix(2, ["none"], 3)
    trials[0].outcome, trials[0].error = "failed", "worker1 was killed by SIGKILL"
    run_directory = write_run(tmp_path, trials)
    places = sorted((tmp_path / "trials").iterdir())
    (places[1] / "worker2.jsonl").unlink()
    (places[2] / "trial.json").unlink()
    for file in places[3].iterdir():
        file.unlink()
    places[3].rmdir()
    run = read_run(run_directory)
    assert [trial.trial.index for trial in run.trials] == [4, 5]
    assert [str(failure) for failure in run.failed] == [
        "000-alexnet-none-0: worker1 was killed by SIGKILL",
        f"001-alexnet-none-1: {places[1]}/worker2.jsonl: missing",
        f"002-alexnet-none-2: {places[2]}/trial.json: missing",
    ]
    assert run.missing == 1


def test_half_stored_trial_counts_as_missing(tmp_path: Path) -> None:
    write_run(tmp_path, matrix(1, ["none"], 2))
    place = sorted((tmp_path / "trials").iterdir())[1]
    place.rename(place.with_name(f".{place.name}"))
    run = read_run(tmp_path)
    assert (len(run.trials), run.failed, run.missing) == (1, (), 1)


def test_run_without_usable_trials(tmp_path: Path) -> None:
    write_run(tmp_path, [FakeTrial(outcome="failed", error="the ps never listened")])
    with pytest.raises(RunError, match="nothing to report: 000-alexnet-none-0: the ps never liste"):
        read_run(tmp_path)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("trial.json", "{", "trial.json: not JSON: "),
        ("network.json", "[]", "network.json: the record: "),
        ("network.json", "[" * 100_000, "network.json: not JSON: "),
        ("ps.jsonl", "{}\n{", "ps.jsonl:2: not JSON: "),
        ("ps.jsonl", "7\n", "ps.jsonl:1: not a JSON object"),
        ("ps.jsonl", "", "ps.jsonl: 0 iterations recorded, 8 expected"),
        ("worker1.jsonl", "", "worker1.jsonl: 0 records of event 'end', 1 expected"),
        (
            "worker1.jsonl",
            '{"event": "end", "cpu_seconds": NaN, "retransmits": 0}',
            "worker1.jsonl:1: not JSON: NaN is no number",
        ),
        ("worker1.jsonl", "\x80", "worker1.jsonl: not text"),
    ],
)
def test_broken_file_is_named(tmp_path: Path, file: str, content: str, message: str) -> None:
    place = FakeTrial().write(tmp_path)
    (place / file).write_bytes(content.encode("latin-1"))
    with pytest.raises(RunError) as caught:
        read_trial(place)
    assert str(caught.value).startswith(f"{place}/{message}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("iteration", 9, "8 iterations recorded, 8 expected, in order"),
        ("next_release_ns", 0, "iteration 3 ends before it begins"),
        ("pull_bytes_at_first_done", [1, 2], "iteration 3 has byte counts of 2 workers"),
    ],
)
def test_impossible_iteration_of_the_server_is_refused(
    tmp_path: Path, key: str, value: object, message: str
) -> None:
    path = FakeTrial().write(tmp_path) / "ps.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines = [{**line, key: value} if line.get("iteration") == 3 else line for line in lines]
    path.write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(RunError, match=message):
        read_trial(path.parent)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("iteration", 9, "worker1.jsonl: 8 iterations recorded, 8 expected, in order"),
        ("ended_ns", 0, "worker1.jsonl: iteration 3 ends before it begins"),
        ("ended_ns", None, "worker1.jsonl:6: ended_ns: "),
    ],
)
def test_impossible_iteration_of_a_worker_is_refused(
    tmp_path: Path, key: str, value: object, message: str
) -> None:
    path = FakeTrial().write(tmp_path) / "worker1.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines = [{**line, key: value} if line.get("iteration") == 3 else line for line in lines]
    path.write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(RunError, match=message):
        read_trial(path.parent)


def test_failed_trial_has_no_records_to_read(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="the trial failed: out of memory"):
        read_trial(FakeTrial(outcome="failed", error="out of memory").write(tmp_path))


@pytest.mark.parametrize(
    ("form", "words"), [(9, "in format 9"), (1, "in format 1"), (None, "without a format")]
)
def test_a_run_of_another_format_is_for_its_own_version(
    tmp_path: Path, form: int | None, words: str
) -> None:
    run = write_run(tmp_path / "run", [FakeTrial()])
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**record, "format": form}))
    with pytest.raises(RunError) as error:
        read_run(run)
    assert str(error.value) == (
        f"{run}/run.json: written by dmlbed 0.1.0 {words}, and this version reads format 2: "
        "report it with that version"
    )


def test_a_later_attempt_makes_a_failed_one_good(tmp_path: Path) -> None:
    failed = FakeTrial(outcome="failed", error="worker1: killed")
    trials = [failed, FakeTrial(attempt=2), replace(failed, schedule="p3")]
    run = read_run(write_run(tmp_path, trials))
    assert [one.directory for one in run.failed] == ["000-alexnet-none-0", "001-alexnet-p3-0"]
    assert [one.directory for one in run.lost] == ["001-alexnet-p3-0"]
