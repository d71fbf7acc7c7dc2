"""Runs that are stopped, lose a process, or run out of disk space: nothing finished is lost."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.experiments import run_directory, stored_trials, write_experiment
from tests.system.processes import below, recorded, workload
from tests.system.program import Running, dmlbed_argv, errors_in, wait_until

pytestmark = [pytest.mark.system, pytest.mark.beside]

# Three iterations of googlenet take some four seconds here: time enough to meet it in its middle.
SHORT, LONG = "squeezenet", "googlenet"
FINISHED = "001-squeezenet-none-1"


def start(directory: Path, models: str, before: tuple[str, ...] = ()) -> Running:
    experiment = write_experiment(directory, models=models, schedules="none")
    return Running([*before, *dmlbed_argv("run", experiment, "--out", directory / "out")])


def wait_until_training(running: Running) -> None:
    """Wait until a worker has finished an iteration of the current trial."""

    def trains() -> bool:
        worker = workload(running.process.pid, "worker1")
        return worker is not None and '"iteration"' in recorded(worker)

    wait_until(trains)


def terminate(running: Running) -> None:
    running.process.terminate()


@pytest.mark.parametrize("stop", [Running.press_ctrl_c, terminate])
def test_a_run_that_is_stopped_keeps_what_has_finished(
    stop: Callable[[Running], None], tmp_path: Path
) -> None:
    with start(tmp_path, f"{SHORT}, {LONG}") as running:
        running.wait_for("[1/2]")
        wait_until_training(running)
        inside = below(running.process.pid)
        stop(running)
        # 130 only if it ended by itself: a box that takes longer than 15 s is killed
        assert running.end() == 130
    run = run_directory(tmp_path / "out")
    assert [trial.directory.name for trial in stored_trials(run)] == [FINISHED]
    assert (run / "summary.json").is_file()
    assert f"run: {run}\n" in running.stdout
    assert errors_in(running.said()) == ["dmlbed: stopped; the trials that had finished are kept"]
    assert "Traceback" not in running.said()
    assert not {str(process) for process in inside} & {str(p) for p in below(1)}


def test_a_run_that_is_stopped_while_it_builds_leaves_nothing(tmp_path: Path) -> None:
    with start(tmp_path, SHORT) as running:
        running.wait_for("building the testbed")
        running.press_ctrl_c()
        assert running.end() == 130
    assert not (tmp_path / "out").exists()
    assert len(errors_in(running.said())) == 1
    assert "Traceback" not in running.said()


def test_a_host_that_dies_while_mininet_waits_for_it_is_named(tmp_path: Path) -> None:
    with start(tmp_path, SHORT) as running:
        shells: list[int] = []

        def a_host_is_being_made() -> bool:
            shells[:] = [p.pid for p in below(running.process.pid) if "mininet:ps" in p.argv]
            return bool(shells)

        wait_until(a_host_is_being_made)
        os.kill(shells[0], signal.SIGKILL)
        assert running.end() == 4
    assert len(errors_in(running.said())) == 1
    assert "Traceback" not in running.said()
    assert not (tmp_path / "out").exists()


def test_a_worker_that_is_killed_ends_its_trial_only(tmp_path: Path) -> None:
    with start(tmp_path, f"{LONG}, {SHORT}") as running:
        # Looking into /proc all the time would disturb the goodput, which would be measured again.
        running.wait_for("goodput: ")
        wait_until_training(running)
        worker = workload(running.process.pid, "worker1")
        assert worker is not None
        os.kill(worker.pid, signal.SIGKILL)
        assert running.end() == 4
    failed, finished = stored_trials(run_directory(tmp_path / "out"))
    assert failed.record["outcome"] == "failed"
    assert failed.record["error"].startswith("worker1: killed by signal SIGKILL, after iteration ")
    assert finished.record["outcome"] == "finished"
    assert errors_in(running.said()) == ["dmlbed: 1 of 2 trials failed"]
    told = [line for line in running.said().splitlines() if line.startswith("[1/2] googlenet none")]
    assert len(told) == 1
    assert "failed: worker1: killed by signal SIGKILL" in told[0]


def test_a_disk_that_fills_up(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    small = ("unshare", "--mount", "--", "sh", "-c")
    mounted = 'mount -t tmpfs -o size=220m tmpfs "$0" && exec "$@"'
    with start(tmp_path, f"{SHORT}, {LONG}", (*small, mounted, str(out))) as running:
        running.wait_for("[1/2]")
        # the mount is the run's own, and outlives it as long as it is open here
        disk = os.open(f"/proc/{running.process.pid}/root{out}", os.O_RDONLY | os.O_DIRECTORY)
        try:
            run = run_directory(Path(f"/proc/self/fd/{disk}"))
            fill(run / "filler")
            assert running.end() == 3
            assert [trial.directory.name for trial in stored_trials(run)] == [FINISHED]
            assert not list(run.rglob(".*"))
        finally:
            os.close(disk)
    (error,) = errors_in(running.said())
    assert error.startswith("dmlbed: no space left on the disk")
    assert "Traceback" not in running.said()


def fill(file: Path) -> None:
    """Write until there is no space left."""
    with file.open("wb", buffering=0) as stream:
        for size in (2**20, 4096, 1):
            try:
                while True:
                    stream.write(bytes(size))
            except OSError:
                continue
