"""CPU and memory caps on real hosts, and what is left of their cgroups whatever is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.emulation.box.box import run_in_box
from orchestrator.emulation.limits.cgroups import find_layout
from orchestrator.emulation.limits.run_groups import remove_stale, run_groups
from tests.system.experiments import take_for_carried
from tests.system.limits import patience

ROOT = Path(__file__).parents[2]
MISSING = find_layout().missing

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(os.geteuid() != 0, reason="private namespaces need root"),
    pytest.mark.skipif(
        "cpu" in MISSING or "memory" in MISSING, reason=f"no cgroups here: {dict(MISSING)}"
    ),
]

TOPOLOGY = """
name: capped
defaults:
  link: {rate: 1 Gbps}
  worker: {device: published-worker-6-cores-2GHz}
hosts:
  ps: {role: ps, SERVER}
  worker0: {role: worker, cores: 0.5, cpuset: [0]}
  worker1: {role: worker, memory: 256 MiB}
switches: [switch0]
links:
  - {endpoints: [ps, switch0]}
  - {endpoints: [switch0, worker0]}
  - {endpoints: [switch0, worker1]}
"""
EXPERIMENT = """
name: capped
topology: capped-topology.yaml
models: [MODEL]
schedules: [none]
iterations: ITERATIONS
warm_up: 1
cool_down: 0
repeats: 1
retries: 0
switch: linux-bridge
scale: {rates: 1, time: TIME}
"""


def write_experiment(
    folder: Path,
    model: str = "squeezenet",
    *,
    iterations: int = 3,
    stretch: str = "0.25",
    server: str = "cores: 2",
) -> Path:
    """An experiment with a worker of half a core, and one of 256 MiB."""
    (folder / "capped-topology.yaml").write_text(TOPOLOGY.replace("SERVER", server))
    text = EXPERIMENT.replace("MODEL", model).replace("TIME", stretch)
    path = folder / "capped.yaml"
    path.write_text(text.replace("ITERATIONS", str(iterations)))
    take_for_carried(path)
    return path


def dmlbed(*argv: str | Path) -> subprocess.Popen[str]:
    """The command, in its own process group; its pid is that of the outer process."""
    program = "from orchestrator.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, argv)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def run_to_its_end(experiment: Path) -> tuple[int, str, dict[str, Any], dict[str, Any]]:
    """Exit status, output, and the records of the only trial: trial.json, network.json."""
    out = experiment.parent / "results"
    process = dmlbed("run", experiment, "--out", out)
    said, _ = process.communicate(timeout=patience(120))
    assert groups_of(process.pid) == []
    (trial,) = out.glob("*/*/trials/*")
    records = (json.loads((trial / f"{name}.json").read_text()) for name in ("trial", "network"))
    return process.returncode, said, *records


def groups_of(pid: int) -> list[Path]:
    """The directories of a run in all trees."""
    return [
        folder
        for tree in find_layout().hierarchies
        for folder in tree.directory.glob(f"dmlbed-{pid}-*")
    ]


def guardian_of(pid: int) -> int:
    """The pid of a run's guardian."""
    (found,) = [
        int(entry.name)
        for entry in Path("/proc").glob("[0-9]*")
        if b"guardian.py" in _read(entry / "cmdline")
        and f"/dmlbed-{pid}-".encode() in _read(entry / "cmdline")
    ]
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def wait_until(reached: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + patience(seconds)
    while not reached():
        assert time.monotonic() < deadline, "not reached in time"
        time.sleep(0.05)


def hosts_are_up(pid: int) -> bool:
    """Whether there is a process in the group of every host."""
    return any(
        all(_read(folder / host / "cgroup.procs") for host in ("ps", "worker0", "worker1"))
        for folder in groups_of(pid)
    )


@pytest.fixture
def long_run(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A run that does not end by itself, with its hosts up."""
    experiment = write_experiment(tmp_path, iterations=10_000)
    process = dmlbed("run", experiment, "--out", tmp_path / "results")
    try:
        wait_until(lambda: hosts_are_up(process.pid))
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.beside
def test_half_a_core_and_256_mib(tmp_path: Path) -> None:
    out = tmp_path / "found.json"
    inside = [sys.executable, "-m", "tests.system.inside_caps", str(write_experiment(tmp_path))]
    with run_groups() as groups:
        status = run_in_box([*inside, groups.to_json(), str(out)])
    assert status == 0
    found = json.loads(out.read_text())
    for loops in ("one_loop", "two_loops"):
        assert all(attempt["cores"] <= 0.5 * 1.05 for attempt in found[loops])
    assert found["cpus"] == "1"  # its cpuset
    assert f"/dmlbed-{os.getpid()}-" in found["group"]
    assert found["greedy_status"] == -signal.SIGKILL
    assert found["greedy_oom_kills"] == 1
    assert found["other_oom_kills"] == 0
    assert groups_of(os.getpid()) == []


@pytest.mark.beside
def test_a_process_killed_for_memory_ends_the_trial(tmp_path: Path) -> None:
    # A worker that resnet50 does not fit is refused. Of its server nothing is asked before it runs,
    # and that holds parameters and sums of gradients, of 97 MiB each.
    server = "memory: 160 MiB"
    experiment = write_experiment(tmp_path, "resnet50", iterations=1, stretch="1", server=server)
    status, said, trial, network = run_to_its_end(experiment)
    assert status == 4
    assert trial["outcome"] == "failed"
    first, second, *_ = trial["error"].splitlines()
    assert first == "ps: killed for memory: its host's cap is 160 MiB"
    assert second.startswith("ps: killed by signal SIGKILL")
    assert first in said
    caps = network["caps"]["ps"]
    assert caps["oom_kills"] == 1
    assert caps["memory_peak_bytes"] == 160 * 2**20
    assert network["caps"]["worker1"]["oom_kills"] == 0


@pytest.mark.beside
def test_a_throttled_server_is_no_measurement(tmp_path: Path) -> None:
    experiment = write_experiment(tmp_path, server="cores: 0.1")
    status, said, trial, network = run_to_its_end(experiment)
    assert (status, trial["outcome"]) == (5, "finished")
    caps = network["caps"]["ps"]
    assert caps["enforced"]["cores"] == 0.1
    assert caps["measured"]["throttled_periods"] > 0
    assert caps["measured"]["cpu_seconds"] < 0.12 * caps["measured"]["seconds"]
    assert "ps was throttled for" in " ".join(said.split())
    assert network["caps"]["worker1"]["measured"]["throttled_seconds"] == 0


@pytest.mark.beside
def test_the_outer_process_is_killed(long_run: subprocess.Popen[str]) -> None:
    guardian = guardian_of(long_run.pid)
    long_run.kill()
    wait_until(lambda: groups_of(long_run.pid) == [])
    wait_until(lambda: b"guardian" not in _read(Path(f"/proc/{guardian}/cmdline")))
    # Nobody holds its output open either.
    long_run.communicate(timeout=patience(10))


@pytest.mark.beside
def test_the_guardian_is_killed(long_run: subprocess.Popen[str]) -> None:
    os.kill(guardian_of(long_run.pid), signal.SIGKILL)
    os.killpg(long_run.pid, signal.SIGINT)
    long_run.communicate(timeout=patience(30))
    assert long_run.returncode == 130
    assert groups_of(long_run.pid) == []


def test_both_are_killed_and_the_next_command_removes(long_run: subprocess.Popen[str]) -> None:
    guardian = guardian_of(long_run.pid)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(guardian, number)  # it stays for all of these
    assert guardian_of(long_run.pid) == guardian
    os.kill(guardian, signal.SIGKILL)
    long_run.kill()
    long_run.communicate(timeout=patience(10))
    left = groups_of(long_run.pid)
    assert left
    wait_until(lambda: not hosts_are_up(long_run.pid))
    doctor = dmlbed("doctor", "--json")
    said, _ = doctor.communicate(timeout=patience(60))
    assert f"removed what a killed run left behind: {left[0]}" in said
    assert groups_of(long_run.pid) == []


def test_two_runs_side_by_side(tmp_path: Path, long_run: subprocess.Popen[str]) -> None:
    (tmp_path / "other").mkdir()
    out = tmp_path / "other" / "results"
    other = dmlbed("run", write_experiment(tmp_path / "other", iterations=8), "--out", out)
    wait_until(lambda: hosts_are_up(other.pid))
    assert hosts_are_up(long_run.pid)
    long_run.kill()
    wait_until(lambda: groups_of(long_run.pid) == [])
    # What ended beside it and what cleans up leave it alone.
    assert remove_stale() == []
    said, _ = other.communicate(timeout=patience(60))
    assert other.returncode in (0, 5), said  # 5: a busy machine
    (network,) = out.glob("*/*/trials/*/network.json")
    assert json.loads(network.read_text())["caps"]["worker0"]["enforced"]["cores"] == 0.5
    assert groups_of(other.pid) == []
