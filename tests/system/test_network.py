"""Networks as asked: rates, queues, priorities, congestion control; each in its own box."""

from __future__ import annotations

import pytest

from tests.system.program import pytest_passes_in_a_box

pytestmark = pytest.mark.system


def test_the_published_topology_at_a_tenth_of_its_rates() -> None:
    pytest_passes_in_a_box("inside_network.py")


def test_sixteen_workers_on_nested_priorities() -> None:
    pytest_passes_in_a_box("inside_sixteen.py")
