"""Runs inside the box that test_openvswitch.py makes: Open vSwitch with Ryu.

What ports and rules are held against each other by is bytes: a rule of the kernel's Open vSwitch
counts a burst of TCP (GSO) as one packet. Datagrams, which are no bursts, are counted one by one.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from orchestrator.controller.session import ControllerSession
from orchestrator.emulation.ports.counters import Counters, network_record, queue_counts
from orchestrator.emulation.testbed import EmulatedTestbed
from orchestrator.errors import RunError
from orchestrator.predict import goodput_bps
from orchestrator.session.testbed.controller import make_controller
from orchestrator.session.testbed.opened import network_of
from orchestrator.spec import Demand, Demands, Experiment, load_experiment
from tests.system.flows import Flow, Phase, host_pid, in_host, rates_show
from tests.system.limits import OPENVSWITCH, bps, mbps, patience
from tests.system.processes import below, running
from workloads.schedule.library import get_schedule

DATAGRAMS = Path(__file__).with_name("datagrams.py")
# A queue of the slow trunk is full after some milliseconds of these.
OVERLOAD_SECONDS = 1.0
# Until it is stopped.
LONG = patience(60.0)
# Bytes of a ping's frame, either way.
PING = 14 + 20 + 8 + 56
PULL, PUSH = "switch0->switch1", "switch1->switch0"
# As fast as hosts of today at the edge, and a slow trunk: one worker can overload it.
TOPOLOGY = f"""
name: slow-trunk
defaults:
  link: {{rate: {mbps(1000)}, queue: 128 KiB}}
  worker: {{device: published-worker-6-cores-2GHz}}
hosts:
  ps: {{role: ps}}
  worker0: {{role: worker}}
  worker1: {{role: worker}}
  worker2: {{role: worker}}
switches: [switch0, switch1]
links:
  - {{endpoints: [ps, switch0]}}
  - {{endpoints: [switch0, switch1], rate: {mbps(100)}}}
  - {{endpoints: [switch1, worker0]}}
  - {{endpoints: [switch1, worker1]}}
  - {{endpoints: [switch1, worker2]}}
