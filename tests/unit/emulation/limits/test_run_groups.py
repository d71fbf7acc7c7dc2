"""Whose cgroups they are, and who removes them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from orchestrator.emulation.box import guardian
from orchestrator.emulation.limits.cgroups import Hierarchy, Layout
from orchestrator.emulation.limits.run_groups import (
    RunGroups,
    own_name,
    remove_stale,
    run_groups,
    stale,
)

ALIVE = {42: 1000}


@pytest.mark.parametrize(
    ("name", "gone"),
    [
        ("dmlbed-42-1000-7", False),
        ("dmlbed-42-999-7", True),  # the pid came again
        ("dmlbed-43-1000-7", True),
        ("dmlbed-43-1000-8", False),  # another PID namespace: not ours to judge
        ("dmlbed-43", False),
        ("my-dmlbed-43-1000-7", False),
        ("dmlbed-43-1000-7-old", False),
    ],
)
def test_stale_is_what_a_dead_process_of_our_namespace_made(name: str, gone: bool) -> None:
    assert stale(name, ALIVE.get, 7) is gone


def layout(folder: Path) -> Layout:
    return Layout((Hierarchy(2, ("cpu", "memory"), folder, folder / "user"),), {"cpuset": "no"})


@pytest.fixture
def tree(tmp_path: Path) -> Layout:
    (tmp_path / "user").mkdir()
    return layout(tmp_path)


def test_only_what_the_dead_left_is_removed(tree: Layout, tmp_path: Path) -> None:
    namespace = own_name().rpartition("-")[2]
    dead = tmp_path / "deep" / f"dmlbed-{os.getpid()}-1-{namespace}"
    (dead / "worker0").mkdir(parents=True)
    living = tmp_path / own_name()
    living.mkdir()
    other = tmp_path / "system.slice"
    other.mkdir()
    assert remove_stale(tree) == [dead]
    assert not dead.exists()
    assert living.exists()
    assert other.exists()
    assert dead.parent.exists()


def test_a_run_has_directories_as_long_as_it_lasts(tree: Layout, tmp_path: Path) -> None:
    own = tmp_path / "user" / own_name()
    with run_groups(tree) as groups:
        assert groups.hierarchies == (Hierarchy(2, ("cpu", "memory"), tmp_path, own),)
        assert groups.missing == {"cpuset": "no"}
        assert RunGroups.from_json(groups.to_json()) == groups
        control = own / "cgroup.subtree_control"
        assert control.read_text() == "+cpu +memory"
        control.unlink()  # in a real one it goes with the directory
        groups.host("worker0")
        assert (own / "worker0").is_dir()
    assert not own.exists()


def test_a_run_that_fails_leaves_nothing(tree: Layout, tmp_path: Path) -> None:
    def fail(groups: RunGroups) -> None:
        (groups.hierarchies[0].directory / "cgroup.subtree_control").unlink()
        raise RuntimeError("the run failed")

    with pytest.raises(RuntimeError, match="the run failed"), run_groups(tree) as groups:
        fail(groups)
    assert list((tmp_path / "user").iterdir()) == []


def test_a_tree_in_which_nothing_can_be_made_is_left_out(tmp_path: Path) -> None:
    with run_groups(layout(tmp_path)) as groups:
        assert groups.hierarchies == ()
        assert set(groups.missing) == {"cpu", "memory", "cpuset"}
        assert groups.missing["cpu"].endswith(": No such file or directory")


@pytest.mark.parametrize(
    ("version", "file", "text"), [(1, "cpu.shares", "4096"), (2, "cpu.weight", "400")]
)
def test_hosts_in_a_group_weigh_as_much_as_outside(
    tmp_path: Path, version: int, file: str, text: str
) -> None:
    trees = (
        Hierarchy(version, ("cpu",), tmp_path, tmp_path),
        Hierarchy(version, ("memory",), tmp_path, tmp_path / "other"),
    )
    RunGroups(trees).weigh(4)
    assert (tmp_path / file).read_text() == text
    assert [path.name for path in tmp_path.iterdir()] == [file]


class Clock:
    """Time that passes by sleeping only."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_the_guardian_waits_until_no_process_is_left() -> None:
    clock = Clock()

    def attempt(folders: Iterable[Path]) -> list[Path]:
        return [] if clock.now > 7 else list(folders)

    waiting = [Path("/a"), Path("/b")]
    left = guardian.remove_when_empty(waiting, 300, attempt=attempt, clock=clock, sleep=clock.sleep)
    assert left == []
    assert 7 < clock.now < 9


def test_the_guardian_does_not_wait_for_ever() -> None:
    clock = Clock()
    left = guardian.remove_when_empty(
        [Path("/a")], 300, attempt=list, clock=clock, sleep=clock.sleep
    )
    assert left == [Path("/a")]
    assert 300 <= clock.now < 302


def test_removal_begins_at_the_bottom_and_leaves_what_is_in_use(tmp_path: Path) -> None:
    free, used = tmp_path / "free", tmp_path / "used"
    (free / "worker0" / "inner").mkdir(parents=True)
    (free / "worker1").mkdir()
    (used / "worker0").mkdir(parents=True)
    (used / "worker0" / "in-use").touch()  # plays a process: rmdir fails
    (used / "worker1").mkdir()
    assert guardian.remove([free, used, tmp_path / "gone"]) == [used]
    assert not free.exists()
    assert not (used / "worker1").exists()
