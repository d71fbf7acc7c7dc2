"""Deployment against a real sshd, in private network, mount and PID namespaces."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.limits import patience

ROOT = Path(__file__).parents[2]
BOX = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]


@pytest.mark.system
@pytest.mark.beside
@pytest.mark.skipif(os.geteuid() != 0, reason="private namespaces need root")
def test_deployment_over_ssh() -> None:
    inside = ROOT / "tests" / "system" / "inside_deployment.py"
    pytest_argv = [
        "-m",
        "pytest",
        "-q",
        "--durations=30",
        "-rN",
        "-p",
        "no:cacheprovider",
        str(inside),
    ]
    done = subprocess.run(
        [*BOX, sys.executable, "-B", *pytest_argv],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=patience(300),
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
