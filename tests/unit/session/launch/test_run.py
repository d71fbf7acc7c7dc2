"""A run seen from outside the box: what is refused, and how it ends."""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.emulation.limits.caps import MachineCapacity
from orchestrator.emulation.limits.cgroups import Layout
from orchestrator.emulation.limits.run_groups import NO_GROUPS
from orchestrator.emulation.machine.machine import Machine
from orchestrator.emulation.switches.choice import SwitchChoice
from orchestrator.errors import Interrupted, MachineError, ReaderGoneError, RunError
from orchestrator.session.launch.request import RunRequest
from orchestrator.session.launch.resolve import check_machine, check_memory
from orchestrator.session.launch.run import kept, run
from orchestrator.session.launch.sweep import RunPoint
from orchestrator.session.plan.memory import memory_bytes
from orchestrator.session.plan.run_plan import RunPlan
from orchestrator.session.scale.choose import Settled
from orchestrator.session.testbed import box as boxed
from orchestrator.session.testbed.box import ReportedError
from orchestrator.spec import Direction, Experiment, Scale, Sweep, Variable, load_topology
from tests.unit.analysis.builder import write_run
from tests.unit.analysis.fake_trial import FakeTrial
from tests.unit.session.examples import experiment
from tests.unit.whole_machine import MACHINE

# The package's name `run` is the function.
MODULE = importlib.import_module("orchestrator.session.launch.run")
RESOLVE = importlib.import_module("orchestrator.session.launch.resolve")
LAYOUT = Layout((), NO_GROUPS.missing)
ROOM = MachineCapacity((0, 1), 64 * 2**30)


