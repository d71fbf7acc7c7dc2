"""Runs inside a box that test_network.py makes: the published topology, a tenth of its rates."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from orchestrator.deployment.host import connect
from orchestrator.emulation.testbed import EmulatedTestbed
from orchestrator.predict import goodput_bps
from orchestrator.session.testbed.opened import network_of
from orchestrator.spec import load_experiment
from tests.system.flows import Flow, Phase, host_pid, in_host, rates_show, run_flows
from workloads.schedule.library import get_schedule

ROOT = Path(__file__).parents[2]
TRUNK_BPS = 100_000_000
GOODPUT_BPS = goodput_bps(TRUNK_BPS)
BUFFER_BYTES = 26_215  # 256 KiB of the real system, at R = 10
SETTLE, SECONDS = 0.3, 1.0
EXPERIMENT = f"""
name: network
topology: {ROOT}/topologies/ps-10g-1g-3workers.yaml
models: [squeezenet]
schedules: [none]
scale: {{rates: 10, time: 1}}
congestion_control: cubic
"""
PUSH = "switch1->switch0"


@pytest.fixture(scope="module")
def testbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedTestbed]:
    file = tmp_path_factory.mktemp("network") / "experiment.yaml"
    file.write_text(EXPERIMENT)
    with EmulatedTestbed(network_of(load_experiment(file))) as testbed:
        yield testbed


@pytest.fixture
def unscheduled(testbed: EmulatedTestbed) -> EmulatedTestbed:
    testbed.set_schedule(get_schedule("none"))
    return testbed


@pytest.fixture
def prioritised(testbed: EmulatedTestbed) -> Iterator[EmulatedTestbed]:
    """Workers in strict priority; anything that a test changes at the trunk is set anew."""
    testbed.set_schedule(get_schedule("switch-priority"))
    yield testbed
    testbed.set_schedule(get_schedule("none"))


def in_time(shown: Callable[[Sequence[float]], bool]) -> Phase:
    """When all flows have settled, and none has ended."""
    return Phase(SETTLE, SECONDS - 0.05, shown)


def show(
    testbed: EmulatedTestbed, flows: Sequence[Flow], shown: Callable[[Sequence[float]], bool]
) -> None:
    """See that the rates of flows show what they should."""
    rates_show(testbed, flows, BUFFER_BYTES, GOODPUT_BPS, in_time(shown))


def full(rate: float) -> bool:
    """Whether it is all that the trunk carries."""
    return rate == pytest.approx(GOODPUT_BPS, rel=0.03)


def trunk_device(testbed: EmulatedTestbed) -> str:
    return testbed.ports.shapes[PUSH].device


def tc(*words: str) -> None:
    subprocess.run(["tc", *words], check=True)


def test_rates_are_as_asked_in_each_direction(unscheduled: EmulatedTestbed) -> None:
    for flow in (Flow("worker0", "ps", SECONDS), Flow("ps", "worker2", SECONDS)):
        show(unscheduled, [flow], lambda rates: full(rates[0]))


def test_rates_are_as_asked_in_both_directions_at_once(unscheduled: EmulatedTestbed) -> None:
    flows = [Flow("worker0", "ps", SECONDS), Flow("ps", "worker1", SECONDS)]
    show(unscheduled, flows, lambda rates: all(map(full, rates)))


PRIORITY_FLOWS = [
    Flow("worker0", "ps", SECONDS),
    Flow("worker1", "ps", SECONDS),
    Flow("ps", "worker1", SECONDS),
]


def test_strict_priority_starves_data_but_not_acks(prioritised: EmulatedTestbed) -> None:
    def strict(rates: Sequence[float]) -> bool:
        first, second, opposite = (rate / GOODPUT_BPS for rate in rates)
        return first > 0.95 and second < 0.02 and opposite > 0.90

    show(prioritised, PRIORITY_FLOWS, strict)
    assert prioritised.counters().queues[PUSH]["ack"].drops == 0


def test_the_urgent_flow_goes_first_whosever_it_is(testbed: EmulatedTestbed) -> None:
    """By the marks of the hosts; what nobody has given a class comes last of all."""
    testbed.set_schedule(get_schedule("geryon"))
    assert testbed.differences() == []
    before = testbed.counters().queues[PUSH]
    flows = [
        Flow("worker0", "ps", SECONDS, dscp=4),
        Flow("worker1", "ps", SECONDS, dscp=63),
        Flow("worker2", "ps", SECONDS, dscp=1),
        Flow("ps", "worker1", SECONDS, dscp=2),
    ]

    def strict(rates: Sequence[float]) -> bool:
        last, unknown, urgent, opposite = (rate / GOODPUT_BPS for rate in rates)
        return urgent > 0.95 and last + unknown < 0.02 and opposite > 0.90

    attempts = rates_show(testbed, flows, BUFFER_BYTES, GOODPUT_BPS, in_time(strict))
    after = testbed.counters().queues[PUSH]
    testbed.set_schedule(get_schedule("none"))
    sent = {name: count.since(before[name]).bytes for name, count in after.items()}
    print(sent)
    received = [sum(trace.samples[-1][1] for trace in one) for one in zip(*attempts, strict=True)]
    for name, payload in zip(("flow3", "data", "flow0"), received, strict=False):
        assert sent[name] >= payload * 1514 / 1448
    assert sent["flow2"] == 0
    # resets have the mark of what they answer
    assert sent["flow1"] < 2000 * len(attempts)
    assert sum(count.since(before[name]).drops for name, count in after.items()) == 0


def test_without_the_class_of_acks_the_opposite_direction_starves(
    prioritised: EmulatedTestbed,
) -> None:
    """The test above can fail: it would, if all packets of a flow were in its class."""
    device = ("dev", trunk_device(prioritised), "parent", "1:", "protocol", "ip")
    tc("filter", "del", *device, "prio", "1")
    (said,) = prioritised.differences()
    assert said.startswith(f"{PUSH}: the filter to 1:a for ")
    assert said.endswith(" is not there")

    def starved(rates: Sequence[float]) -> bool:
        first, _, opposite = (rate / GOODPUT_BPS for rate in rates)
        return first > 0.95 and opposite < 0.5

    show(prioritised, PRIORITY_FLOWS, starved)


def test_without_a_schedule_nobody_starves(unscheduled: EmulatedTestbed) -> None:
    flows = [Flow(f"worker{n}", "ps", SECONDS) for n in range(3)]
    show(unscheduled, flows, lambda rates: full(sum(rates)) and min(rates) > 0.05 * GOODPUT_BPS)


def test_the_kernel_kept_what_was_asked(testbed: EmulatedTestbed) -> None:
    for schedule in ("none", "switch-priority", "none"):
        testbed.set_schedule(get_schedule(schedule))
        assert testbed.differences() == []


def test_what_was_changed_is_named(prioritised: EmulatedTestbed) -> None:
    device = ("dev", trunk_device(prioritised))
    rates = ("htb", "rate", "8kbit", "ceil", "70mbit", "prio", "1", "quantum", "1514")
    tc("class", "change", *device, "parent", "1:1", "classid", "1:b", *rates)
    assert prioritised.differences() == [
        f"{PUSH}: class 1:b ceil asked 100000000, kept 70000000 bit/s"
    ]
    rates = ("htb", "rate", "8kbit", "ceil", "100mbit", "prio", "3", "quantum", "1514")
    tc("class", "change", *device, "parent", "1:1", "classid", "1:b", *rates)
    assert prioritised.differences() == [f"{PUSH}: class 1:b prio asked 1, kept 3"]


def test_a_queue_that_was_changed_is_named(prioritised: EmulatedTestbed) -> None:
    device = ("dev", trunk_device(prioritised))
    tc("qdisc", "change", *device, "parent", "1:c", "handle", "102:", "bfifo", "limit", "9999")
    assert prioritised.differences() == [f"{PUSH}: queue of 1:c asked 131072, kept 9999 bytes"]


def test_sockets_that_ask_for_nothing_get_the_congestion_control(
    unscheduled: EmulatedTestbed,
) -> None:
    flows = [Flow("worker0", "ps", 0.1), Flow("ps", "worker0", 0.1)]
    traces = run_flows(unscheduled, flows, BUFFER_BYTES)
    assert [trace.congestion_control for trace in traces] == ["cubic", "cubic"]


def test_a_host_has_the_two_networks_and_nothing_else(testbed: EmulatedTestbed) -> None:
    for host, address in testbed.network.addresses.items():
        links = {
            link["ifname"]: link for link in json.loads(in_host(testbed, host, "ip", "-j", "addr"))
        }
        assert set(links) == {"lo", f"{host}-eth0", "mgmt"}
        assert {link["mtu"] for name, link in links.items() if name != "lo"} == {1500}
        assert {
            (name, entry["family"], entry["local"])
            for name, link in links.items()
            for entry in link["addr_info"]
        } == {
            ("lo", "inet", "127.0.0.1"),
            (f"{host}-eth0", "inet", address.data),
            ("mgmt", "inet", address.management),
        }
        routes = json.loads(in_host(testbed, host, "ip", "-j", "route"))
        assert sorted(route["dst"] for route in routes) == ["10.10.0.0/16", "10.20.0.0/16"]


def test_what_ssh_starts_knows_its_host_by_name_on_the_data_network(
    testbed: EmulatedTestbed,
) -> None:
    looks_up = "import socket; print(socket.gethostbyname(socket.gethostname()))"
    for host, access in testbed.accesses().items():
        with connect(access, timeout=5) as remote:
            done = remote.run(["sh", "-c", f"hostname; python3 -c '{looks_up}'"])
        assert done.stdout.split() == [host, testbed.addresses[host]]


@pytest.mark.usefixtures("testbed")
def test_switch_ports_have_the_same_mtu() -> None:
    done = subprocess.run(["ip", "-j", "link"], check=True, capture_output=True, text=True)
    assert {link["mtu"] for link in json.loads(done.stdout) if link["ifname"] != "lo"} == {1500}


def test_no_host_and_no_switch_speaks_ipv6(testbed: EmulatedTestbed) -> None:
    for pid in ("self", *(str(host_pid(testbed, host)) for host in testbed.addresses)):
        assert Path(f"/proc/{pid}/net/if_inet6").read_text() == ""
