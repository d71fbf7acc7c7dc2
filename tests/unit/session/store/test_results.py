"""A trial is in the run's directory whole or not at all."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.errors import MachineError
from orchestrator.session.store.results import ResultsDirectory, check_writable
from tests.unit.session.examples import TRIAL

FILES = {"trial.json": b"{}\n", "network.json": b"[]\n", "ps.jsonl": b""}


def directory(out: Path, stamp: str = "20260102-030405-abc") -> ResultsDirectory:
    return ResultsDirectory(out / "tiny" / stamp, {"digest": "abc", "a": [1]})


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def fail_at(monkeypatch: pytest.MonkeyPatch, name: str, error: BaseException) -> None:
    """Let writing the file of that name fail after half of it."""
    write = Path.write_bytes

    def half(path: Path, content: bytes) -> int:
        if path.name != name:
            return write(path, content)
        write(path, content[: len(content) // 2])
        raise error

    monkeypatch.setattr(Path, "write_bytes", half)


def test_nothing_is_made_before_the_first_trial(tmp_path: Path) -> None:
    made = directory(tmp_path / "results")
    assert made.path is None
    assert everything(tmp_path) == []


def test_the_first_trial_makes_the_directory(tmp_path: Path) -> None:
    made = directory(tmp_path / "not" / "there")
    made.store(TRIAL, FILES)
    run = tmp_path / "not/there/tiny/20260102-030405-abc"
    assert made.path == run
    trial = "trials/003-googlenet-switch-priority-1"
    assert everything(run) == [
        "run.json", "trials", trial, *(f"{trial}/{name}" for name in sorted(FILES)),
    ]  # fmt: skip
    assert json.loads((run / "run.json").read_text()) == {"digest": "abc", "a": [1]}
    assert {name: (run / trial / name).read_bytes() for name in FILES} == FILES


def test_trials_of_a_run_stand_side_by_side(tmp_path: Path) -> None:
    made = directory(tmp_path)
    made.store(TRIAL, FILES)
    made.store(replace(TRIAL, index=4), FILES)
    assert made.path is not None
    assert len(list((made.path / "trials").iterdir())) == 2
    assert made.stored == 2


def test_two_runs_in_one_second(tmp_path: Path) -> None:
    runs = [directory(tmp_path, "now") for _ in range(3)]
    for run in runs:
        run.store(TRIAL, FILES)
    assert [run.path for run in runs] == [
        tmp_path / "tiny/now", tmp_path / "tiny/now-2", tmp_path / "tiny/now-3",
    ]  # fmt: skip


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
@pytest.mark.parametrize("name", ["run.json", "network.json"])
def test_what_could_not_be_written_whole_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, error: BaseException
) -> None:
    made = directory(tmp_path)
    fail_at(monkeypatch, name, error)
    with pytest.raises(type(error)):
        made.store(TRIAL, FILES)
    kept = everything(tmp_path)
    assert made.stored == 0
    if name == "run.json":
        assert made.path is None
        assert kept == ["tiny"]
    else:
        run = "tiny/20260102-030405-abc"
        assert kept == ["tiny", run, f"{run}/run.json", f"{run}/trials"]


def test_a_trial_that_fails_to_be_written_leaves_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = directory(tmp_path)
    made.store(TRIAL, FILES)
    before = everything(tmp_path)
    fail_at(monkeypatch, "network.json", OSError(errno.ENOSPC, "full"))
    with pytest.raises(OSError, match="full"):
        made.store(replace(TRIAL, index=4), FILES)
    assert everything(tmp_path) == before


class Owners:
    """Takes the place of os.chown."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.given: dict[str, tuple[int, int]] = {}
        monkeypatch.setattr(os, "chown", self.chown)

    def chown(self, path: Path, uid: int, gid: int) -> None:
        self.given[str(path)] = (uid, gid)


def test_under_sudo_all_of_it_goes_to_the_caller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners = Owners(monkeypatch)
    monkeypatch.setenv("SUDO_UID", "1000")
    monkeypatch.setenv("SUDO_GID", "1001")
    made = directory(tmp_path)
    made.give_to_caller()
    assert owners.given == {}
    made.store(TRIAL, FILES)
    made.give_to_caller()
    assert sorted(owners.given) == [str(tmp_path / path) for path in everything(tmp_path)]
    assert set(owners.given.values()) == {(1000, 1001)}


def test_directories_that_were_there_keep_their_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners = Owners(monkeypatch)
    monkeypatch.setenv("SUDO_UID", "1000")
    monkeypatch.setenv("SUDO_GID", "1001")
    (tmp_path / "there").mkdir()
    made = directory(tmp_path / "there" / "new" / "results")
    made.store(TRIAL, FILES)
    made.give_to_caller()
    assert sorted(owners.given) == [
        str(tmp_path / path) for path in everything(tmp_path) if path != "there"
    ]


@pytest.mark.parametrize("known", [(), ("SUDO_UID",)])
def test_without_sudo_nobody_is_given_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: tuple[str, ...]
) -> None:
    owners = Owners(monkeypatch)
    for name in ("SUDO_UID", "SUDO_GID"):
        monkeypatch.delenv(name, raising=False)
    for name in known:
        monkeypatch.setenv(name, "1000")
    made = directory(tmp_path)
    made.store(TRIAL, FILES)
    made.give_to_caller()
    assert owners.given == {}


def test_a_place_that_can_be_written(tmp_path: Path) -> None:
    check_writable(tmp_path)
    check_writable(tmp_path / "a" / "b")
    assert everything(tmp_path) == []


def test_a_file_in_the_place_of_results(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MachineError) as error:
        check_writable(tmp_path / "file" / "results")
    assert str(error.value) == (
        f"{tmp_path}/file/results: {tmp_path}/file is not a directory (choose another --out)"
    )


@pytest.mark.parametrize("below", [".", "a/b"])
def test_a_link_to_nowhere(tmp_path: Path, below: str) -> None:
    link = tmp_path / "link"
    link.symlink_to("/nonexistent/place")
    with pytest.raises(MachineError) as error:
        check_writable(link / below)
    assert f"{link} is a link to /nonexistent/place, which is not there (" in str(error.value)


def test_a_place_that_may_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, _: path != tmp_path)
    with pytest.raises(MachineError) as error:
        check_writable(tmp_path / "results")
    assert str(error.value) == f"{tmp_path}/results: not writable (choose another --out)"


def test_a_relative_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("results").touch()
    with pytest.raises(MachineError, match=rf"^results: {tmp_path}/results is not a directory"):
        check_writable(Path("results"))
