"""A machine that lacks nothing, for tests that take something away from it."""

from __future__ import annotations

from orchestrator.emulation.machine.machine import Machine
from orchestrator.emulation.machine.needs import FEATURES, PROGRAMS

MACHINE = Machine(
    kernel="Linux 6.1",
    root=True,
    boxes=True,
    programs={program.name: f"/usr/bin/{program.name}" for program in PROGRAMS},
    features={feature.name: True for feature in FEATURES},
    openvswitch=False,
    congestion_controls=("reno", "cubic"),
    cgroups="v2",
    tmpfs=True,
    cores=2,
    memory_bytes=8 * 2**30,
    disk_bytes=10 * 2**30,
)
