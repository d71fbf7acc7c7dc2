"""Runs inside a box that test_network.py makes: sixteen workers, a trunk with two rates, reno."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from functools import partial

import pytest

from orchestrator.emulation.testbed import EmulatedTestbed
from orchestrator.predict import goodput_bps
from orchestrator.session.testbed.opened import network_of
from orchestrator.spec import load_experiment
from tests.system.flows import Flow, Phase, rates_show, run_flows
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
    """Each has the link to itself, until its sender stops."""
    order = ["worker0", "worker8", "worker15"]
    flows = [Flow("ps", worker, n + 1.0) for n, worker in enumerate(order)]
    most = goodput_bps(PULL_BPS)

    def has_it(rates: Sequence[float], turn: int) -> bool:
        later = max(rates[turn + 1 :], default=0.0)
        return rates[turn] > 0.95 * most and later < 0.02 * most

    # What is queued when a flow's sender stops still goes out: look at the second part of its time.
    phases = [Phase(n + 0.4, n + 0.95, partial(has_it, turn=n)) for n in range(len(order))]
    before = testbed.counters().queues[PULL]
    rates_show(testbed, flows, BUFFER_BYTES, most, *phases)
    after = testbed.counters().queues[PULL]
    for worker in order:
        assert after[worker].since(before[worker]).bytes > 1_000_000
    assert after["data"].since(before["data"]).bytes == 0


def _full(most: float) -> Phase:
    return Phase(0.3, 0.95, lambda rates: list(rates) == [pytest.approx(most, rel=0.03)])


def test_each_direction_of_a_link_has_its_own_rate(testbed: EmulatedTestbed) -> None:
    for ends, rate in ((("worker15", "ps"), PUSH_BPS), (("ps", "worker15"), PULL_BPS)):
        most = goodput_bps(rate)
        rates_show(testbed, [Flow(*ends, 1.0)], BUFFER_BYTES, most, _full(most))


def test_another_congestion_control(testbed: EmulatedTestbed) -> None:
    flows = [Flow("worker15", "ps", 0.1), Flow("ps", "worker15", 0.1)]
    traces = run_flows(testbed, flows, BUFFER_BYTES)
    assert [trace.congestion_control for trace in traces] == ["reno", "reno"]
    # and no process of the machine outside of the hosts has been given another one
    route = subprocess.run(["ip", "route"], check=True, capture_output=True, text=True)
    assert "congctl" not in route.stdout
