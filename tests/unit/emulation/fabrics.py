"""Switches and their controller, without any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.errors import RunError
from orchestrator.spec import ClassPlan, Demands


class FakeFabric:
    """Switches of which a test says what they tell.

    Attributes:
        gone: what `check` says is gone.
        log: what was asked for, shared with the controller.
    """

    kind = "ovs-user"
    by_dscp = True

    def __init__(self, inputs: Mapping[str, str] | None = None) -> None:
        self.inputs = dict(inputs or {})
        self.gone = ""
        self.log: list[str] = []

    def start(self) -> None:
        self.log.append("start switches")

    def build(self, switch: str, number: int, devices: Sequence[str]) -> None:
        self.log.append(f"build {switch} {number} {list(devices)}")

    def input_devices(self) -> Mapping[str, str]:
        return self.inputs

    def settle(self) -> None:
        self.log.append("settle")

    def thread_seconds(self) -> Mapping[int, float]:
        return {1: 0.5, 2: 0.25}

    def check(self) -> None:
        if self.gone:
            raise RunError(self.gone)

    def close(self) -> None:
        self.log.append("close switches")


class FakeController:
    """A controller that notes what it is asked for; see `FakeFabric`."""

    address = "tcp:127.0.0.1:6653"

    def __init__(self, fabric: FakeFabric) -> None:
        self.log = fabric.log
        self.gone = ""
        self.rules: list[dict[str, Any]] = [{"switch": "switch0", "packets": 3}]
        self.lost: list[dict[str, Any]] = []

    def start(self) -> None:
        self.log.append("start")

    def wait(self) -> None:
        self.log.append("wait")

    def push(self, plan: ClassPlan, demands: Demands) -> None:  # noqa: ARG002
        self.log.append(f"push {plan.by_hosts}")

    def flows(self) -> list[dict[str, Any]]:
        self.log.append("flows")
        if self.gone:
            raise RunError(self.gone)
        return self.rules

    def ports(self) -> list[dict[str, Any]]:
        if self.gone:
            raise RunError(self.gone)
        return [{"switch": "switch0", "port": "switch0->ps"}]

    def differences(self, flows: list[dict[str, Any]]) -> list[str]:
        return [f"{flow['switch']}: another rule" for flow in flows]

    def losses(self) -> list[dict[str, Any]]:
        return self.lost

    def check(self) -> None:
        self.log.append("check")

    def close(self) -> None:
        self.log.append("close")
