"""The commands that make an Open vSwitch bridge, and what they must have led to (pure).

With the kernel's datapath the veths are the ports themselves. The userspace datapath sends to all
its packet sockets through one send buffer, so a queue on a veth that is its port would hold up, and
silently lose, the traffic of all others. There each port is a separate tap, and a splice, a Linux
bridge of just the two, moves packets between tap and veth:

    in    veth  ->  splice  ->  tap, read by ovs-vswitchd; a full tap counts its drops
    out   tap, written by ovs-vswitchd  ->  splice  ->  veth, with its rate, classes and queues

(A tc redirect in the splice's place does not last: after any change of a port's interface Open
vSwitch configures it anew, and takes an ingress qdisc away that is not its own. Tried with 3.1.)

A tap takes no segments larger than its MTU and no packets without a checksum: the kernel completes
both on the way in, so nothing has to be switched off at the veths.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from orchestrator.emulation.ports.shaping import Command
from orchestrator.emulation.switches.bridges import splice_commands

# Packets that wait for ovs-vswitchd at one port, while it serves the others.
TAP_PACKETS = 4000


def tap_name(device: str) -> str:
    """The tap behind a veth: `switch0-eth1` has `switch0_tap1`; no stem ends in `_tap`."""
    return "_tap".join(device.rsplit("-eth", 1))


def splice_name(device: str) -> str:
    """What joins a veth and its tap: `switch0-eth1` has `switch0_spl1`."""
    return "_spl".join(device.rsplit("-eth", 1))


@dataclass(frozen=True)
class OvsBridge:
    """One switch.

    Attributes:
        name: the switch, and the bridge.
        number: its datapath id.
        devices: the veths, in the order of their OpenFlow numbers, from 1.
        userspace: which datapath.
        controller: where the controller listens, `tcp:127.0.0.1:6653`.
    """

    name: str
    number: int
    devices: tuple[str, ...]
    userspace: bool
    controller: str

    def ports(self) -> tuple[str, ...]:
        """What is a port of the bridge: the veths, or the taps behind them."""
        return tuple(map(tap_name, self.devices)) if self.userspace else self.devices

    def make(self, database: Path) -> Command:
        """One transaction: bridge, ports with their numbers, controller.

        `secure` keeps the rules when the controller is away; `out-of-band` and the empty start
        mean that the rules are all there is.
        """
        datapath = "netdev" if self.userspace else "system"
        command = [
            "ovs-vsctl", f"--db=unix:{database}", "--timeout=10",
            "--", "add-br", self.name,
            "--", "set", "bridge", self.name, f"datapath_type={datapath}", "fail_mode=secure",
            "protocols=OpenFlow13", f"other-config:datapath-id={self.number:016x}",
            "other-config:disable-in-band=true",
        ]  # fmt: skip
        for number, port in enumerate(self.ports(), start=1):
            command += ["--", "add-port", self.name, port]
            command += ["--", "set", "interface", port, f"ofport_request={number}"]
            command += ["type=internal"] if self.userspace else []
            # By default Open vSwitch clears queues from a port that are not its own.
            command += ["--", "set", "port", port, "qos=@none"]
        command += ["--", "--id=@none", "create", "qos", "type=linux-noop"]
        command += [
            "--", "set-controller", self.name, self.controller,
            "--", "set", "controller", self.name,
            "connection_mode=out-of-band", "max_backoff=1000",
        ]  # fmt: skip
        return tuple(command)

    def join(self) -> tuple[Command, ...]:
        """What brings the ports up and, for taps, splices each with its veth."""
        if not self.userspace:
            return tuple(("ip", "link", "set", "dev", device, "up") for device in self.devices)
        commands: list[Command] = []
        for device, tap in zip(self.devices, self.ports(), strict=True):
            commands.append(("ip", "link", "set", "dev", tap, "txqueuelen", str(TAP_PACKETS)))
            commands += splice_commands(splice_name(device), (device, tap))
        return tuple(commands)

    def differences(self, interfaces_text: str) -> list[str]:
        """What of the ports is not as asked, out of `LIST_INTERFACES`."""
        table = json.loads(interfaces_text)
        rows = [dict(zip(table["headings"], row, strict=True)) for row in table["data"]]
        kept = {row["name"]: row for row in rows}
        lines = []
        for number, port in enumerate(self.ports(), start=1):
            row = kept.get(port, {"ofport": "nothing", "error": ""})
            if row["ofport"] != number:
                error = row["error"] if isinstance(row["error"], str) else ""
                lines.append(f"{port}: asked port {number}, kept {row['ofport']} {error}".strip())
        return lines


def list_interfaces(database: Path) -> Command:
    """Name, OpenFlow number and error of every interface, as JSON."""
    return (
        "ovs-vsctl", f"--db=unix:{database}", "--timeout=10", "--format=json",
        "--columns=name,ofport,error", "list", "interface",
    )  # fmt: skip
