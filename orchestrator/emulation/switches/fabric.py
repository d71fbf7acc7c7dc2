"""What the kinds of switch have in common, and who programs those that can be programmed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from orchestrator.emulation.runner import Runner
from orchestrator.emulation.switches.bridges import LinuxBridges
from orchestrator.emulation.switches.openvswitch import OpenVSwitches
from orchestrator.spec import LINUX_BRIDGE, ClassPlan, Demands


class Fabric(Protocol):
    """The switches of a testbed, of one kind.

    Whatever the kind, it is the interface of a link's end that is shaped. With `by_dscp` the
    packets' DSCP always says the class there, and a `Controller` has the switches write it. Without
    it, only classes of flows are told by DSCP, which hosts mark.
    """

    kind: str
    by_dscp: bool

    def start(self) -> None:
        """Start what runs beside the kernel; before the first switch is built."""
        ...

    def build(self, switch: str, number: int, devices: Sequence[str]) -> None:
        """Make one switch out of the interfaces that are its ports.

        Args:
            switch: the name of its device.
            number: its own, from 1.
            devices: the interfaces.
        """
        ...

    def input_devices(self) -> Mapping[str, str]:
        """Interfaces before which packets may wait to be switched, by the port's interface.

        What such an interface could not send was lost in the emulation, not in a port's queue.
        """
        ...

    def settle(self) -> None:
        """Bring the counters of rules up to date, where a switch does that now and then only."""
        ...

    def thread_seconds(self) -> Mapping[int, float]:
        """Processor time so far of each thread of the switches' own processes, by its id."""
        ...

    def check(self) -> None:
        """See that all that was started still runs, or raise a RunError that names it."""
        ...

    def close(self) -> None:
        """End what was started."""
        ...


class Controller(Protocol):
    """Who programs the switches; a switch without it keeps what it was told."""

    address: str

    def start(self) -> None:
        """Start it; does not wait."""
        ...

    def wait(self) -> None:
        """Wait until every switch has its rules; RunError if one has not in time."""
        ...

    def push(self, plan: ClassPlan, demands: Demands) -> None:
        """Change demands and class plan without losing a packet; every switch has confirmed it."""
        ...

    def flows(self) -> list[dict[str, Any]]:
        """All rules with their counters."""
        ...

    def ports(self) -> list[dict[str, Any]]:
        """The switches' own counters of their ports, by `switch` and `port` (`node->peer`)."""
        ...

    def differences(self, flows: list[dict[str, Any]]) -> list[str]:
        """Where rules read by `flows` differ from those that were asked for."""
        ...

    def losses(self) -> list[dict[str, Any]]:
        """What was lost so far, with times: the controller, or a switch's connection to it."""
        ...

    def check(self) -> None:
        """Note if it has ended, which is not an error."""
        ...

    def close(self) -> None:
        """End it."""
        ...


def make_fabric(
    kind: str, runner: Runner, directory: Path, controller: Controller | None
) -> Fabric:
    """The switches of a kind.

    Args:
        directory: where their processes keep files; not there yet.
        controller: needed by all kinds but `linux-bridge`.
    """
    if kind == LINUX_BRIDGE:
        return LinuxBridges(runner)
    if controller is None:
        raise ValueError(f"{kind} needs a controller")
    return OpenVSwitches(kind, runner, directory, controller.address)
