"""The controller seen from the conductor, with a process of our own in the controller's place."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.controller import session as module
from orchestrator.controller.app import Application
from orchestrator.controller.rule import Rule
from orchestrator.controller.session import ControllerSession
from orchestrator.errors import RunError
from orchestrator.session.testbed.controller import switch_names
from orchestrator.spec import load_topology
from orchestrator.spec.traffic.class_plan import class_plan
from tests.unit.placed import exchange_of

ROOT = Path(__file__).parents[3]
STAR = load_topology(ROOT / "topologies" / "star.yaml")
DEMANDS = exchange_of(STAR).demands


class FakeSwitch:
    """Keeps the rules that it is given."""

    def __init__(self) -> None:
        self.rules: dict[object, Rule] = {}

    def change(self, add: list[Rule], modify: list[Rule], remove: list[Rule]) -> None:
        for rule in (*add, *modify):
            self.rules[rule.key] = rule
        for rule in remove:
            del self.rules[rule.key]

    def flows(self) -> list[dict[str, Any]]:
        names = ("priority", "src", "dst", "dscp", "output")
        return [
            {**{name: getattr(rule, name) for name in names}, "packets": 1, "bytes": 2}
            for rule in self.rules.values()
        ]

    def ports(self) -> list[dict[str, Any]]:
        return [{"number": number, "tx_packets": number} for number in (2, 0xFFFFFFFE)]


class FakeProcess:
    """Plays the controller's process: the application, on a socket, without OpenFlow."""

    started: list[FakeProcess] = []  # noqa: RUF012
    switch = FakeSwitch()
    words = ""

    def __init__(self, argv: list[str], **options: Any) -> None:
        settings = json.loads(Path(argv[-1]).read_text())
        options["stdout"].write(self.words.encode())
        rules = {
            name: [Rule.from_json(rule) for rule in rules]
            for name, rules in settings["rules"].items()
        }
        self.returncode: int | None = 1 if self.words else None
        if self.words:
            return
        self.application = Application(
            {int(n): name for n, name in settings["switches"].items()}, rules
        )
        self.application.connected(1, self.switch)  # type: ignore[arg-type]
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(settings["requests"])
        self.server.listen()
        threading.Thread(target=self._serve, daemon=True).start()
        self.started.append(self)

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            with client, client.makefile("rw") as stream:
                for line in stream:
                    stream.write(json.dumps(self.application.answer(json.loads(line))) + "\n")
                    stream.flush()

    def poll(self) -> int | None:
        return self.returncode

    def die(self) -> None:
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
        self.returncode = -9

    def kill(self) -> None:
        if self.returncode is None:
            self.die()

    def wait(self) -> None:
        pass


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Any]]:
    monkeypatch.setattr(subprocess, "Popen", FakeProcess)
    monkeypatch.setattr(FakeProcess, "started", [])
    monkeypatch.setattr(FakeProcess, "switch", FakeSwitch())
    made = []

    def session() -> ControllerSession:
        made.append(ControllerSession(DEMANDS, switch_names(STAR), tmp_path / "controller"))
        return made[-1]

    yield session
    for one in made:
        one.close()


def marks(session: ControllerSession) -> dict[str, int | None]:
    return {flow["flow"]: flow["dscp"] for flow in session.flows()}


def test_rules_are_pushed_and_read_back_by_name(make: Callable[[], ControllerSession]) -> None:
    session = make()
    session.start()
    session.wait()
    assert marks(session)["push of worker2"] == 0
    session.push(class_plan(DEMANDS, by_class=True), DEMANDS)
    assert marks(session)["push of worker2"] == 3
    assert marks(session)["all else"] is None
    assert session.differences(session.flows()) == []


def test_ports_are_told_by_name_and_a_bridges_own_is_not(
    make: Callable[[], ControllerSession],
) -> None:
    session = make()
    session.start()
    session.wait()
    assert session.ports() == [
        {"switch": "switch0", "port": "switch0->worker0", "number": 2, "tx_packets": 2}
    ]


def test_a_switch_that_keeps_something_else_is_an_error(
    make: Callable[[], ControllerSession], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = make()
    session.start()
    monkeypatch.setattr(FakeSwitch, "change", lambda *_: None)
    with pytest.raises(RunError, match="kept other rules than were asked: switch0: asked the rule"):
        session.push(class_plan(DEMANDS, by_class=True), DEMANDS)


def test_a_dead_controller_is_noted_once_and_started_again_for_the_next_plan(
    make: Callable[[], ControllerSession],
) -> None:
    session = make()
    session.start()
    session.wait()
    FakeProcess.started[0].die()
    session.check()
    session.check()
    (loss,) = session.losses()
    assert loss["what"] == "controller (killed by signal 9)"
    with pytest.raises(RunError, match="does not answer"):
        session.flows()
    session.push(class_plan(DEMANDS, by_class=True), DEMANDS)
    assert len(FakeProcess.started) == 2
    assert marks(session)["pull of worker0"] == 1
    assert [loss["what"] for loss in session.losses()] == ["controller (killed by signal 9)"]


def test_a_controller_that_does_not_start_says_why(
    make: Callable[[], ControllerSession], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeProcess, "words", "Traceback\nImportError: no ryu\n")
    session = make()
    session.start()
    with pytest.raises(RunError, match="the controller did not start: ImportError: no ryu"):
        session.wait()


def test_switches_that_do_not_connect_are_named(
    make: Callable[[], ControllerSession], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "START_SECONDS", 0.0)
    monkeypatch.setattr(Application, "connected", lambda *_: None)
    session = make()
    session.start()
    with pytest.raises(RunError, match=r"no connection to the controller.*: switch0"):
        session.wait()
