"""Linux bridges as switches: no OpenFlow, no loops; classes are distinguished at the port."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator.emulation.ports.shaping import Command
from orchestrator.emulation.runner import Runner
from orchestrator.spec import LINUX_BRIDGE

_OPTIONS = ("stp_state", "0", "mcast_snooping", "0", "forward_delay", "0")


def bridge_commands(name: str, ports: Sequence[str]) -> tuple[Command, ...]:
    """Argument lists that make a bridge, without multicast snooping, with its ports, all up."""
    return (
        ("ip", "link", "add", "name", name, "type", "bridge", *_OPTIONS),
        *(("ip", "link", "set", "dev", port, "master", name, "up") for port in ports),
        ("ip", "link", "set", "dev", name, "up"),
    )


def splice_commands(name: str, ends: tuple[str, str]) -> tuple[Command, ...]:
    """Argument lists that join two interfaces: all that comes in at one goes out at the other.

    A bridge of the two that learns nothing, so that nothing it has seen can ever be held back.
    """
    return (
        *bridge_commands(name, ends),
        *(("ip", "link", "set", "dev", end, "type", "bridge_slave", "learning", "off")
          for end in ends),
    )  # fmt: skip


def make_bridge(runner: Runner, name: str, ports: Sequence[str]) -> None:
    """Make a bridge with the given ports."""
    for command in bridge_commands(name, ports):
        runner(command)


class LinuxBridges:
    """The kernel's own bridges; see `fabric.Fabric`."""

    kind = LINUX_BRIDGE
    by_dscp = False

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def start(self) -> None:
        """Nothing runs beside the kernel."""

    def build(self, switch: str, number: int, devices: Sequence[str]) -> None:
        """Make one switch out of the devices that are its ports."""
        del number
        make_bridge(self._runner, switch, devices)

    def input_devices(self) -> Mapping[str, str]:
        """A bridge takes a packet in at once: nothing can be dropped on the way in."""
        return {}

    def settle(self) -> None:
        """Bridges have no rules."""

    def thread_seconds(self) -> Mapping[int, float]:
        """Bridges run in the processes that send, not in a separate one."""
        return {}

    def check(self) -> None:
        """The kernel does not go away."""

    def close(self) -> None:
        """The box takes the bridges with it."""
