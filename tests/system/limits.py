"""How fast and how patient the system tests are, from the environment.

    DMLBED_TEST_RATE_DIVISOR=5          how many times slower networks are
    DMLBED_TEST_STRETCH=6               how many times longer to wait for what must come
    DMLBED_TEST_OPENVSWITCH=ovs-kernel  the Open vSwitch of the tests of rules and classes

`make test-vm` sets them: a virtual machine without hardware support is many times slower. No test
passes by them: rates are held against what was asked for, and patience only bounds a hang.
"""

from __future__ import annotations

import os

from orchestrator.spec import OVS_USER

RATE_DIVISOR = int(os.environ.get("DMLBED_TEST_RATE_DIVISOR", "1"))
STRETCH = float(os.environ.get("DMLBED_TEST_STRETCH", "1"))
OPENVSWITCH = os.environ.get("DMLBED_TEST_OPENVSWITCH", OVS_USER)


def mbps(full: float) -> str:
    """A rate in Mbit/s, divided, as in a topology."""
    return f"{full / RATE_DIVISOR:g} Mbps"


def bps(full: float) -> float:
    """A rate in bit/s, divided."""
    return full / RATE_DIVISOR


def patience(seconds: float) -> float:
    """A time limit, stretched."""
    return seconds * STRETCH
