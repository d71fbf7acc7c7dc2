"""The rules of a testbed's switches, which a controller writes; bridges have none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orchestrator.emulation.switches.fabric import Controller, Fabric
from orchestrator.errors import RunError
from orchestrator.records.network import LossRecord
from orchestrator.spec import ClassPlan, Demands


class SwitchRules:
    """The one place that knows whether there is a controller.

    What is gone is noted in `losses`: switches without their controller keep their rules.
    """

    def __init__(self, fabric: Fabric, controller: Controller | None) -> None:
        self._fabric = fabric
        self._controller = controller

    def start(self) -> None:
        """Start the controller; does not wait for it."""
        if self._controller is not None:
            self._controller.start()

    def wait(self) -> None:
        """Wait until every switch has its rules.

        Raises:
            RunError: one has not in time.
        """
        if self._controller is not None:
            self._controller.wait()

    def push(self, plan: ClassPlan, demands: Demands) -> None:
        """Change who may send to whom, and the class plan, without losing a packet.

        Raises:
            RunError: a switch refused something, or kept something else.
        """
        if self._controller is not None:
            self._controller.push(plan, demands)

    def flows(self) -> list[dict[str, Any]]:
        """The rules with their counters; empty if they cannot be read."""
        if self._controller is None:
            return []
        return self._asked(self._controller.flows, self._fabric.settle)

    def ports(self) -> list[dict[str, Any]]:
        """The switches' own counters of their ports; empty if they cannot be read."""
        if self._controller is None:
            return []
        return self._asked(self._controller.ports)

    def differences(self) -> list[str]:
        """Where the rules now differ from those that were asked for."""
        if self._controller is None:
            return []
        # Which rules there are does not wait for their counters.
        flows = self._asked(self._controller.flows)
        return self._controller.differences(flows) if flows else []

    def losses(self, since_ns: int) -> tuple[LossRecord, ...]:
        """What was lost since then (monotonic clock): the controller, or a switch's way to it."""
        if self._controller is None:
            return ()
        losses = map(LossRecord.model_validate, self._controller.losses())
        return tuple(loss for loss in losses if loss.t_ns >= since_ns)

    def check(self) -> None:
        """Note if the controller has ended, which is not an error."""
        if self._controller is not None:
            self._controller.check()

    def close(self) -> None:
        """End the controller."""
        if self._controller is not None:
            self._controller.close()

    def _asked(
        self, ask: Callable[[], list[dict[str, Any]]], prepare: Callable[[], None] = lambda: None
    ) -> list[dict[str, Any]]:
        try:
            # Without its database ovs-vswitchd does not answer: do not even ask.
            self._fabric.check()
            prepare()
            return ask()
        except RunError:
            # What is gone is noted elsewhere.
            return []
