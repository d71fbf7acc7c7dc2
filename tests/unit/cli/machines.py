"""Machines that are not there, for `dmlbed plan`."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import pytest

from orchestrator.emulation.limits.caps import MachineCapacity
from orchestrator.emulation.limits.cgroups import Layout

ONLY_BRIDGES = {"ovs-kernel": "no module", "ovs-user": "no programs", "linux-bridge": ""}


def set_machine(
    monkeypatch: pytest.MonkeyPatch,
    capacity: MachineCapacity,
    against: Mapping[str, str] = ONLY_BRIDGES,
) -> None:
    """Let `dmlbed plan` see that machine, and what keeps it from each kind of switch."""
    # The package's `plan` is the verb, which hides the module of that name.
    module = importlib.import_module("orchestrator.cli.plan.verb")
    monkeypatch.setattr(module, "find_layout", lambda: Layout((), capacity.missing))
    monkeypatch.setattr(module, "this_machine", lambda _missing: capacity)
    monkeypatch.setattr(module, "obstacles", lambda: against)
