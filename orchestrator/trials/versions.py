"""What a run was made with: versions, kernel, machine (run.json)."""

from __future__ import annotations

import datetime
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from orchestrator import __version__
from orchestrator.emulation.runner import SubprocessRunner
from orchestrator.emulation.switches import SwitchChoice
from orchestrator.spec import OPENFLOW_KINDS, Experiment

_LIBRARIES = ("mininet", "paramiko", "numpy", "pydantic", "matplotlib", "scipy")


def run_record(
    experiment: Experiment, started: datetime.datetime, switch: SwitchChoice
) -> dict[str, Any]:
    """The run's proof of what it was: resolved experiment, digest, versions, machine."""
    return {
        "experiment": experiment.resolved(),
        "digest": experiment.digest(),
        "started": started.isoformat(timespec="seconds"),
        "versions": {
            "dmlbed": __version__,
            "python": platform.python_version(),
            "kernel": platform.release(),
            **{name: version(name) for name in _LIBRARIES},
            **(_openvswitch() if switch.kind in OPENFLOW_KINDS else {}),
        },
        "switch": {"kind": switch.kind, "why": switch.why},
        "machine": {
            "cores": len(os.sched_getaffinity(0)),
            "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            "cpu": cpu_name(),
        },
    }


def _openvswitch() -> dict[str, str]:
    """The versions of what forwards, and of what tells it to."""
    first = SubprocessRunner()(["ovs-vswitchd", "--version"]).splitlines()[0]
    return {"openvswitch": first.split()[-1], "ryu": version("ryu")}


def cpu_name() -> str:
    """The processor's model, or at least its architecture."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
