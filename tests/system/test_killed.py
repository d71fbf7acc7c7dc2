"""SIGKILL of dmlbed and of the processes under it leaves nothing behind.

The test's namespaces play the machine, so that every process, link and mount in them
is the run's, whatever else goes on here.

    DMLBED_KILLS=20   how many runs are killed (4 by default), at random moments
    DMLBED_SEED=7     other moments and other victims
    DMLBED_TABLE=FILE where to write what was killed, and how it ended
"""

from __future__ import annotations

import pytest

from tests.system.program import PRIVATE_MACHINE, pytest_passes

pytestmark = [pytest.mark.system, pytest.mark.beside]


def test_whatever_is_killed_nothing_is_left() -> None:
    pytest_passes("inside_killed.py", PRIVATE_MACHINE)
