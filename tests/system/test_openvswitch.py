"""Open vSwitch under the controller: in separate boxes, and by the command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from orchestrator.session.store.attempts import disturbed_by
from orchestrator.spec import FRAME_BYTES, OVS_USER, PAYLOAD_BYTES
from tests.system.experiments import run_directory, stored_trials, take_for_carried
from tests.system.flow_classes import assert_flows_have_their_classes, payload_by_flow
from tests.system.limits import OPENVSWITCH, RATE_DIVISOR
from tests.system.processes import below, recorded, workload
from tests.system.program import (
    ROOT,
    Running,
    dmlbed,
    dmlbed_argv,
    errors_in,
    pytest_passes_in_a_box,
    wait_until,
)

pytestmark = pytest.mark.system

# Finished well, or finished on a machine too busy for its figures to count: not the question here.
FINISHED = (0, 5)


def test_queues_rules_and_the_controller() -> None:
    pytest_passes_in_a_box("inside_openvswitch.py")


@pytest.mark.beside
def test_a_loop_of_switches() -> None:
    pytest_passes_in_a_box("inside_openvswitch_loop.py")


def arguments(
    folder: Path,
    iterations: int,
    model: str = "squeezenet",
    schedules: str = "none, switch-priority",
) -> list[str | Path]:
    """`dmlbed run` of a tiny experiment on the published topology, at an eighth of its rates."""
    file = folder / "tiny.yaml"
    file.write_text(
        f"name: tiny\ntopology: {ROOT}/topologies/ps-10g-1g-3workers.yaml\n"
        f"models: [{model}]\nschedules: [{schedules}]\n"
        f"iterations: {iterations}\nwarm_up: 1\ncool_down: 0\nrepeats: 1\nretries: 0\n"
        # Small windows: three workers' do not fill a queue.
        "socket_buffers: {send: 96 KiB, receive: 96 KiB}\n"
        f"switch: {OPENVSWITCH}\nscale: {{rates: {8 * RATE_DIVISOR}, time: 0.5}}\n"
    )
    take_for_carried(file, OPENVSWITCH)
    return ["run", file, "--out", folder / "out"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that ended well, three schedules once.

    Of a model of large tensors: pulls and headers, which are no payload, are a packet per tensor.
    """
    folder = tmp_path_factory.mktemp("finished")
    schedules = "none, switch-priority, geryon"
    done = dmlbed(*arguments(folder, 1, "resnet50", schedules))
    assert done.returncode in FINISHED, done.stderr
    return folder


def records(folder: Path, name: str) -> list[dict[str, Any]]:
    """A record of every trial, in their order."""
    files = sorted(folder.glob(f"out/tiny/*/trials/*/{name}"))
    return [json.loads(file.read_text()) for file in files]


@pytest.mark.beside
def test_a_tiny_experiment_by_the_command(finished: Path) -> None:
    (run,) = finished.glob("out/tiny/*/run.json")
    assert {"openvswitch", "ryu"} <= set(json.loads(run.read_text())["versions"])
    assert json.loads(run.read_text())["switch"] == {"kind": OPENVSWITCH, "why": "asked for"}
    for number, network in enumerate(records(finished, "network.json")[:2]):
        assert network["switch"] == OPENVSWITCH
        assert network["kept_differs"] == []
        assert network["controller"] == {"losses": []}
        # The kernel's own forwarding is no process.
        assert network["switch_cpu_seconds"] > 0 or OPENVSWITCH != OVS_USER
        pulls = {f["flow"]: f for f in network["flows"] if f["switch"] == "switch0"}
        dscp = [pulls[f"pull of worker{n}"]["dscp"] for n in range(3)]
        assert dscp == ([1, 2, 3] if number else [0, 0, 0])
        ports = {port["port"]: classes_of(port) for port in network["ports"]}
        trunk = ports["switch0->switch1"]
        used = {name for name, counted in trunk.items() if counted["packets"]}
        assert used == {"ack", *(["worker0", "worker1", "worker2"] if number else ["data"])}
        ruled = sum(pulls[f"pull of worker{n}"]["bytes"] for n in range(3))
        assert_bytes_agree(ruled, trunk.values())


def assert_bytes_agree(ruled: int, port: Collection[dict[str, Any]]) -> None:
    """What the rules of a switch have counted is what its port did.

    A rule of the kernel's Open vSwitch sees a burst of TCP (GSO) as one packet with one header; the
    port counts the segments. A drop is a burst there, and a frame in userspace.
    """
    carried, drops = (sum(counted[name] for counted in port) for name in ("bytes", "drops"))
    kernel = OPENVSWITCH != OVS_USER
    least = carried * PAYLOAD_BYTES / FRAME_BYTES if kernel else carried
    assert least <= ruled <= carried + drops * (2**16 if kernel else FRAME_BYTES)


