from __future__ import annotations

import queue
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.deployment.plan import PYTHON, After, ProcessPlan
from orchestrator.deployment.process import Ended, Message, Printed, Told
from orchestrator.deployment.run import SETTLE_SECONDS, Deployment
from orchestrator.errors import RunError

CODE = {"workloads/__main__.py": b"code"}

PS = ProcessPlan(
    "ps",
    "ps",
    (PYTHON, "-m", "workloads", "job.json"),
    files=CODE,
    environment={"KEY": "value"},
    records="ps.jsonl",
    progress="iteration",
    start_seconds=10,
    silence_seconds=60,
    heartbeat=True,
)
WORKER = replace(
    PS,
    name="worker0",
    host="worker0",
    after=(After("ps", "event", "listening"),),
    records="worker0.jsonl",
    heartbeat=False,
)


class Clock:
    """Goes on by half the time to settle whenever it is read, so that nobody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += SETTLE_SECONDS / 2 + 0.01
        return self.now


class FakeProcess:
    def __init__(self, log: list[str], host: FakeHost) -> None:
        self.log = log
        self.host = host
        self.printed_too_much = host.printed_too_much

    def tail(self) -> list[str]:
        return self.host.output

    def stop(self, grace: float = 1.0) -> None:
        self.log.append(f"stop {self.host.name} {grace}")
        if self.host.stop_error:
            raise RunError(self.host.stop_error)


class FakeHost:
    """A host on which a process tells its script at once."""

    def __init__(self, name: str, log: list[str], script: Sequence[Message]) -> None:
        self.name = name
        self.log = log
        self.script = script
        self.files: dict[str, bytes] = {}
        self.output = ["last words"]
        self.stop_error = ""
        self.printed_too_much = False
        self.start_error: BaseException | None = None
        self.environment: Mapping[str, str] = {}

    def upload(self, directory: str, files: Mapping[str, bytes]) -> None:
        self.log.append(f"upload {self.name}")
        self.files |= {f"{directory}/{path}": data for path, data in files.items()}

    def fetch(self, path: str, limit_bytes: int, *, needed: bool = True) -> bytes:
        if not needed:
            return b""
        assert limit_bytes > 1_000_000
        self.log.append(f"fetch {self.name}")
        return path.encode()

    def remove(self, directory: str) -> None:
        self.log.append(f"remove {directory}")

    def start(
        self,
        argv: Sequence[str],
        *,
        directory: str,
        environment: Mapping[str, str] | None = None,
        timeout: float | None = None,
        events: queue.Queue[Message] | None = None,
        name: str = "",
        tells: bool = True,
        printed_bytes: int | None = None,
    ) -> FakeProcess:
        assert (printed_bytes is None) == tells
        assert events is not None
        assert timeout == 10
        assert name
        assert tells or not any(isinstance(message, Told) for message in self.script)
        self.log.append(f"start {self.name}: {' '.join(argv)} in {directory}")
        self.environment = environment or {}
        if self.start_error:
            raise self.start_error
        for message in self.script:
            events.put(message)
        return FakeProcess(self.log, self)


def told(host: str, *kinds: str) -> list[Message]:
    return [Told(host, {"event": kind, "iteration": 0}) for kind in kinds]


class Stage:
    """A parameter server and a worker that tell what a test scripts."""

    def __init__(self, ps: Sequence[Message] = (), worker: Sequence[Message] = ()) -> None:
        self.log: list[str] = []
        self.ps = FakeHost("ps", self.log, [*told("ps", "started", "listening"), *ps])
        self.worker = FakeHost("worker0", self.log, [*told("worker0", "started"), *worker])
        self.deployment = Deployment(
            {"ps": self.ps, "worker0": self.worker, "idle": self.ps}, "/py", "/run/t"
        )
        self.seen: list[tuple[str, str]] = []
        self.clock = Clock()
        self.looks = 0
        self.gone_after_looks = 1000

    def watch(self) -> None:
        self.looks += 1
        if self.looks > self.gone_after_looks:
            raise RunError("the network is gone")

    def on_event(self, host: str, event: dict[str, Any]) -> None:
        self.seen.append((host, event["event"]))

    def run(
        self, on_event: Callable[[str, dict[str, Any]], None] | None = None
    ) -> dict[str, bytes]:
        return self.deployment.run(
            [WORKER, PS],
            on_event=on_event or self.on_event,
            watch=self.watch,
            clock=self.clock,
        )


def well() -> Stage:
    return Stage(worker=[*told("ps", "iteration"), Ended("worker0", 0), Ended("ps", 0)])


def test_a_trial_from_upload_to_removal() -> None:
    stage = well()
    assert stage.run() == {
        "worker0": b"/run/t/worker0/worker0.jsonl",
        "ps": b"/run/t/ps/ps.jsonl",
    }
    assert stage.log[:4] == [
        "upload worker0",
        "upload ps",
        "start ps: /py -m workloads job.json in /run/t/ps",
        "start worker0: /py -m workloads job.json in /run/t/worker0",
    ]
    assert sorted(stage.log[4:]) == [
        "fetch ps",
        "fetch worker0",
        "remove /run/t/ps",
        "remove /run/t/worker0",
        "stop ps 1.0",
        "stop worker0 1.0",
    ]
    assert stage.seen == [
        ("ps", "started"),
        ("ps", "listening"),
        ("worker0", "started"),
        ("ps", "iteration"),
    ]
    assert stage.ps.files["/run/t/ps/workloads/__main__.py"] == b"code"
    assert stage.ps.environment == {"KEY": "value"}


def test_the_message_names_the_cause_the_iteration_and_the_last_output() -> None:
    stage = Stage(worker=[*told("ps", "iteration"), Ended("ps", 1), Ended("worker0", -9)])
    with pytest.raises(RunError) as error:
        stage.run()
    assert str(error.value) == (
        "worker0: killed by signal SIGKILL, after iteration 0; then ps: ended with exit status 1\n"
        "its last output:\n    last words"
    )
    assert "remove /run/t/ps" in stage.log
    assert "fetch ps" not in stage.log


def test_the_last_output_is_without_events() -> None:
    stage = Stage(worker=[*told("ps", "iteration"), Ended("ps", 1)])
    stage.ps.output = ['{"event": "iteration", "iteration": 0}', "division by zero"]
    with pytest.raises(RunError) as error:
        stage.run()
    assert str(error.value).endswith("its last output:\n    division by zero")


def test_a_process_that_printed_nothing() -> None:
    stage = Stage(worker=[Ended("worker0", None)])
    stage.worker.output = []
    with pytest.raises(RunError, match=r"worker0: the SSH connection .* it printed nothing"):
        stage.run()


def test_silence() -> None:
    stage = Stage(worker=told("ps", "iteration"))

    def on_event(_host: str, event: dict[str, Any]) -> None:
        if event["event"] == "iteration":
            stage.clock.now += 60

    with pytest.raises(RunError, match="ps: silent for 60 s, after iteration 0"):
        stage.run(on_event)
    assert "stop worker0 1.0" in stage.log


def test_what_could_not_be_cleaned_is_told_with_the_cause() -> None:
    stage = Stage(worker=[Ended("worker0", -11)])
    stage.ps.stop_error = "ps: processes could not be ended: 42"
    with pytest.raises(RunError) as error:
        stage.run()
    assert str(error.value).startswith("worker0: killed by signal SIGSEGV")
    assert str(error.value).endswith("cleaning up:\nps: processes could not be ended: 42")


def test_a_trial_that_leaves_something_behind_is_a_failure() -> None:
    stage = well()
    stage.worker.stop_error = "worker0: processes could not be ended: 42"
    with pytest.raises(RunError, match="cleaning up after all had ended:\nworker0: processes"):
        stage.run()


def test_a_worker_that_cannot_be_started() -> None:
    stage = Stage()
    stage.worker.start_error = RunError("worker0: cannot start /py")
    with pytest.raises(RunError, match="cannot start /py"):
        stage.run()
    assert "stop ps 1.0" in stage.log
    assert "remove /run/t/worker0" in stage.log


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ZeroDivisionError()])
def test_whatever_interrupts_stops_all_processes_at_once(error: BaseException) -> None:
    stage = Stage()

    def on_event(host: str, _event: dict[str, Any]) -> None:
        if host == "worker0":
            raise error

    with pytest.raises(type(error)):
        stage.run(on_event)
    assert {"stop ps 0.5", "stop worker0 0.5", "remove /run/t/ps"} < set(stage.log)


def test_ctrl_c_while_a_process_is_started() -> None:
    stage = Stage()
    stage.worker.start_error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        stage.run()
    assert "stop ps 0.5" in stage.log


def test_what_the_processes_need_is_looked_at_while_they_run() -> None:
    stage = well()
    stage.run()
    assert stage.looks >= 2
    stage = well()
    stage.gone_after_looks = 1
    with pytest.raises(RunError, match=r"^the network is gone$"):
        stage.run()
    assert {"stop ps 1.0", "remove /run/t/ps", "remove /run/t/worker0"} <= set(stage.log)


def foreign(printed: Sequence[str], status: int = 0) -> Stage:
    """A server and a client that are user-defined programs, on one host."""
    stage = Stage()
    stage.ps.script = [
        Printed("server", "stderr", "be patient\n"),
        Printed("server", "stdout", "listening on 5201\n"),
        *(Printed("client", "stdout", text) for text in printed),
        Ended("client", status),
        Ended("server", 0),
    ]
    return stage


SERVER = ProcessPlan("server", "ps", ("serve", "-v"), events=False, start_seconds=10)
CLIENT = replace(
    SERVER, name="client", argv=("ask",), after=(After("server", "printed", "listening"),)
)


def run_foreign(stage: Stage) -> dict[str, bytes]:
    script, stage.ps.script = stage.ps.script, stage.ps.script[:2]
    original = stage.ps.start

    def start(argv: Sequence[str], **asked: Any) -> FakeProcess:
        process = original(argv, **asked)
        stage.ps.script = script[2:]
        return process

    stage.ps.start = start  # type: ignore[method-assign]
    return stage.deployment.run([CLIENT, SERVER], clock=stage.clock)


def test_a_program_that_is_not_ours_starts_after_a_line_and_leaves_what_it_prints() -> None:
    stage = foreign(["{ 3\n", "4"])
    assert run_foreign(stage) == {"client": b"{ 3\n4", "server": b"listening on 5201\n"}
    starts = [line for line in stage.log if line.startswith("start")]
    assert starts == ["start ps: serve -v in /run/t/server", "start ps: ask in /run/t/client"]
    assert {"remove /run/t/server", "remove /run/t/client"} < set(stage.log)


def test_a_program_that_is_not_ours_fails_by_its_exit_status() -> None:
    with pytest.raises(RunError) as error:
        run_foreign(foreign([], status=3))
    expected = "client: ended with exit status 3\nits last output:\n    last words"
    assert str(error.value) == expected


def test_a_program_that_prints_without_end() -> None:
    stage = foreign(["a line"])
    stage.ps.printed_too_much = True
    with pytest.raises(RunError, match=r"^server: has printed more than 256 MiB\n"):
        run_foreign(stage)


def test_every_line_is_handed_on_with_its_time() -> None:
    stage = foreign([])
    line = Printed("server", "stdout", "hello\n", t_ns=7)
    stage.ps.script = [line, Ended("server", 0)]
    heard: list[Printed] = []
    stage.deployment.run([SERVER], on_print=heard.append, clock=stage.clock)
    assert [(one.text, one.t_ns) for one in heard] == [("hello\n", 7)]


def test_records_that_a_program_need_not_leave() -> None:
    stage = foreign([])
    stage.ps.script = [Ended("server", 0)]
    plan = replace(SERVER, records="speed.jsonl", needs_records=False)
    assert stage.deployment.run([plan], clock=stage.clock) == {"server": b""}


def test_plans_that_are_impossible_start_nothing() -> None:
    stage = Stage()
    with pytest.raises(ValueError, match="process 'worker0': waits for 'ps', which is not there"):
        stage.deployment.run([WORKER])
    assert stage.log == []
