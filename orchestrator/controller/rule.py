"""One rule of a switch, as everything but the OpenFlow library sees it.

Nothing is imported here: the controller's process is started for every testbed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

FLOW_PRIORITY = 100
JOB_PRIORITY = 110
"""Of a rule that tells one of several jobs on the same two hosts by its port."""
DROP_PRIORITY = 0


Key = tuple[int, str | None, str | None, int | None, int | None]
"""What makes two rules the same one for a switch: priority and match."""


@dataclass(frozen=True)
class Rule:
    """IPv4 packets from a host to another: mark them, send them on. Without hosts: drop the rest.

    Attributes:
        flow: for people, `pull of worker0`; the switch does not keep it.
        priority: the highest rule that matches counts.
        src: IPv4 address of the sender; None for any packet.
        dst: IPv4 address of the receiver; None for any packet.
        dscp: written into the packet; None leaves what is there.
        output: the port's OpenFlow number; None drops the packet.
        tcp_src: TCP port of the sender; None for any packet.
        tcp_dst: TCP port of the receiver; None for any packet.
    """

    flow: str
    priority: int
    src: str | None = None
    dst: str | None = None
    dscp: int | None = None
    output: int | None = None
    tcp_src: int | None = None
    tcp_dst: int | None = None

    @property
    def key(self) -> Key:
        """What makes it the same rule for a switch: priority and match."""
        return self.priority, self.src, self.dst, self.tcp_src, self.tcp_dst

    @property
    def effect(self) -> tuple[int | None, int | None]:
        """What it does: DSCP and output."""
        return self.dscp, self.output

    def to_json(self) -> dict[str, Any]:
        """The rule as plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Rule:
        """The rule that `to_json` gave."""
        return cls(**fields)

    def __str__(self) -> str:
        """The rule as `ovs-ofctl -O OpenFlow13 add-flow` would take it."""
        words = [f"priority={self.priority}"]
        if self.src is not None:
            ports = {"tp_src": self.tcp_src, "tp_dst": self.tcp_dst}
            told = [f"{name}={port}" for name, port in ports.items() if port is not None]
            words += ["tcp" if told else "ip", f"nw_src={self.src}", f"nw_dst={self.dst}", *told]
        actions = [] if self.dscp is None else [f"set_field:{self.dscp}->ip_dscp"]
        actions += [] if self.output is None else [f"output:{self.output}"]
        return f"{','.join(words)} actions={','.join(actions) or 'drop'}"


DROP = Rule("all else", DROP_PRIORITY)
