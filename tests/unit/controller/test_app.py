"""The controller's application, with switches that are not there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orchestrator.controller.app import Application, SwitchError
from orchestrator.controller.rule import DROP, Rule

PULL = Rule("pull of worker0", 100, "10.10.0.1", "10.10.0.2", 0, 2)
PULL_FIRST = Rule("pull of worker0", 100, "10.10.0.1", "10.10.0.2", 1, 2)
PUSH = Rule("push of worker0", 100, "10.10.0.2", "10.10.0.1", 0, 1)


class FakeSwitch:
    """Confirms everything, unless told to refuse."""

    def __init__(self) -> None:
        self.changes: list[tuple[list[Rule], list[Rule], list[Rule]]] = []
        self.refuses = ""

    def change(self, add: Sequence[Rule], modify: Sequence[Rule], remove: Sequence[Rule]) -> None:
        if self.refuses:
            raise SwitchError(self.refuses)
        self.changes.append((list(add), list(modify), list(remove)))

    def flows(self) -> list[dict[str, Any]]:
        return [{"packets": 7}]

    def ports(self) -> list[dict[str, Any]]:
        return [{"number": 1}]


def application() -> Application:
    return Application(
        {1: "switch0", 2: "switch1"},
        {"switch0": [PULL, DROP], "switch1": [DROP]},
        clock_ns=lambda: 123,
    )


def programmed(app: Application) -> dict[str, bool]:
    switches = app.answer({"request": "status"})["switches"]
    return {name: state["programmed"] for name, state in switches.items()}


def test_a_switch_gets_its_rules_when_it_connects() -> None:
    app, switch = application(), FakeSwitch()
    app.connected(1, switch)
    assert switch.changes == [([PULL, DROP], [], [])]
    assert programmed(app) == {"switch0": True, "switch1": False}


def test_a_switch_of_another_testbed_is_left_alone() -> None:
    app, switch = application(), FakeSwitch()
    app.connected(9, switch)
    app.lost(9, switch)
    assert switch.changes == []
    assert app.answer({"request": "status"})["losses"] == []


def test_a_plan_sends_only_what_differs() -> None:
    app, first, second = application(), FakeSwitch(), FakeSwitch()
    app.connected(1, first)
    app.connected(2, second)
    first.changes.clear()
    second.changes.clear()
    rules = {"switch0": [PULL_FIRST.to_json(), PUSH.to_json()], "switch1": [DROP.to_json()]}
    assert app.answer({"request": "plan", "rules": rules}) == {"ok": True, "changed": 3}
    assert first.changes == [([PUSH], [PULL_FIRST], [DROP])]
    assert second.changes == []
    assert app.answer({"request": "plan", "rules": rules}) == {"ok": True, "changed": 0}


def test_a_switch_that_was_away_gets_the_newest_plan_when_it_comes_back() -> None:
    app, first, second = application(), FakeSwitch(), FakeSwitch()
    app.connected(1, first)
    app.connected(2, second)
    app.lost(1, first)
    answer = app.answer({"request": "plan", "rules": {"switch0": [PULL_FIRST.to_json()]}})
    assert answer == {"ok": False, "error": "switch switch0 is not connected"}
    again = FakeSwitch()
    app.connected(1, again)
    assert again.changes == [([PULL_FIRST], [], [])]
    assert app.answer({"request": "status"})["losses"] == [{"what": "switch0", "t_ns": 123}]


def test_the_late_end_of_an_old_connection_is_no_loss() -> None:
    app, old, new = application(), FakeSwitch(), FakeSwitch()
    app.connected(1, old)
    app.connected(1, new)
    app.lost(1, old)
    assert app.answer({"request": "status"})["losses"] == []
    assert programmed(app)["switch0"]


def test_what_a_switch_refuses_is_told() -> None:
    app, switch = application(), FakeSwitch()
    switch.refuses = "refused with type 4, code 1"
    app.connected(1, switch)
    status = app.answer({"request": "status"})["switches"]["switch0"]
    assert status == {
        "connected": True,
        "programmed": False,
        "error": "switch switch0: refused with type 4, code 1",
    }


def test_counters_are_those_of_the_switches_that_are_there() -> None:
    app = application()
    app.connected(2, FakeSwitch())
    assert app.answer({"request": "flows"}) == {"ok": True, "flows": {"switch1": [{"packets": 7}]}}
    assert app.answer({"request": "ports"}) == {"ok": True, "ports": {"switch1": [{"number": 1}]}}


def test_unknown_requests_and_switches_are_refused() -> None:
    app = application()
    assert not app.answer({"request": "reboot"})["ok"]
    answer = app.answer({"request": "plan", "rules": {"switch9": []}})
    assert answer == {"ok": False, "error": "no switch switch9"}