def classes_of(port: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in port["classes"]}


@pytest.mark.beside
def test_payload_agrees_with_the_ports_counters(finished: Path) -> None:
    trials = sorted(finished.glob("out/tiny/*/trials/*"))
    assert len(trials) == 3
    for trial in trials[:2]:
        network = json.loads((trial / "network.json").read_text())
        lines = [json.loads(line) for line in (trial / "ps.jsonl").read_text().splitlines()]
        done = [line for line in lines if line["event"] == "iteration"]
        again = network["tcp_retransmits"]
        at = {port["port"]: classes_of(port) for port in network["ports"]}
        pushed_again = sum(count for host, count in again.items() if host != "ps")
        for name, key, retransmitted in (
            ("ps->switch0", "payload_out", again["ps"]),
            ("switch0->ps", "payload_in", pushed_again),
        ):
            payload = sum(line[key] for line in done)
            counted = at[name]["data"]["bytes"]
            assert counted == pytest.approx(payload * 1514 / 1448 + retransmitted * 1514, rel=0.01)


@pytest.mark.beside
def test_every_flow_has_the_class_that_its_layers_have(finished: Path) -> None:
    none, _, geryon = stored_trials(run_directory(finished / "out"))
    assert none.parameters == geryon.parameters
    assert_flows_have_their_classes(geryon)
    # A switch that has to wait for others' processes may lose what came meanwhile.
    dropped = sum(port["drops"] for port in geryon.network["ports"])
    assert dropped == 0 or disturbed_by(geryon.directory)
    # Of a model of many tensors it can be split about equally.
    payload = payload_by_flow(geryon)
    assert max(payload) < 1.1 * min(payload)


def interfaces() -> str:
    return subprocess.run(["ip", "-br", "link"], capture_output=True, text=True, check=True).stdout


def kill_in_training(running: Running, *words: str) -> list[int]:
    """SIGKILL for the program with these words once training goes on; all that ran then."""

    def with_words(*wanted: str) -> list[int]:
        return [
            process.pid
            for process in below(running.process.pid)
            if any(process.argv[n : n + len(wanted)] == wanted for n in range(3))
        ]

    def trains() -> bool:
        worker = workload(running.process.pid, "worker1")
        return worker is not None and '"iteration"' in recorded(worker)

    # Before the trials the same processes measure the goodput. Looking into /proc again and again
    # takes CPU time, which a run counts as a disturbance: it would measure once more, and wait.
    running.wait_for("goodput: ")
    wait_until(trains)
    found = [process.pid for process in below(running.process.pid)]
    (victim,) = with_words(*words)
    os.kill(victim, signal.SIGKILL)
    return found


def alive(pids: list[int]) -> list[str]:
    return [str(pid) for pid in pids if Path(f"/proc/{pid}").exists()]


@pytest.mark.beside
def test_without_a_process_of_open_vswitch_the_run_ends(tmp_path: Path) -> None:
    before = interfaces()
    with Running(dmlbed_argv(*arguments(tmp_path, iterations=500))) as running:
        seen = kill_in_training(running, "ovs-vswitchd")
        assert running.end() == 4
    said = "ovs-vswitchd of the testbed is gone (killed by signal SIGKILL)"
    assert errors_in(running.said()) == [f"dmlbed: {said}"]
    assert alive(seen) == []
    assert interfaces() == before
    (trial,) = records(tmp_path, "trial.json")
    assert (trial["outcome"], trial["error"]) == ("failed", said)


@pytest.mark.beside
def test_without_its_controller_a_run_goes_on(tmp_path: Path) -> None:
    with Running(dmlbed_argv(*arguments(tmp_path, iterations=4))) as running:
        seen = kill_in_training(running, "-m", "orchestrator.controller")
        assert running.end() in FINISHED, running.said()
    said = running.said()
    assert said.count("lost: ") == 1
    assert "lost: controller (killed by signal 9); the switches keep their rules" in said
    assert alive(seen) == []
    first, second = records(tmp_path, "network.json")
    (loss,) = first["controller"]["losses"]
    assert loss["what"] == "controller (killed by signal 9)"
    assert first["flows"] == []
    # For the second schedule's rules it was started again.
    assert second["controller"] == {"losses": []}
    assert {flow["dscp"] for flow in second["flows"]} == {None, 1, 2, 3}
    outcomes = {trial["outcome"] for trial in records(tmp_path, "trial.json")}
    assert outcomes == {"finished"}
