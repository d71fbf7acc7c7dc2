"""Who loads what draws."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]


# matplotlib makes a directory for a moment, too, which a kill would leave behind.
SLOW = ("matplotlib", "scipy", "setuptools", "numpy")
# A quarter of a second, which only those spend that connect to a host.
SSH = ("paramiko",)


@pytest.mark.parametrize(
    ("module", "slow"),
    [
        ("cli.run", (*SLOW, *SSH)),
        ("cli.plan", (*SLOW, *SSH)),
        ("session.inner.run", SLOW),
        ("session.inner.calibrate", SLOW),
        ("session.inner.bench", SLOW[:3]),
    ],
)
def test_what_runs_does_not_load_what_draws_computes_or_installs(
    module: str, slow: Sequence[str]
) -> None:
    code = f"import sys, orchestrator.{module}; print(*(sys.modules.keys() & {slow}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout == "\n"
