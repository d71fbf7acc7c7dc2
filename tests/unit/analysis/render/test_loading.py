"""Who loads what draws."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[4]


# matplotlib makes a directory for a moment, too, which a kill would leave behind.
SLOW = ("matplotlib", "scipy", "setuptools", "numpy")
# A quarter of a second, which only those spend that connect to a host.
SSH = ("paramiko",)


# By what of them must not be loaded, most first: each loads what those before it have loaded.
MODULES = {
    ("cli.run", "cli.plan"): (*SLOW, *SSH),
    ("session.inner.run", "session.inner.calibrate"): SLOW,
    ("session.inner.bench",): SLOW[:3],
}


def test_what_runs_does_not_load_what_draws_computes_or_installs() -> None:
    """In one process: a module that is fine after others is fine alone."""
    code = "import sys\n"
    for modules, slow in MODULES.items():
        for module in modules:
            code += f"import orchestrator.{module}\n"
            code += f"print({module!r}, *(sys.modules.keys() & {slow}))\n"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout.splitlines() == [module for modules in MODULES for module in modules]
