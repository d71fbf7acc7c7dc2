"""A run seen from outside the box: what is refused, and how it ends."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.emulation.caps import Room
from orchestrator.emulation.cgroups import Layout
from orchestrator.emulation.machine import Machine
from orchestrator.emulation.run_groups import NO_GROUPS
from orchestrator.errors import InputError, Interrupted, MachineError, ReaderGoneError, RunError
from orchestrator.spec import Direction, Experiment, Overrides
from orchestrator.trials import boxed
from orchestrator.trials.boxed import AlreadySaid
from orchestrator.trials.plan import memory_bytes
from orchestrator.trials.request import RunRequest
from orchestrator.trials.run import check_machine, check_memory, run
from orchestrator.trials.sweep import RunPoint
from tests.unit.trials.examples import experiment, write_experiment

# The package's name `run` is the function.
MODULE = importlib.import_module("orchestrator.trials.run")
LAYOUT = Layout((), NO_GROUPS.missing)
ROOM = Room((0, 1), 64 * 2**30)
MACHINE = Machine(
    kernel="Linux 6.1",
    root=True,
    boxes=True,
    programs={},
    features={},
    openvswitch=False,
    congestion_controls=("reno", "cubic"),
    cgroups="v2",
    tmpfs=True,
    cores=2,
    memory_bytes=8 * 2**30,
    disk_bytes=10 * 2**30,
)


class Outside:
    """The machine and the box, in their places."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.machine: Machine | MachineError = MACHINE
        self.asked: dict[str, Any] = {}
        self.started: list[Sequence[str]] = []
        self.end: int | BaseException = 0
        monkeypatch.setattr(MODULE, "require_for_run", self._require)
        monkeypatch.setattr(MODULE, "settle_scale", lambda request, *_: request)
        monkeypatch.setattr(MODULE, "find_layout", lambda: LAYOUT)
        monkeypatch.setattr(MODULE, "run_groups", lambda _: contextlib.nullcontext(NO_GROUPS))
        monkeypatch.setattr(MODULE, "this_machine", lambda _: ROOM)
        monkeypatch.setattr(boxed, "run_in_box", self._run_in_box)

    def _require(self, **asked: Any) -> Machine:
        self.asked = asked
        if isinstance(self.machine, MachineError):
            raise self.machine
        return self.machine

    def _run_in_box(self, argv: Sequence[str], given: bytes) -> int:
        self.started.append([*argv, *json.loads(given)])
        if isinstance(self.end, BaseException):
            raise self.end
        return self.end


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> Outside:
    return Outside(monkeypatch)


@pytest.fixture
def request_(tmp_path: Path) -> RunRequest:
    return RunRequest(write_experiment(tmp_path), Overrides(repeats=1), tmp_path / "out", True)


def test_the_conductor_gets_the_request(outside: Outside, request_: RunRequest) -> None:
    run(request_)
    (argv,) = outside.started
    assert argv[:4] == [sys.executable, "-P", "-m", "orchestrator.trials.conductor"]
    inside = RunRequest.from_json(argv[4])
    assert inside == request_.keeping(request_.load())
    assert json.loads(argv[4])["as_json"] is True


def test_files_that_change_or_go_meanwhile_change_nothing(
    outside: Outside, request_: RunRequest
) -> None:
    before = request_.load()
    run(request_)
    for file in request_.experiment.parent.glob("*.yaml"):
        file.unlink()
    ((*_, asked, _),) = outside.started
    assert RunRequest.from_json(asked).load() == before


def test_an_experiment_from_standard_input(
    outside: Outside, request_: RunRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(request_.experiment.parent)
    raw = io.BytesIO(request_.experiment.read_bytes())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(raw))
    run(replace(request_, experiment=Path("-")))
    ((*_, asked, _),) = outside.started
    assert RunRequest.from_json(asked).load().resolved() == request_.load().resolved()


def test_wrong_input_starts_nothing(outside: Outside, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        run(RunRequest(write_experiment(tmp_path), Overrides(["nonet"]), tmp_path))
    assert (outside.started, outside.asked) == ([], {})


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
        check_machine(made, tmp_path / "out")
    place = f"{tmp_path}/out/tiny"
    assert str(error.value) == f"{place}: {place} is not a directory (choose another --out)"


@pytest.mark.parametrize("status", [2, 3, 4, 5, 130])
def test_what_the_box_has_said_is_not_said_again(
    outside: Outside, request_: RunRequest, status: int
) -> None:
    outside.end = status
    with pytest.raises(AlreadySaid) as error:
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
        f"the testbed was killed ({name}); all of it has been taken down, and the trials that"
        f" had finished are in {request_.out}/tiny"
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
    assert str(error.value) == (
        f"stopped at once; the trials that had finished are in {request_.out}/tiny"
    )


def test_every_point_of_a_sweep_has_a_box_of_its_own(
    outside: Outside, request_: RunRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    request_.experiment.write_text(request_.experiment.read_text() + "sweep: {workers: [1, 4]}\n")

    def each_point(request: RunRequest, made: Experiment, run_point: RunPoint) -> None:
        for point in made.points():
            run_point(replace(request, point=point.label, directory=tmp_path / point.label))

    tmp_path = request_.out
    monkeypatch.setattr(MODULE, "run_sweep", each_point)
    run(request_)
    started = [RunRequest.from_json(argv[4]) for argv in outside.started]
    assert [len(request.load().topology.workers) for request in started] == [1, 4]
    assert [request.directory for request in started] == [
        tmp_path / "workers-1",
        tmp_path / "workers-4",
    ]
