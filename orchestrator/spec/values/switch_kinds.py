"""The kinds of switch, and what the emulation of each can carry."""

from __future__ import annotations

LINUX_BRIDGE = "linux-bridge"
OVS_KERNEL = "ovs-kernel"
OVS_USER = "ovs-user"

OPENFLOW_KINDS = (OVS_KERNEL, OVS_USER)
"""Kinds of Open vSwitch: a controller tells them where each flow goes and which class it has."""

KINDS = (*OPENFLOW_KINDS, LINUX_BRIDGE)
"""All kinds, in the order in which `auto` takes the first that works."""

MEANINGS = {
    OVS_KERNEL: "Open vSwitch under the controller; packets pass through the kernel's openvswitch",
    OVS_USER: "Open vSwitch under the controller; packets pass through a process",
    LINUX_BRIDGE: "the kernel's bridge, without a controller; no loops",
}
"""What each of them is, for people."""
