"""Runs inside a box that test_network.py makes: sixteen workers, a trunk with two rates, reno."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from orchestrator.emulation.testbed import EmulatedTestbed
from orchestrator.predict import goodput_bps
from orchestrator.session.testbed.opened import network_of
from orchestrator.spec import load_experiment
from tests.system.flows import Flow, run_flows
from workloads.schedule.library import get_schedule

WORKERS = [f"worker{number}" for number in range(16)]
PULL_BPS, PUSH_BPS = 100_000_000, 50_000_000
BUFFER_BYTES = 26_215
PULL = "switch0->switch1"
NEWLINE = "\n"
TOPOLOGY = f"""
name: sixteen
defaults:
  link: {{rate: 100 Mbps, queue: 64 KiB}}
  worker: {{device: published-worker-6-cores-2GHz}}
hosts:
  ps: {{role: ps}}
{NEWLINE.join(f"  {worker}: {{role: worker}}" for worker in WORKERS)}
switches: [switch0, switch1]
links:
  - {{endpoints: [ps, switch0], rate: 1 Gbps}}
  - {{endpoints: [switch0, switch1], reverse: {{rate: 50 Mbps}}}}
{NEWLINE.join(f"  - endpoints: [switch1, {worker}]" for worker in WORKERS)}
"""
EXPERIMENT = """
name: sixteen
topology: topology.yaml
models: [squeezenet]
scale: {rates: 1, time: 1}
schedules: [switch-priority]
congestion_control: reno
"""


@pytest.fixture(scope="module")
def testbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedTestbed]:
    directory = tmp_path_factory.mktemp("sixteen")
    (directory / "topology.yaml").write_text(TOPOLOGY)
    (directory / "experiment.yaml").write_text(EXPERIMENT)
    with EmulatedTestbed(network_of(load_experiment(directory / "experiment.yaml"))) as testbed:
        testbed.set_schedule(get_schedule("switch-priority"))
        yield testbed


def test_all_classes_are_there(testbed: EmulatedTestbed) -> None:
    assert testbed.differences() == []
    # one more than the workers and the ACKs: what belongs to no worker comes last
    queues = testbed.counters().queues
    assert list(queues[PULL]) == ["ack", *WORKERS, "data"]
    assert list(queues["switch1->switch0"]) == ["ack", *WORKERS, "data"]
    assert list(queues["ps->switch0"]) == ["ack", "data"]
    # a class of theirs is the next htb, because an htb has eight priorities
    kinds = subprocess.run(["tc", "qdisc", "show"], check=True, capture_output=True, text=True)
    assert kinds.stdout.count("qdisc htb 2: ") == kinds.stdout.count("qdisc htb 3: ") == 2


def test_the_first_the_ninth_and_the_last_worker_follow_each_other(
    testbed: EmulatedTestbed,
) -> None:
    order = ["worker0", "worker8", "worker15"]
    flows = [Flow("ps", worker, 1.2 * (n + 1)) for n, worker in enumerate(order)]
    before = testbed.counters().queues[PULL]
    traces = run_flows(testbed, flows, BUFFER_BYTES)
    after = testbed.counters().queues[PULL]
    # what is queued when a flow's sender stops still goes out: look at the second half of its time
    shares = [
        [trace.rate_bps(1.2 * n + 0.6, 1.2 * n + 1.1) / goodput_bps(PULL_BPS) for trace in traces]
        for n in range(3)
    ]
    for n, row in enumerate(shares):
        assert row[n] > 0.95, shares
        assert max(row[n + 1 :], default=0.0) < 0.02, shares
    for worker in order:
        assert after[worker].since(before[worker]).bytes > 1_000_000
    assert after["data"].since(before["data"]).bytes == 0


def test_each_direction_of_a_link_has_its_own_rate(testbed: EmulatedTestbed) -> None:
    (push,) = run_flows(testbed, [Flow("worker15", "ps", 1.8)], BUFFER_BYTES)
    assert push.rate_bps(0.5, 1.7) == pytest.approx(goodput_bps(PUSH_BPS), rel=0.03)
    (pull,) = run_flows(testbed, [Flow("ps", "worker15", 1.8)], BUFFER_BYTES)
    assert pull.rate_bps(0.5, 1.7) == pytest.approx(goodput_bps(PULL_BPS), rel=0.03)


def test_another_congestion_control(testbed: EmulatedTestbed) -> None:
    flows = [Flow("worker15", "ps", 0.1), Flow("ps", "worker15", 0.1)]
    traces = run_flows(testbed, flows, BUFFER_BYTES)
    assert [trace.congestion_control for trace in traces] == ["reno", "reno"]
    # and no process of the machine outside of the hosts has been given another one
    route = subprocess.run(["ip", "route"], check=True, capture_output=True, text=True)
    assert "congctl" not in route.stdout
