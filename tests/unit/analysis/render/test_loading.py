"""Who loads what draws."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]


@pytest.mark.parametrize(
    "module",
    ["cli.run", "cli.plan", "session.inner.run", "session.inner.calibrate", "session.inner.bench"],
)
def test_what_runs_does_not_load_what_draws(module: str) -> None:
    # It takes a second, and makes a directory for a moment, which a kill would leave behind.
    code = f"import sys, orchestrator.{module}; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
