"""Which kind of switch an experiment runs on, and why."""

from __future__ import annotations

from dataclasses import dataclass

LINUX_BRIDGE = "linux-bridge"


@dataclass(frozen=True)
class SwitchChoice:
    """A kind of switch and the reason for it."""

    kind: str
    why: str


def choose_switch(asked: str) -> SwitchChoice:
    """The kind of switch for what the experiment asks (`auto` or a kind's name)."""
    if asked == "auto":
        return SwitchChoice(LINUX_BRIDGE, "auto: the only kind that this version has")
    return SwitchChoice(asked, "asked for")
