"""Delays of links on a kernel that has netem."""

from __future__ import annotations

import pytest

from orchestrator.emulation.machine.machine import attempt
from tests.system.program import pytest_passes_in_a_box

NETEM = ("unshare", "--net", "--", "tc", "qdisc", "add", "dev", "lo", "root", "netem")

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not attempt(NETEM), reason="this kernel has no netem"),
]


def test_round_trips() -> None:
    pytest_passes_in_a_box("inside_delay.py")
