"""The kinds of switch, and what the emulation of each can carry."""

from __future__ import annotations

LINUX_BRIDGE = "linux-bridge"
OVS_KERNEL = "ovs-kernel"
OVS_USER = "ovs-user"

OPENFLOW_KINDS = (OVS_KERNEL, OVS_USER)
"""Kinds of Open vSwitch: a controller tells them where each flow goes and which class it has."""

KINDS = (*OPENFLOW_KINDS, LINUX_BRIDGE)
"""All kinds, in the order in which `auto` takes the first that works."""
