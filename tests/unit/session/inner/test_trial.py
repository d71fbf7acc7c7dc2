"""One trial on a testbed that is not there."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import pytest

from orchestrator.deployment import ARCHIVE, Deployment, ProcessPlan, code_bundle
from orchestrator.emulation.limits.capped import CappedHosts, CapsMeter
from orchestrator.emulation.limits.caps import MachineCapacity, host_caps
from orchestrator.emulation.limits.run_groups import NO_GROUPS
from orchestrator.emulation.network.addresses import data_addresses, data_devices
from orchestrator.emulation.network.port_classes import port_shapes
from orchestrator.emulation.network.strays import Strays
from orchestrator.emulation.ports.counters import Count, Counters
from orchestrator.emulation.ports.link_sampler import LinkSampler
from orchestrator.emulation.ports.shaping import PortShape
from orchestrator.errors import RunError
from orchestrator.records.network import LossRecord, NetworkRecord
from orchestrator.records.trial import TrialRecord
from orchestrator.session.inner.observed import Outcome
from orchestrator.session.inner.trial import run_trial
from orchestrator.session.plan.jobs import silence_seconds
from orchestrator.session.plan.trials import Trial
from orchestrator.spec import Choices, Demands, Experiment, Scale, SshAccess
from tests.unit.session.examples import (
    FAILED_ORDER,
    TRIAL,
    experiment,
    experiment_of_failing_order,
    iteration,
)
from tests.unit.session.jobs_read import job_of
from workloads.exchange.demand import server_demands
from workloads.models.profiles import load_model
from workloads.schedule.schedule import Schedule

HOSTS = ("ps", "worker0", "worker1", "worker2")
RECORDS = {name: name.encode() + b"\n" for name in HOSTS}


class FakeTestbed:
    """Counts on by one whenever it is read, and notes in which order things happen."""

    def __init__(self, made: Experiment, log: list[str]) -> None:
        self.switch_kind = "linux-bridge"
        self.addresses = data_addresses(made.topology)
        self.interfaces = data_devices(made.topology)
        self.work_directory = "/run/t/work"
        capacity = MachineCapacity((0, 1), 64 * 2**30, NO_GROUPS.missing)
        caps = host_caps(made.topology, made.scale, capacity)
        self._hosts = CappedHosts(caps, capacity, NO_GROUPS)
        self.kept_differs: list[str] = []
        self.refuses = ""
        self._experiment = made
        self._log = log
        self._shapes: tuple[PortShape, ...] = ()
        self._read = 0
        self.strays = Strays({})

    def description(self) -> str:
        return "4 hosts"

    def warnings(self) -> tuple[str, ...]:
        return self._hosts.warnings()

    def notes(self) -> list[str]:
        return self._hosts.notes()

    def meter(self, first: int, last: int) -> CapsMeter:
        return self._hosts.meter(first, last)

    def accesses(self) -> dict[str, SshAccess]:
        return {}

    def link_sampler(self) -> LinkSampler:
        counts = "ps-eth0: 1 0 0 0 0 0 0 0 2"
        return LinkSampler({"ps->switch0": ("ps-eth0", "sent")}, read=lambda: counts)

    def switch_threads(self) -> dict[int, float]:
        return {}

    def set_scale(self, scale: Scale) -> None:
        self._experiment = self._experiment.with_scale(scale)

    def set_schedule(
        self, schedule: Schedule, demands: Demands | None = None, *, counted: bool = False
    ) -> tuple[PortShape, ...]:
        self._log.append(f"set {schedule.name}{' counted' if counted else ''}")
        if self.refuses:
            raise RunError(self.refuses)
        assert demands is not None
        self._shapes = port_shapes(demands, self._experiment.scale, schedule)
        return self._shapes

    def counters(self) -> Counters:
        self._log.append("count")
        self._read += 1
        n = self._read
        return Counters(
            queues={
                shape.port: {
                    placed.traffic.name: Count(1000 * n, 10 * n, n) for placed in shape.placed()
                }
                for shape in self._shapes
            },
            management_bytes=dict.fromkeys(HOSTS, 50 * n),
            retransmits=dict.fromkeys(HOSTS, 7 * n),
        )

    def differences(self) -> list[str]:
        return self.kept_differs

    def check(self) -> None:
        pass

    def losses(self, since_ns: int) -> tuple[LossRecord, ...]:
        return (LossRecord(what="controller (killed by signal 9)", t_ns=since_ns),)


class FakeDeployment:
    """Tells a few events and returns records, or fails."""

    python = "/venv/bin/python"

    def __init__(self, log: list[str]) -> None:
        self.fails: BaseException | None = None
        self.asked: dict[str, Any] = {}
        self._log = log

    def run(
        self,
        plans: Collection[ProcessPlan],
        *,
        on_event: Callable[[str, dict[str, Any]], None],
        **asked: Any,
    ) -> dict[str, bytes]:
        self._log.append("train")
        self.asked = {"plans": plans, **asked}
        on_event("ps", {"event": "listening"})
        on_event("worker0", {"event": "started"})
        on_event("worker0", iteration(0, 0, 1))
        if self.fails:
            raise self.fails
        return RECORDS


class Stage:
    """Runs one trial of an experiment between fakes."""

    def __init__(self, made: Experiment, trial: Trial = TRIAL) -> None:
        self.experiment = made
        self.trial = trial
        self.log: list[str] = []
        self.testbed = FakeTestbed(self.experiment, self.log)
        self.deployment = FakeDeployment(self.log)
        self.seen: list[str] = []

    def run(self) -> Outcome:
        return run_trial(
            self.experiment,
            self.trial,
            self.testbed,
            cast(Deployment, self.deployment),
            lambda host, event: self.seen.append(f"{host} {event['event']}"),
        )


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(experiment(tmp_path))


def test_a_finished_trial(stage: Stage) -> None:
    outcome = stage.run()
    assert (outcome.error, outcome.records) == (None, RECORDS)
    assert stage.log == ["set switch-priority", "count", "train", "count"]
    assert stage.seen == ["ps listening", "worker0 started", "worker0 iteration"]
    assert 0 <= outcome.trial.seconds < 60


def test_what_the_deployment_is_asked(stage: Stage) -> None:
    stage.run()
    plans = stage.deployment.asked["plans"]
    assert [plan.name for plan in plans] == list(HOSTS)
    endpoints = {plan.name: job_of(plan)["endpoints"] for plan in plans}
    assert {one["server"] for one in endpoints.values()} == {"ps"}
    assert endpoints["worker1"]["bind"] == "10.10.0.3"
    silence = silence_seconds(TRIAL)
    assert {plan.silence_seconds for plan in plans} == {silence}
    assert stage.deployment.asked["watch"] == stage.testbed.check


def test_the_networks_record_is_what_happened_during_the_trial(stage: Stage) -> None:
    stage.testbed.kept_differs = ["ps->switch0: asked 2 filters, kept 1"]
    network = stage.run().network
    assert network.switch == "linux-bridge"
    ports = {port.port: port for port in network.ports}
    trunk = ports["switch0->switch1"]
    # Five classes of 1000 bytes, 10 packets and one drop each.
    assert (trunk.bytes, trunk.packets, trunk.drops) == (5000, 50, 5)
    assert [entry.name for entry in trunk.classes] == [
        "ack", "worker0", "worker1", "worker2", "data",
    ]  # fmt: skip
    assert ports["ps->switch0"].bytes == 2000
    assert network.management_bytes == dict.fromkeys(HOSTS, 50)
    assert network.tcp_retransmits == dict.fromkeys(HOSTS, 7)
    assert [loss.what for loss in network.controller.losses] == ["controller (killed by signal 9)"]
    assert network.kept_differs == ("ps->switch0: asked 2 filters, kept 1",)
    assert ("tc", "qdisc", "add", "dev", "switch0-eth1", "root", "handle", "1:", "htb") in [
        command[:9] for command in network.commands
    ]


def test_processes_that_fail_end_the_trial_with_an_outcome(stage: Stage) -> None:
    stage.deployment.fails = RunError("worker0: killed by signal SIGKILL")
    outcome = stage.run()
    assert outcome.error == "worker0: killed by signal SIGKILL"
    assert outcome.records == {}
    assert outcome.network.management_bytes["ps"] == 50


def test_an_order_that_fails_in_a_trials_own_setting_is_its_outcome(tmp_path: Path) -> None:
    trial = Trial(3, Choices(model="squeezenet", schedule="own"), repeat=2)
    stage = Stage(experiment_of_failing_order(tmp_path), trial)
    outcome = stage.run()
    assert outcome.error == FAILED_ORDER
    assert outcome.records == {}
    assert "train" not in stage.log
    assert sorted(outcome.files()) == ["network.json", "trial.json"]


def test_a_network_that_cannot_be_set_ends_the_run(stage: Stage) -> None:
    stage.testbed.refuses = "the kernel kept something else than was asked"
    with pytest.raises(RunError, match="the kernel kept something else"):
        stage.run()
    assert stage.log == ["set switch-priority"]


def test_ctrl_c_is_no_outcome(stage: Stage) -> None:
    stage.deployment.fails = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        stage.run()


def test_the_files_of_a_finished_trial(stage: Stage) -> None:
    files = stage.run().files()
    assert sorted(files) == [
        "network.json", "ps.jsonl", "trial.json", "worker0.jsonl", "worker1.jsonl",
        "worker2.jsonl",
    ]  # fmt: skip
    assert files["worker1.jsonl"] == b"worker1\n"
    record = json.loads(files["trial.json"])
    assert record.pop("seconds") >= 0
    assert record.pop("shipped_bytes") > 4 * len(code_bundle()[ARCHIVE])
    schedule = record.pop("communication")
    assert (schedule["place"], schedule["synchronisation"]) == ("switch", "step-barrier")
    assert record == {
        "index": 3,
        "choices": {"model": "googlenet", "schedule": "switch-priority"},
        "repeat": 1,
        "attempt": 1,
        "outcome": "finished",
        "error": None,
        "program": None,
        "target_accuracy": None,
        "resumed_after": 0,
        "beside": [],
        "servers": ["ps"],
        "demands": [
            asdict(one) for one in server_demands({"ps": load_model("googlenet").bytes}, HOSTS[1:])
        ],
        "workers": ["worker0", "worker1", "worker2"],
        "batch": 1,
        "own_batches": {},
        "iterations": 2,
        "warm_up": 1,
        "cool_down": 1,
        "scale": {"rates": 1.0, "time": 0.5},
        "switch": "linux-bridge",
    }


def test_the_collector_reads_what_is_written(stage: Stage) -> None:
    files = stage.run().files()
    assert TrialRecord.model_validate_json(files["trial.json"]).schedule == "switch-priority"
    network = NetworkRecord.model_validate_json(files["network.json"])
    assert len(network.ports) == 10


def test_the_files_of_a_failed_trial(stage: Stage) -> None:
    stage.deployment.fails = RunError("silent")
    files = stage.run().files()
    assert sorted(files) == ["network.json", "trial.json"]
    record = json.loads(files["trial.json"])
    assert (record["outcome"], record["error"]) == ("failed", "silent")
