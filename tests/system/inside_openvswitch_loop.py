"""Runs inside a box that test_openvswitch.py makes: a ring of switches on Open vSwitch."""

from __future__ import annotations

from pathlib import Path

from orchestrator.emulation.testbed import EmulatedTestbed
from orchestrator.session.testbed.controller import make_controller
from orchestrator.session.testbed.opened import network_of
from orchestrator.spec import load_experiment
from tests.system.flows import in_host
from tests.system.limits import OPENVSWITCH, RATE_DIVISOR
from workloads.schedule.library import get_schedule

LOOP = Path(__file__).parents[1] / "golden" / "good" / "loop.yaml"
# Names as clusters have them; none fits an interface or a bridge as it is.
WORKER = "GPU-node_0017.rack4.cluster-of-the-physics-department.example.org"[:63]
SWITCH = "Leaf_2.rack4.example.org"


def test_a_loop_carries_traffic_along_the_shortest_path_only(tmp_path: Path) -> None:
    renamed = LOOP.read_text().replace("worker1", WORKER).replace("switch2", SWITCH)
    (tmp_path / "topology.yaml").write_text(renamed)
    file = tmp_path / "experiment.yaml"
    file.write_text(
        "name: loop\ntopology: topology.yaml\nmodels: [squeezenet]\nschedules: [none]\n"
        f"scale: {{rates: {10 * RATE_DIVISOR}, time: 1}}\n"
    )
    experiment = load_experiment(file)
    controller = make_controller(experiment.exchange.demands, OPENVSWITCH)
    with EmulatedTestbed(network_of(experiment), OPENVSWITCH, controller) as testbed:
        testbed.set_schedule(get_schedule("none"))
        before = testbed.counters()
        address = testbed.addresses[WORKER]
        said = in_host(testbed, "ps", "ping", "-c", "10", "-i", "0.05", address)
        assert " 0% packet loss" in said
        after = testbed.counters()
        packets = {
            port: sum(count.since(before.queues[port][name]).packets for name, count in q.items())
            for port, q in after.queues.items()
        }
        # ps is at switch0, the worker at the leaf; switch1 is the long way round.
        assert packets[f"switch0->{SWITCH}"] == packets[f"{SWITCH}->switch0"] == 10
        assert sum(count for port, count in packets.items() if "switch1" in port) == 0
        # Nothing goes round: hosts and switches count what was sent once.
        assert packets["ps->switch0"] == packets[f"{SWITCH}->{WORKER}"] == 10
        assert packets["switch0->worker0"] == 0
