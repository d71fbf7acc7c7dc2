"""What a run was made with: versions, kernel, machine (run.json)."""

from __future__ import annotations

import hashlib
import os
import platform
from functools import cache
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Any

from orchestrator import __version__
from orchestrator.emulation.runner import SubprocessRunner
from orchestrator.emulation.switches.choice import SwitchChoice
from orchestrator.spec import OPENFLOW_KINDS

_LIBRARIES = ("mininet", "paramiko", "numpy", "pydantic", "matplotlib", "scipy")
_PACKAGES = ("orchestrator", "workloads")


def versions_of(switch: SwitchChoice) -> dict[str, str]:
    """Of all programs that decide figures under a kind of switch, and of this code itself."""
    return {
        "dmlbed": __version__,
        "code": code_digest(),
        "python": platform.python_version(),
        "kernel": platform.release(),
        **{name: version(name) for name in _LIBRARIES},
        **(_openvswitch() if switch.kind in OPENFLOW_KINDS else {}),
    }


def machine_record() -> dict[str, Any]:
    """This machine: what it has for a testbed."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "cpu": cpu_name(),
    }


@cache
def code_digest() -> str:
    """Twelve hex digits that differ when anything in our own packages does: versions are rare."""
    digest = hashlib.sha256()
    for package in _PACKAGES:
        root = Path(str(resources.files(package)))
        for file in sorted(root.rglob("*")):
            if file.suffix in {".py", ".json"}:
                digest.update(f"{package}/{file.relative_to(root)}\0".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


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
