"""The controller as the conductor sees it: started, awaited, asked, and missed when it is gone."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.controller.client import ask
from orchestrator.controller.rule import Rule
from orchestrator.controller.rules import rule_differences, switch_rules
from orchestrator.errors import RunError
from orchestrator.spec import ClassPlan, Demands

HOST = "127.0.0.1"
PORT = 6653
# Importing Ryu takes a second of an idle core.
START_SECONDS = 20.0
_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class SwitchNames:
    """How the running network calls what the topology names.

    Attributes:
        datapath_ids: of every switch.
        port_numbers: OpenFlow number of every port (switch, peer).
        addresses: data address of every host.
    """

    datapath_ids: Mapping[str, int]
    port_numbers: Mapping[tuple[str, str], int]
    addresses: Mapping[str, str]


class ControllerSession:
    """A controller process of a testbed.

    If it dies, the switches keep their rules and go on; the loss is noted. It is started again
    only when a class plan has to be changed.

    Attributes:
        address: where switches connect to.
    """

    address = f"tcp:{HOST}:{PORT}"

    def __init__(self, demands: Demands, names: SwitchNames, directory: Path) -> None:
        self._names = names
        self._directory = directory
        self._requests = directory / "requests"
        self._process: subprocess.Popen[bytes] | None = None
        self._wanted = self._rules(ClassPlan(), demands)
        self._losses: list[dict[str, Any]] = []

    def start(self) -> None:
        """Start the process; it lets the switches connect a second later."""
        self._directory.mkdir(parents=True, exist_ok=True)
        self._requests.unlink(missing_ok=True)
        settings = self._directory / "settings.json"
        settings.write_text(
            json.dumps(
                {
                    "host": HOST,
                    "port": PORT,
                    "requests": str(self._requests),
                    "switches": {n: name for name, n in self._names.datapath_ids.items()},
                    "rules": _to_json(self._wanted),
                }
            )
        )
        with (self._directory / "controller.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "orchestrator.controller", str(settings)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def wait(self) -> None:
        """Wait until every switch is connected and has confirmed its rules.

        Raises:
            RunError: one is not in time, or the controller has ended.
        """
        deadline = time.monotonic() + START_SECONDS
        while True:
            missing = self._missing()
            if not missing:
                return
            if self._process is None or self._process.poll() is not None:
                raise RunError(f"the controller did not start: {self._last_words()}")
            if time.monotonic() > deadline:
                raise RunError(
                    f"no connection to the controller, or no rules, within {START_SECONDS:.0f} s: "
                    + ", ".join(missing)
                )
            time.sleep(_POLL_SECONDS)

    def push(self, plan: ClassPlan, demands: Demands) -> None:
        """Change every switch to other demands or classes; returns when all have confirmed it.

        A controller that has died is started again for it.

        Raises:
            RunError: a switch refused, kept something else, or is not connected.
        """
        self._wanted = self._rules(plan, demands)
        self.check()
        if self._process is None:
            self.start()
            self.wait()
        else:
            self._ask("plan", rules=_to_json(self._wanted))
        if differ := self.differences(self.flows()):
            raise RunError("a switch kept other rules than were asked: " + "; ".join(differ))

    def flows(self) -> list[dict[str, Any]]:
        """All rules of all switches as they now are, with counters and the flow's name.

        Raises:
            RunError: the controller is gone.
        """
        names = {
            (switch, rule.key): rule.flow
            for switch, rules in self._wanted.items()
            for rule in rules
        }
        return [
            {
                "switch": switch,
                "flow": names.get((switch, _kept(entry).key), "not asked for"),
                **entry,
            }
            for switch, entries in self._ask("flows")["flows"].items()
            for entry in entries
        ]

    def ports(self) -> list[dict[str, Any]]:
        """What every switch counts at the ports to its neighbours.

        Raises:
            RunError: the controller is gone.
        """
        peers = {(node, n): peer for (node, peer), n in self._names.port_numbers.items()}
        return [
            {"switch": switch, "port": f"{switch}->{peers[switch, entry['number']]}", **entry}
            for switch, entries in self._ask("ports")["ports"].items()
            for entry in entries
            # A bridge also has a port to itself, which leads nowhere.
            if (switch, entry["number"]) in peers
        ]

    def differences(self, flows: list[dict[str, Any]]) -> list[str]:
        """Where `flows` differ from the rules that were asked for."""
        return [
            difference
            for switch, asked in self._wanted.items()
            for difference in rule_differences(
                switch, asked, [_kept(entry) for entry in flows if entry["switch"] == switch]
            )
        ]

    def check(self) -> None:
        """Note if the controller has ended; not an error, the switches go on without it."""
        if self._process is not None and self._process.poll() is not None:
            status = self._process.returncode
            how = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
            self._losses.append({"what": f"controller ({how})", "t_ns": time.monotonic_ns()})
            self._process = None

    def losses(self) -> list[dict[str, Any]]:
        """What was lost so far: the controller, or the connection of a switch to it, with times."""
        self.check()
        if self._process is None:
            return list(self._losses)
        return [*self._losses, *self._ask("status")["losses"]]

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _rules(self, plan: ClassPlan, demands: Demands) -> dict[str, tuple[Rule, ...]]:
        names = self._names
        return switch_rules(demands, plan, names.addresses, names.port_numbers)

    def _missing(self) -> list[str]:
        """The switches that are not ready, with what is known of each."""
        try:
            status = ask(self._requests, "status")
        except OSError:
            return list(self._wanted)
        return [
            f"{name} ({state['error']})" if state["error"] else name
            for name, state in status["switches"].items()
            if not state["programmed"]
        ]

    def _ask(self, request: str, **fields: Any) -> dict[str, Any]:
        try:
            return ask(self._requests, request, **fields)
        except OSError as error:
            raise RunError(f"the controller does not answer: {error}") from error

    def _last_words(self) -> str:
        lines = (self._directory / "controller.log").read_text(errors="replace").split("\n")
        return next((line for line in reversed(lines) if line.strip()), "it printed nothing")


def _to_json(rules: Mapping[str, tuple[Rule, ...]]) -> dict[str, list[dict[str, Any]]]:
    return {switch: [rule.to_json() for rule in listed] for switch, listed in rules.items()}


def _kept(entry: Mapping[str, Any]) -> Rule:
    names = ("priority", "src", "dst", "dscp", "output")
    known: dict[str, Any] = {name: entry[name] for name in names}
    return Rule("", **known, tcp_src=entry.get("tcp_src"), tcp_dst=entry.get("tcp_dst"))
