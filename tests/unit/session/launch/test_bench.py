"""A bench: what it needs of the machine, the jobs of its measurements, and iperf3's arguments."""

from __future__ import annotations

import contextlib
import importlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from orchestrator.deployment import Printed
from orchestrator.deployment.follow import Watch
from orchestrator.deployment.plan import problems
from orchestrator.emulation.limits.caps import MachineCapacity
from orchestrator.emulation.limits.cgroups import Layout
from orchestrator.emulation.limits.run_groups import NO_GROUPS
from orchestrator.emulation.switches.choice import SwitchChoice
from orchestrator.errors import MachineError, RunError
from orchestrator.session.launch.request import RunRequest
from orchestrator.session.plan.jobs import plans_of
from orchestrator.session.plan.run_plan import RunPlan
from orchestrator.session.probes.bench import bench_probe, bench_record
from orchestrator.session.probes.iperf import WAYS, iperf_plans, parse_report
from orchestrator.session.scale.choose import Settled
from orchestrator.session.testbed import box as boxed
from orchestrator.spec import Experiment, Scale
from tests.unit.session.examples import experiment
from tests.unit.session.jobs_read import read
from tests.unit.whole_machine import MACHINE
from workloads.process.training import WorkerJob

MODULE = importlib.import_module("orchestrator.session.launch.bench")
RESOLVE = importlib.import_module("orchestrator.session.launch.resolve")
ADDRESSES = {"ps": "10.10.0.1", **{f"worker{n}": f"10.10.0.{n + 2}" for n in range(3)}}