"""
EXPERIMENT = """
name: network
topology: topology.yaml
models: [squeezenet]
scale: {rates: 1, time: 1}
schedules: [none, switch-priority]
"""


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    folder = tmp_path_factory.mktemp("network")
    (folder / "topology.yaml").write_text(TOPOLOGY)
    (folder / "experiment.yaml").write_text(EXPERIMENT)
    return load_experiment(folder / "experiment.yaml")


@pytest.fixture(scope="module")
def demands(experiment: Experiment) -> Demands:
    """Those of the experiment, and one of a worker on another one, in a separate class."""
    trained = experiment.exchange.demands
    return Demands(trained.topology, (*trained, Demand("worker0", "worker2", 1, "ring", "ring")))


@pytest.fixture(scope="module")
def controller(demands: Demands) -> ControllerSession:
    made = make_controller(demands, OPENVSWITCH)
    assert made is not None
    return made


@pytest.fixture(scope="module")
def testbed(
    experiment: Experiment, demands: Demands, controller: ControllerSession
) -> Iterator[EmulatedTestbed]:
    described = replace(network_of(experiment), networks=(demands,))
    with EmulatedTestbed(described, OPENVSWITCH, controller) as testbed:
        yield testbed


class Stream:
    """A stream of datagrams between two hosts, as long as its flow, or until `stop`."""

    running: ClassVar[list[subprocess.Popen[str]]] = []

    def __init__(self, testbed: EmulatedTestbed, flow: Flow, port: int, rate: float) -> None:
        to = (testbed.addresses[flow.target], str(port))
        self._receiver = self._start(testbed, flow.target, "receive", *to)
        assert self._line(self._receiver) == "ready"
        how = (str(rate), str(flow.seconds), str(flow.dscp))
        self._sender = self._start(testbed, flow.source, "send", *to, *how)

    def stop(self) -> None:
        """End it now."""
        self._tell(self._sender)

    def sent(self) -> int:
        """Wait until nothing is sent any more; how many were."""
        count = int(self._line(self._sender))
        self._tell(self._receiver)
        return count

    def received(self) -> int:
        """How many came, some time after the last one was sent."""
        return int(self._line(self._receiver))

    def end(self) -> tuple[int, int]:
        """Wait for its end; how many were sent and received."""
        return self.sent(), self.received()

    @staticmethod
    def _start(testbed: EmulatedTestbed, host: str, *arguments: str) -> subprocess.Popen[str]:
        inside = ["mnexec", "-a", str(host_pid(testbed, host))]
        argv = [*inside, sys.executable, "-I", "-S", str(DATAGRAMS), *arguments]
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        Stream.running.append(process)
        return process

    @staticmethod
    def _tell(process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        process.stdin.write("end\n")
        process.stdin.flush()

    @staticmethod
    def _line(process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None
        return process.stdout.readline().strip()


@pytest.fixture(autouse=True)
def no_stream_outlives_its_test() -> Iterator[None]:
    yield
    while Stream.running:
        process = Stream.running.pop()
        process.kill()
        process.communicate()


def overload(
    testbed: EmulatedTestbed, first: Flow, second: Flow, rate: float
) -> tuple[tuple[int, int], tuple[int, int]]:
    """20 Mbit/s all the time that another flow sends at a rate; what each sent and received.

    Rates here are those of a machine that is fast enough not to divide them.
    """
    top = Stream(testbed, first, 7000, bps(20e6))
    flood = Stream(testbed, second, 7001, bps(rate))
    offered = flood.sent()
    top.stop()
    top_offered = top.sent()
    return (top_offered, top.received()), (offered, flood.received())


def drops(before: Counters, after: Counters) -> int:
    """All packets that ports and switches counted as dropped."""
    at_ports = sum(
        count.since(before.queues[port][name]).drops
        for port, queues in after.queues.items()
        for name, count in queues.items()
    )
    return at_ports + sum(after.input_drops.values()) - sum(before.input_drops.values())


def class_packets(testbed: EmulatedTestbed, port: str, name: str) -> int:
    """Packets of one class of one port so far, read as quickly as possible."""
    shape = testbed.ports.shapes[port]
    argv = ["tc", "-j", "-s", "qdisc", "show", "dev", shape.device]
    said = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    return queue_counts(shape, json.loads(said))[name].packets


def wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + patience(10)
    while not reached():
        assert time.monotonic() < deadline, "never reached"
        time.sleep(0.001)


def test_workers_reach_the_server_and_nobody_else(testbed: EmulatedTestbed) -> None:
    server, other = testbed.addresses["ps"], testbed.addresses["worker1"]
    assert " 0% packet loss" in in_host(testbed, "worker0", "ping", "-c", "2", "-i", "0.2", server)
    with pytest.raises(subprocess.CalledProcessError):
        in_host(testbed, "worker0", "ping", "-c", "1", "-W", "1", other)


def test_what_a_worker_demands_of_another_has_its_class_and_its_counters(
    testbed: EmulatedTestbed,
) -> None:
    testbed.set_schedule(get_schedule("switch-priority"))
    before = testbed.counters()
    to = testbed.addresses["worker2"]
    in_host(testbed, "worker0", "ping", "-c", "5", "-i", "0.05", to)
    after = testbed.counters()
    flows = {flow["flow"]: (flow["dscp"], flow["bytes"]) for flow in after.flows}
    start = {flow["flow"]: flow["bytes"] for flow in before.flows}
    assert flows["ring"] == (4, start["ring"] + 5 * PING)
    assert flows["answers to ring"] == (0, start["answers to ring"] + 5 * PING)
    port = "switch1->worker2"
    sent = {n: c.since(before.queues[port][n]).packets for n, c in after.queues[port].items()}
    assert sent == {"ack": 0, "worker2": 0, "ring": 5, "data": 0}


def test_every_rule_is_kept_and_counts(
    testbed: EmulatedTestbed, controller: ControllerSession
) -> None:
    for schedule, dscp in (("none", 0), ("switch-priority", 3)):
        testbed.set_schedule(get_schedule(schedule))
        assert testbed.differences() == []
        marks = {f["dscp"] for f in controller.flows() if f["flow"] == "pull of worker2"}
        assert marks == {dscp, None}
    before = {(f["switch"], f["flow"]): f["bytes"] for f in testbed.counters().flows}
    in_host(testbed, "worker2", "ping", "-c", "5", "-i", "0.05", testbed.addresses["ps"])
    counted = {
        (f["switch"], f["flow"]): f["bytes"] - before[f["switch"], f["flow"]]
        for f in testbed.counters().flows
    }
    for flow in ("pull of worker2", "push of worker2"):
        assert [counted[switch, flow] for switch in ("switch0", "switch1")] == [5 * PING] * 2


def test_switches_count_at_their_ports_what_the_queues_count(testbed: EmulatedTestbed) -> None:
    before = testbed.counters()
    in_host(testbed, "worker1", "ping", "-c", "5", "-i", "0.05", testbed.addresses["ps"])
    after = testbed.counters()
    record = network_record(tuple(testbed.ports.shapes.values()), before, after)
    counted = {entry.port: entry.tx_bytes for entry in record.openflow_ports}
    sent = {port.port: port.bytes for port in record.ports}
    assert counted == {port: sent[port] for port in counted}
    assert counted[PULL] == counted[PUSH] == counted["switch1->worker1"] == 5 * PING


def test_bulk_tcp_fills_the_trunk_in_both_directions(testbed: EmulatedTestbed) -> None:
    testbed.set_schedule(get_schedule("none"))
    before = testbed.counters()
    flows = [Flow("worker0", "ps", 1.2), Flow("ps", "worker1", 1.2)]
    most = goodput_bps(round(bps(100e6)))
    filled = Phase(0.4, 1.15, lambda rates: min(rates) > 0.85 * most)
    rates_show(testbed, flows, 32768, most, filled)
    assert drops(before, testbed.counters()) == 0


def test_an_overloaded_class_takes_nothing_from_the_first_and_every_packet_is_counted(
    testbed: EmulatedTestbed,
) -> None:
    """What 20 Mbit/s in the class above leave of a trunk of 100 Mbit/s, several times over.

    From the server both flows come in by one port, so nothing may be lost before the switch
    has classified them: the flood there is no more than the switch can surely receive.
    """
    testbed.set_schedule(get_schedule("switch-priority"))
    for first, second, port, rate in (
        (("worker0", "ps"), ("worker1", "ps"), PUSH, 500e6),
        (("ps", "worker0"), ("ps", "worker1"), PULL, 200e6),
    ):
        before = testbed.counters()
        top, flood = Flow(*first, LONG), Flow(*second, OVERLOAD_SECONDS)
        (top_offered, top_delivered), (offered, delivered) = overload(testbed, top, flood, rate)
        after = testbed.counters()
        print(port, offered, "offered,", delivered, "delivered,", drops(before, after), "dropped")
        assert top_delivered == top_offered
        assert offered == delivered + drops(before, after)
        classes = {
            name: count.since(before.queues[port][name])
            for name, count in after.queues[port].items()
        }
        assert classes["worker0"].packets == top_offered
        assert classes["worker0"].drops == 0
        assert classes["worker1"].drops > 0, "no overload: nothing was tested"
        assert classes["worker1"].packets == delivered
        assert classes["worker2"].packets == classes["data"].packets == 0


def test_the_urgent_flow_goes_first_whosever_it_is_and_only_where_marks_are_trusted(
    testbed: EmulatedTestbed,
) -> None:
    """The worker that is last by name and number has the urgent flow, marked by the host itself."""
    for schedule, names in (("geryon", ("flow0", "flow3")), ("none", ("data", "data"))):
        testbed.set_schedule(get_schedule(schedule))
        assert testbed.differences() == []
        for direction, port, rate in (("push", PUSH, 500e6), ("pull", PULL, 200e6)):
            hosts = [("worker2", "ps"), ("worker0", "ps")]
            (urgent, other) = [pair if direction == "push" else pair[::-1] for pair in hosts]
            before = testbed.counters()
            top = Flow(*urgent, LONG, dscp=1)
            flood = Flow(*other, OVERLOAD_SECONDS, dscp=4)
            (top_offered, top_delivered), (offered, delivered) = overload(testbed, top, flood, rate)
            after = testbed.counters()
            print(schedule, port, top_offered, top_delivered, offered, delivered)
            assert top_offered + offered == top_delivered + delivered + drops(before, after)
            classes = {
                name: count.since(before.queues[port][name])
                for name, count in after.queues[port].items()
            }
            expected = dict.fromkeys(classes, 0)
            for name, count in zip(names, (top_delivered, delivered), strict=True):
                expected[name] += count
            assert {name: count.packets for name, count in classes.items()} == expected
            # By its class: from the server, a busy machine may lose some on the way in.
            assert (classes[names[0]].drops == 0) == (schedule == "geryon")
            assert classes[names[1]].drops > 0


def test_a_class_plan_changes_in_the_middle_of_traffic_without_a_loss(
    testbed: EmulatedTestbed,
) -> None:
    testbed.set_schedule(get_schedule("none"))
    before = testbed.counters()
    streams = [
        Stream(testbed, Flow("worker0", "ps", LONG), 7000, bps(20e6)),
        Stream(testbed, Flow("ps", "worker0", LONG), 7001, bps(20e6)),
    ]
    time.sleep(0.3)
    for schedule, name in (("switch-priority", "worker0"), ("none", "data")) * 2:
        start = {port: class_packets(testbed, port, name) for port in (PULL, PUSH)}
        begin = time.monotonic()
        testbed.set_schedule(get_schedule(schedule))
        confirmed = time.monotonic() - begin
        for port in (PULL, PUSH):
            wait_until(
                lambda port=port, name=name, start=start: (  # type: ignore[misc]
                    class_packets(testbed, port, name) > start[port] + 10
                )
            )
        print(f"{schedule}: confirmed after {confirmed:.3f} s")
    for stream in streams:
        stream.stop()
    ends = [stream.end() for stream in streams]
    print(ends)
    assert all(sent == received for sent, received in ends)
    assert drops(before, testbed.counters()) == 0


def test_a_dead_controller_is_noted_and_comes_back_with_the_next_plan(
    testbed: EmulatedTestbed, controller: ControllerSession
) -> None:
    """One of the last, because what it kills is everybody's."""
    testbed.set_schedule(get_schedule("switch-priority"))
    began = time.monotonic_ns()
    stream = Stream(testbed, Flow("worker2", "ps", LONG), 7000, bps(10e6))
    assert controller._process is not None
    controller._process.kill()
    controller._process.wait()
    testbed.check()
    assert testbed.counters().flows == []
    assert [loss.what for loss in testbed.losses(began)] == ["controller (killed by signal 9)"]
    testbed.set_schedule(get_schedule("none"))
    assert testbed.differences() == []
    stream.stop()
    sent, received = stream.end()
    assert sent == received > 0
    marks = {flow["dscp"] for flow in testbed.counters().flows}
    assert marks == {0, None}


def test_a_database_that_is_gone_is_named(testbed: EmulatedTestbed) -> None:
    """The very last one: nothing of the testbed can be changed without it."""
    (database,) = (one for one in below(os.getpid()) if one.argv[0].endswith("ovsdb-server"))
    os.kill(database.pid, signal.SIGKILL)
    wait_until(lambda: database.pid not in running())
    gone = r"ovsdb-server of the testbed is gone \(killed by signal SIGKILL\)"
    with pytest.raises(RunError, match=gone):
        testbed.check()
