"""Runs inside the namespaces that test_killed.py makes, where it is the first process.

Each run is killed at another moment; then the tests look for what is left of it.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.experiments import (
    assert_ended_well,
    run_directory,
    stored_trials,
    write_experiment,
)
from tests.system.limits import patience
from tests.system.processes import Process, below, namespaces, running
from tests.system.program import PATIENCE, Running, dmlbed, dmlbed_argv

KILLS = int(os.environ.get("DMLBED_KILLS", "4"))
SEED = int(os.environ.get("DMLBED_SEED", "1"))
TABLE = os.environ.get("DMLBED_TABLE")
# A short run takes about that long on an idle machine: from before the box to the figure.
LATEST_SECONDS = patience(5.0)
# The processes of which each must take all others with it, and what a long run of theirs trains:
# left alone, it would go on for longer than is waited for its end.
CHAIN = ("dmlbed", "unshare", "supervisor", "conductor")
SHORT, LONG = "squeezenet", "squeezenet, alexnet, resnet50"
GONE_SECONDS = patience(6.0)


@pytest.fixture(scope="module", autouse=True)
def machine() -> None:
    assert os.getpid() == 1, "only inside the namespaces of test_killed.py"
    # what a run could leave in /run is to be seen apart from what the machine does there
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"], check=True)


@pytest.fixture(scope="module")
def table() -> Iterator[list[str]]:
    lines: list[str] = []
    yield lines
    if TABLE:
        Path(TABLE).write_text("".join(f"{line}\n" for line in lines))


def kind(process: Process) -> str:
    """What a process below dmlbed is there for, in a word."""
    words = " ".join(process.argv)
    if "unshare" in words and "supervisor" not in words:
        return "short-lived"  # a look at what the machine can do, before the box
    for mark in ("guardian", "unshare", "supervisor", "conductor", "mininet:", "[listener]",
                 "sshd:", "dmlbed-start", "dmlbed-watch", "workloads"):  # fmt: skip
        if mark in words.partition("{")[0]:
            return mark
    return "short-lived"


def choose(rng: random.Random, outer: int, in_chain: bool) -> tuple[str, int]:
    """A victim below dmlbed: first a kind, so that the few are met as often as the many."""
    by_kind: dict[str, list[int]] = {}
    for process in below(outer):
        by_kind.setdefault(kind(process), []).append(process.pid)
    if not by_kind:
        return "dmlbed", outer
    wanted = [found for found in sorted(by_kind) if (found in CHAIN) == in_chain]
    chosen = rng.choice(wanted or sorted(by_kind))
    return chosen, rng.choice(by_kind[chosen])


def cgroups(process: int | str) -> set[str]:
    """The control groups that a process is in, by path."""
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{process}/cgroup").read_text().splitlines()
        return {line.split(":", 2)[2] for line in lines}
    return set()


def cgroups_below(outer: int) -> set[str]:
    """Control groups of a run that are not this process's: the run must have made them."""
    return set().union(*(cgroups(process.pid) for process in below(outer))) - cgroups("self")


def still_there(groups: set[str]) -> list[Path]:
    """Directories of control groups that are still there, of any controller."""
    root = Path("/sys/fs/cgroup")
    found = [top / group.lstrip("/") for top in (root, *root.iterdir()) for group in groups]
    return [path for path in found if path.is_dir()]


def everything(temporary: Path) -> dict[str, object]:
    """All that a run could leave, by kind."""
    with contextlib.suppress(ChildProcessError):
        # orphans come to the first process, which is this one
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    links = subprocess.run(["ip", "-o", "link"], check=True, capture_output=True, text=True)
    return {
        "processes": [str(process) for process in running().values()],
        "namespaces": namespaces(),
        "links": links.stdout,
        "mounts": Path("/proc/self/mounts").read_text(),
        "files": sorted([*Path("/run").rglob("*"), *temporary.rglob("*")]),
    }


def seconds_until_gone(before: dict[str, object], temporary: Path) -> float:
    """How long it takes until everything is as before."""
    begin = time.monotonic()
    while (now := everything(temporary)) != before:
        assert time.monotonic() - begin < GONE_SECONDS, {
            what: found for what, found in now.items() if found != before[what]
        }
        time.sleep(0.02)
    return time.monotonic() - begin


@pytest.mark.parametrize("number", range(KILLS))
def test_kill(number: int, tmp_path: Path, table: list[str]) -> None:
    rng = random.Random(f"{SEED}-{number}")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    in_chain = number % 2 == 0
    # one schedule: a short run's second one would begin after the last moment
    models, schedules = (LONG, "none, switch-priority") if in_chain else (SHORT, "none")
    experiment = write_experiment(tmp_path, models=models, schedules=schedules)
    argv = dmlbed_argv("run", experiment, "--out", tmp_path / "out")
    before = everything(temporary)
    # one moment in each of as many parts of the run; every fourth victim is dmlbed itself
    moment = LATEST_SECONDS * (number + rng.random()) / KILLS
    with Running(argv, TMPDIR=str(temporary)) as run:
        time.sleep(moment)
        outer = run.process.pid
        groups = cgroups_below(outer)
        what, pid = ("dmlbed", outer) if number % 4 == 2 else choose(rng, outer, in_chain)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        status = run.process.wait(PATIENCE)
        gone = seconds_until_gone(before, temporary)
        run.end()
        said = run.said()
    assert still_there(groups) == []
    last = (said.splitlines() or [""])[-1].strip()
    table.append(f"{moment:4.1f} s  {what:12} exit {status:3}  gone in {gone:4.2f} s  {last[:120]}")
    assert "Traceback" not in said
    if status == -signal.SIGKILL:
        assert what == "dmlbed"
    elif status in (3, 4):
        assert last, said
        assert not last.startswith(("[", "run:", "figure:")), said
    else:
        # what the process was for did not matter any more
        assert_ended_well(status, said + "".join(run.stdout))


def test_a_run_that_was_killed_goes_on(tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    before = everything(temporary)
    argv = dmlbed_argv("run", write_experiment(tmp_path), "--out", tmp_path / "out")
    with Running(argv, TMPDIR=str(temporary)) as run:
        run.wait_for("[1/2]")
        run.process.kill()
        run.process.wait(PATIENCE)
        seconds_until_gone(before, temporary)
    directory = run_directory(tmp_path / "out")
    kept = (directory / "trials" / "001-squeezenet-none-1" / "trial.json").read_bytes()
    done = dmlbed("run", directory)
    assert_ended_well(done.returncode, done.stdout + done.stderr)
    assert "1 of 2 trials are there, and kept\n" in done.stderr
    first, second = stored_trials(directory)
    assert (first.directory / "trial.json").read_bytes() == kept
    assert (second.schedule, second.record["outcome"]) == ("switch-priority", "finished")
    assert first.parameters == second.parameters
    assert everything(tmp_path / "nothing")["processes"] == before["processes"]