class Outside:
    """The machine and the box, in their places."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.machine = MACHINE
        self.started: list[Sequence[str]] = []
        self.asked: dict[str, bool] = {}
        layout = Layout((), NO_GROUPS.missing)
        monkeypatch.setattr(MODULE, "check_machine", lambda *_: self.machine)
        monkeypatch.setattr(MODULE, "switch_of", lambda _: SwitchChoice("linux-bridge", "asked"))
        monkeypatch.setattr(RESOLVE, "settle_scale", self._settle)
        monkeypatch.setattr(MODULE, "find_layout", lambda: layout)
        monkeypatch.setattr(RESOLVE, "find_layout", lambda: layout)
        monkeypatch.setattr(RESOLVE, "this_machine", lambda _: MachineCapacity((0, 1), 64 * 2**30))
        monkeypatch.setattr(MODULE, "run_groups", lambda _: contextlib.nullcontext(NO_GROUPS))
        monkeypatch.setattr(boxed, "run_in_box", self._run_in_box)

    def _settle(self, *_: object, **asked: bool) -> Settled:
        self.asked = asked
        return Settled(Scale(8, 0.5), {"chosen": 8})

    def _run_in_box(self, argv: Sequence[str], given: bytes) -> int:
        self.started.append([*argv, *json.loads(given)])
        return 0


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> Outside:
    return Outside(monkeypatch)


def asked(tmp_path: Path) -> RunRequest:
    return RunRequest(experiment(tmp_path), tmp_path / "out", as_json=True, force=True)


def test_the_conductor_gets_all_that_was_asked(outside: Outside, tmp_path: Path) -> None:
    MODULE.bench(asked(tmp_path), 3, 40)
    (argv,) = outside.started
    assert argv[3] == "orchestrator.session.inner.bench"
    assert RunPlan.from_json(argv[4]).experiment == asked(tmp_path).experiment.with_scale(
        Scale(8, 0.5)
    )
    assert list(argv[6:]) == ["3", "40", "json"]
    assert outside.asked == {"recalibrate": False, "force": True, "refuted": None}


def test_without_iperf3_nothing_starts(outside: Outside, tmp_path: Path) -> None:
    outside.machine = replace(MACHINE, programs={**MACHINE.programs, "iperf3": None})
    remedy = r"lacks for a bench: iperf3 \(make setup, or Debian package iperf3\)"
    with pytest.raises(MachineError, match=remedy):
        MODULE.bench(asked(tmp_path), 3, 40)
    assert outside.started == []


def scaled(tmp_path: Path, rates: float, time: float) -> Experiment:
    return experiment(tmp_path).with_scale(Scale(rates, time))


@pytest.mark.parametrize(
    ("rates", "time", "link_bps", "slice_bytes"),
    [(1, 1, 10**9, 160_000), (8, 0.5, 125_000_000, 10_000)],
)
def test_what_is_measured_is_scaled(
    tmp_path: Path, rates: float, time: float, link_bps: int, slice_bytes: int
) -> None:
    what = bench_record(scaled(tmp_path, rates, time), 2, 10)
    assert (what.server, what.worker, what.samples) == ("ps", "worker0", 10)
    assert (what.link_bps, what.slice_bytes) == (link_bps, slice_bytes)


@pytest.mark.parametrize("kind", ["traffic", "urgent"])
def test_the_jobs_are_those_of_p3_with_one_worker(
    tmp_path: Path, kind: Literal["traffic", "urgent"]
) -> None:
    made = scaled(tmp_path, 8, 0.5)
    what = bench_record(made, 2, 10)
    probe = bench_probe(made, what, kind)
    plans = plans_of(made, probe.work, ADDRESSES)
    assert list(plans) == ["ps", "worker0"]
    server, worker = map(read, plans.values())
    assert isinstance(worker, WorkerJob)
    assert worker.workers == server.workers == ("worker0",)
    assert (worker.program, worker.schedule.name) == (f"{kind}-worker", "p3")
    assert worker.send_limit_bytes == what.slice_bytes


def test_there_is_time_for_all_samples(tmp_path: Path) -> None:
    made = scaled(tmp_path, 8, 0.5)
    what = bench_record(made, 2, 10)
    # The longest gap is 60 ms of the real system's.
    assert bench_probe(made, what, "urgent").seconds >= 10 * 0.5 * 0.06
    assert bench_probe(made, what, "traffic").seconds == 2 + what.ramp_seconds


def test_iperf3_stays_on_the_data_network() -> None:
    server, client = iperf_plans("ps", "worker0", ADDRESSES, way="both", ramp=1, seconds=5)
    assert (server.host, client.host) == ("ps", "worker0")
    assert server.argv[server.argv.index("--bind") + 1] == ADDRESSES["ps"]
    assert "--one-off" in server.argv
    assert client.argv[client.argv.index("--client") + 1] == ADDRESSES["ps"]
    assert client.argv[client.argv.index("--bind") + 1] == ADDRESSES["worker0"]
    assert client.argv[client.argv.index("--omit") + 1 :] == ("1", "--time", "5", "--bidir")
    told = {
        way: iperf_plans("ps", "worker0", ADDRESSES, way=way, ramp=1, seconds=5)[1].argv[-1]
        for way in WAYS
    }
    assert told == {"push": "5", "pull": "--reverse", "both": "--bidir"}


def test_iperf3_is_asked_when_it_listens_and_not_for_ever() -> None:
    server, client = iperf_plans("ps", "worker0", ADDRESSES, way="push", ramp=1, seconds=5)
    assert problems([server, client], ["ps", "worker0"]) == []
    assert server.limit_seconds is not None
    assert client.limit_seconds is not None
    assert server.limit_seconds > client.limit_seconds > 6
    watch = Watch([server, client])
    assert watch.startable() == [server]
    watch.started(server.name, 0.0)
    watch.printed(Printed(server.name, "stdout", "Server listening on 5201 (test #1)\n"), 0.1)
    assert watch.startable() == [client]


def test_why_iperf3_failed() -> None:
    assert parse_report(b'{"end": {"sum_received": {}}}') == {"end": {"sum_received": {}}}
    with pytest.raises(RunError, match="iperf3 failed: unable to connect"):
        parse_report(b'{"end": {}, "error": "unable to connect"}')
    with pytest.raises(RunError, match="no figures in its report"):
        parse_report(b"[]")
    with pytest.raises(RunError, match="left no report: not found"):
        parse_report(b"not found\n")
    with pytest.raises(RunError, match="left no report: it printed nothing"):
        parse_report(b"")
