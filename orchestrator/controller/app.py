"""The application: keeps every switch at the rules that are wanted, and answers requests.

It knows OpenFlow only as a `Connection` per switch, so that it can be tested without a switch and
outlives the library underneath.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from orchestrator.controller.rule import Key, Rule


class SwitchError(Exception):
    """A switch refused something, or did not answer in time."""


class Connection(Protocol):
    """A switch that is connected. Each call returns when the switch has confirmed, or raises."""

    def change(
        self, add: Sequence[Rule], modify: Sequence[Rule], remove: Sequence[Rule]
    ) -> None: ...
    def flows(self) -> list[dict[str, Any]]: ...
    def ports(self) -> list[dict[str, Any]]: ...


@dataclass
class _Switch:
    """What is known of one switch; `has` are the rules that it has confirmed."""

    name: str
    wanted: tuple[Rule, ...]
    connection: Connection | None = None
    has: dict[Key, Rule] = field(default_factory=dict)
    programmed: bool = False
    error: str = ""


class Application:
    """The controller of all switches of a testbed."""

    def __init__(
        self,
        names: Mapping[int, str],
        rules: Mapping[str, Iterable[Rule]],
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Take over the switches `names` (by datapath id), which shall have `rules` (by name)."""
        self._names = dict(names)
        self._switches = {name: _Switch(name, tuple(rules[name])) for name in names.values()}
        self._clock_ns = clock_ns
        self._losses: list[dict[str, Any]] = []

    def connected(self, datapath_id: int, connection: Connection) -> None:
        """A switch has connected: give it its rules. A switch of another testbed is ignored."""
        switch = self._switches.get(self._names.get(datapath_id, ""))
        if switch is None:
            return
        switch.connection = connection
        switch.programmed = False
        # What it had before is not known here. Adding a rule that is there already replaces it
        # without a gap, so a switch that comes back goes on forwarding meanwhile.
        switch.has = {}
        try:
            self._program(switch)
            switch.error = ""
        except SwitchError as error:
            switch.error = str(error)

    def lost(self, datapath_id: int, connection: Connection) -> None:
        """A switch has gone; it keeps its rules by itself."""
        name = self._names.get(datapath_id, "")
        switch = self._switches.get(name)
        # After a quick reconnection the old connection's end may be seen last.
        if switch is not None and switch.connection is connection:
            switch.connection = None
            switch.programmed = False
            self._losses.append({"what": name, "t_ns": self._clock_ns()})

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to one request: `status`, `plan`, `flows` or `ports`."""
        try:
            match request.get("request"):
                case "status":
                    return {"ok": True, **self._status()}
                case "plan":
                    return {"ok": True, "changed": self._plan(request["rules"])}
                case "flows":
                    return {"ok": True, "flows": self._ask(lambda one: one.flows())}
                case "ports":
                    return {"ok": True, "ports": self._ask(lambda one: one.ports())}
                case unknown:
                    return {"ok": False, "error": f"unknown request {unknown!r}"}
        except SwitchError as error:
            return {"ok": False, "error": str(error)}

    def _status(self) -> dict[str, Any]:
        return {
            "switches": {
                name: {
                    "connected": switch.connection is not None,
                    "programmed": switch.programmed,
                    "error": switch.error,
                }
                for name, switch in self._switches.items()
            },
            "losses": list(self._losses),
        }

    def _plan(self, rules: Mapping[str, Sequence[Mapping[str, Any]]]) -> int:
        """Bring all switches to other rules; returns how many rules changed."""
        for name, fields in rules.items():
            if name not in self._switches:
                raise SwitchError(f"no switch {name}")
            self._switches[name].wanted = tuple(Rule.from_json(rule) for rule in fields)
        # All are told what is wanted before the first is waited for: one that is away takes the
        # new rules when it comes back.
        return sum(self._program(switch) for switch in self._switches.values())

    def _program(self, switch: _Switch) -> int:
        """Bring a switch from what it has to what is wanted; returns how many rules changed."""
        if switch.connection is None:
            raise SwitchError(f"switch {switch.name} is not connected")
        wanted = {rule.key: rule for rule in switch.wanted}
        add = [rule for key, rule in wanted.items() if key not in switch.has]
        modify = [
            rule
            for key, rule in wanted.items()
            if key in switch.has and switch.has[key].effect != rule.effect
        ]
        remove = [rule for key, rule in switch.has.items() if key not in wanted]
        if add or modify or remove:
            try:
                switch.connection.change(add, modify, remove)
            except SwitchError as error:
                raise SwitchError(f"switch {switch.name}: {error}") from error
        switch.has = wanted
        switch.programmed = True
        return len(add) + len(modify) + len(remove)

    def _ask(
        self, question: Callable[[Connection], list[dict[str, Any]]]
    ) -> dict[str, list[dict[str, Any]]]:
        answers = {}
        for name, switch in self._switches.items():
            if switch.connection is not None:
                answers[name] = question(switch.connection)
        return answers