class Outside:
    """The machine and the box, in their places."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.machine: Machine | MachineError = MACHINE
        self.asked: dict[str, Any] = {}
        self.started: list[Sequence[str]] = []
        self.end: int | BaseException = 0
        self.ends: list[int] = []  # of the first boxes
        self.refuted: list[Any] = []
        self.obstacles = {"ovs-kernel": "no", "ovs-user": "no", "linux-bridge": ""}
        monkeypatch.setattr(RESOLVE, "obstacles", lambda: self.obstacles)
        monkeypatch.setattr(RESOLVE, "require_for_run", self._require)
        monkeypatch.setattr(RESOLVE, "settle_scale", self._settle)
        monkeypatch.setattr(RESOLVE, "find_layout", lambda: LAYOUT)
        monkeypatch.setattr(RESOLVE, "this_machine", lambda _: ROOM)
        monkeypatch.setattr(MODULE, "find_layout", lambda: LAYOUT)
        monkeypatch.setattr(MODULE, "run_groups", lambda _: contextlib.nullcontext(NO_GROUPS))
        monkeypatch.setattr(boxed, "run_in_box", self._run_in_box)

    def _require(self, **asked: Any) -> Machine:
        self.asked = asked
        if isinstance(self.machine, MachineError):
            raise self.machine
        return self.machine

    def _settle(
        self, experiment: Experiment, kind: str, *_: object, refuted: Any = None, **__: object
    ) -> Settled:
        assert kind == "linux-bridge"
        self.refuted.append(refuted)
        return Settled(experiment.asked_scale.at(8), {"chosen": 8})

    def _run_in_box(self, argv: Sequence[str], given: bytes) -> int:
        self.started.append([*argv, *json.loads(given)])
        if self.ends:
            return self.ends.pop(0)
        if isinstance(self.end, BaseException):
            raise self.end
        return self.end


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> Outside:
    return Outside(monkeypatch)


@pytest.fixture
def request_(tmp_path: Path) -> RunRequest:
    return RunRequest(experiment(tmp_path, scale="auto"), tmp_path / "out", as_json=True)


def test_the_conductor_gets_the_plan(outside: Outside, request_: RunRequest) -> None:
    run(request_)
    (argv,) = outside.started
    assert argv[:4] == [sys.executable, "-P", "-m", "orchestrator.session.inner.run"]
    plan = RunPlan.from_json(argv[4])
    assert plan.experiment == request_.experiment.with_scale(Scale(8, 1))
    assert plan.switch == SwitchChoice(
        "linux-bridge", "auto: the first that works here; no ovs-kernel: no; no ovs-user: no"
    )
    assert plan.calibration == {"chosen": 8}
    assert plan.directory.parent == request_.out / "tiny"
    assert plan.directory.name.endswith(f"-{plan.experiment.digest()}")
    assert list(argv[6:]) == ["json", "new"]


def test_a_refuted_scale_is_settled_anew_once(outside: Outside, request_: RunRequest) -> None:
    outside.ends = [75]
    run(request_)
    assert len(outside.started) == 2
    assert outside.refuted == [None, {"chosen": 8}]
    outside.ends = [75, 5]
    with pytest.raises(ReportedError):
        run(request_)
    assert len(outside.started) == 4


def test_a_plan_keeps_its_switches(outside: Outside, request_: RunRequest) -> None:
    outside.obstacles = {}
    choice = SwitchChoice("linux-bridge", "as it was")
    run(replace(request_, switch=choice))
    ((*_, planned, _, _, _),) = outside.started
    assert RunPlan.from_json(planned).switch == choice


def test_a_loop_without_open_vswitch_is_refused_before_anything_is_measured(
    outside: Outside, request_: RunRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RESOLVE, "settle_scale", lambda *_, **__: pytest.fail("measured"))
    topology = load_topology(Path(__file__).parents[3] / "golden/good/loop.yaml")
    made = replace(request_.experiment, topology=topology)
    with pytest.raises(MachineError, match="linux-bridge cannot carry a loop"):
        run(replace(request_, experiment=made))
    assert outside.started == []


def test_a_machine_that_lacks_something_starts_nothing(
    outside: Outside, request_: RunRequest
) -> None:
    outside.machine = MachineError("this machine lacks: root (call it with sudo)")
    with pytest.raises(MachineError, match="lacks: root"):
        run(request_)
    assert outside.started == []
    assert not request_.out.exists()


def test_what_is_asked_of_the_machine(outside: Outside, tmp_path: Path) -> None:
    made = replace(experiment(tmp_path), congestion_control="reno")
    check_machine(made, tmp_path / "out")
    assert outside.asked == {
        "delay": False,
        "congestion_control": "reno",
        "results": tmp_path / "out",
    }


def test_one_delay_of_one_direction_needs_netem(outside: Outside, tmp_path: Path) -> None:
    made = experiment(tmp_path)
    slow = Direction(10**9, 1, 524288)
    *others, last = made.topology.links
    for link in (replace(last, forward=slow), replace(last, reverse=slow)):
        topology = replace(made.topology, links=(*others, link))
        check_machine(replace(made, topology=topology), tmp_path)
        assert outside.asked["delay"] is True


@pytest.mark.usefixtures("outside")
def test_too_little_memory(tmp_path: Path) -> None:
    made = experiment(tmp_path, models="alexnet")
    with pytest.raises(MachineError) as error:
        check_memory(made, replace(MACHINE, memory_bytes=memory_bytes(made) - 1), ROOM)
    assert str(error.value) == (
        "the largest model needs 1.4 GiB of memory, 1.4 GiB are free"
        " (a smaller D/R in --scale, or fewer --models)"
    )
    check_memory(made, replace(MACHINE, memory_bytes=memory_bytes(made)), ROOM)


@pytest.mark.usefixtures("outside")
def test_a_file_where_the_experiments_directory_will_be(tmp_path: Path) -> None:
    made = experiment(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "tiny").touch()
    with pytest.raises(MachineError) as error:
        check_machine(made, tmp_path / "out" / "tiny")
    place = f"{tmp_path}/out/tiny"
    assert str(error.value) == f"{place}: {place} is not a directory (choose another --out)"


@pytest.mark.parametrize("status", [2, 3, 4, 5, 130])
def test_what_the_box_has_said_is_not_said_again(
    outside: Outside, request_: RunRequest, status: int
) -> None:
    outside.end = status
    with pytest.raises(ReportedError) as error:
        run(request_)
    assert (error.value.exit_code, error.value.lines()) == (status, [])


def test_a_reader_that_has_gone_is_no_failure_of_the_testbed(
    outside: Outside, request_: RunRequest
) -> None:
    outside.end = 141
    with pytest.raises(ReaderGoneError) as error:
        run(request_)
    assert (error.value.exit_code, error.value.lines()) == (141, [])


@pytest.mark.parametrize(("status", "name"), [(137, "SIGKILL"), (143, "SIGTERM"), (139, "SIGSEGV")])
def test_a_testbed_that_was_killed_could_not_say_so(
    outside: Outside, request_: RunRequest, status: int, name: str
) -> None:
    outside.end = status
    with pytest.raises(RunError) as error:
        run(request_)
    assert str(error.value) == (
        f"the testbed was killed ({name}); all of it has been taken down, and no trial had finished"
    )


@pytest.mark.parametrize("status", [1, 255])
def test_a_testbed_that_ended_as_none_does_by_itself(
    outside: Outside, request_: RunRequest, status: int
) -> None:
    outside.end = status
    with pytest.raises(RunError, match=r"^the testbed ended unexpectedly; all of it"):
        run(request_)


def test_a_box_that_had_to_be_ended(outside: Outside, request_: RunRequest) -> None:
    outside.end = Interrupted("stopped at once")
    with pytest.raises(Interrupted) as error:
        run(request_)
    assert str(error.value) == "stopped at once; no trial had finished"


def test_what_was_kept_can_go_on(tmp_path: Path) -> None:
    (tmp_path / "run.json").touch()
    assert kept(tmp_path) == f"no trial had finished: `dmlbed run {tmp_path}` continues it"
    failed = FakeTrial(outcome="failed", error="killed")
    none = write_run(tmp_path / "none", [failed])
    assert kept(none).startswith("no trial had finished: ")
    one = write_run(tmp_path / "one", [failed, FakeTrial(repeat=1)])
    assert kept(one) == f"the trials that had finished are kept: `dmlbed run {one}` continues it"


def test_every_point_of_a_sweep_has_a_box_of_its_own(
    outside: Outside, request_: RunRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = request_.out

    def each_point(plan: RunPlan, run_point: RunPoint, **_: object) -> None:
        for point in plan.experiment.points():
            run_point(point, place / point.label)

    monkeypatch.setattr(MODULE, "run_sweep", each_point)
    swept = replace(request_.experiment, sweep=Sweep((Variable("workers", (1, 4)),)))
    run(replace(request_, experiment=swept))
    plans = [RunPlan.from_json(argv[4]) for argv in outside.started]
    assert [len(plan.experiment.placement.workers) for plan in plans] == [1, 4]
    assert [plan.directory for plan in plans] == [place / "workers-1", place / "workers-4"]
    assert [argv[6] for argv in outside.started] == ["point-of-json"] * 2
