"""What `scripts/tests` makes of how its parts end."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.system.processes import running

ROOT = Path(__file__).parents[2]
# pytest's last lines, as the part that is asked for (the last argument) prints them.
FAILS = """\
echo "FAILED $part/test_it.py::test_that - assert 1 == 2"
echo "=== 1 failed, 3 passed in 0.10s ==="
exit 1
"""
PASSES = """echo "=== 4 passed in 0.10s ==="\n"""
STOPPED = """kill -INT "$PPID"\necho "=== 1 passed in 0.10s ==="\nexit 2\n"""


def run(
    folder: Path, unit: str, beside: str, system: str, *, lint: str = "", asked: str = ""
) -> subprocess.CompletedProcess[str]:
    """All parts with a Python, a sudo and a lint that only pretend."""
    (folder / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "tests", folder / "scripts")
    (folder / "scripts" / "lint").write_text(f"#!/bin/sh\n{lint}")
    (folder / "scripts" / "lint").chmod(0o755)
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    python = f"""for part; do :; done
case "$*" in
*tests/unit) {unit};;
*"-m beside tests/system") {beside};;
*"-m not beside tests/system") {system};;
esac
"""
    for name, text in (("python", python), ("sudo", 'exec "$@"\n')):
        (programs / name).write_text(f"#!/bin/sh\n{text}")
        (programs / name).chmod(0o755)
    return subprocess.run(
        [folder / "scripts" / "tests", *asked.split()],
        env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("unit", "beside", "system", "status"),
    [
        (PASSES, PASSES, PASSES, 0),
        (FAILS, PASSES, PASSES, 1),
        (PASSES, FAILS, PASSES, 1),
        (PASSES, PASSES, FAILS, 1),
        (FAILS, FAILS, FAILS, 1),
    ],
)
def test_the_end_names_what_failed_in_any_part(
    tmp_path: Path, unit: str, beside: str, system: str, status: int
) -> None:
    done = run(tmp_path, unit, beside, system)
    assert done.returncode == status, done.stderr
    expected = ["lint: passed"]
    for name, text in (("unit", unit), ("beside", beside), ("system", system)):
        if text == FAILS:
            folder = "unit" if name == "unit" else "system"
            expected.append(f"FAILED tests/{folder}/test_it.py::test_that - assert 1 == 2")
        counted = "1 failed, 3 passed" if text == FAILS else "4 passed"
        expected.append(f"{name} tests: {counted} in 0.10s")
    assert done.stdout.partition("==> the end\n")[2].splitlines() == expected


def test_ctrl_c_begins_no_other_part(tmp_path: Path) -> None:
    done = run(tmp_path, STOPPED, PASSES, PASSES)
    assert done.returncode == 130
    assert done.stdout.count("==>") == 1


def test_lint_runs_beside_the_unit_tests_and_fails_as_they_do(tmp_path: Path) -> None:
    done = run(
        tmp_path, PASSES, PASSES, PASSES, lint="echo spec.py:1: wrong; exit 1", asked="check"
    )
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "==> unit tests",
        "=== 4 passed in 0.10s ===",
        "==> lint",
        "spec.py:1: wrong",
        "==> the end",
        "lint: FAILED, see above",
        "unit tests: 4 passed in 0.10s",
    ]


def test_ctrl_c_ends_lint_as_well(tmp_path: Path) -> None:
    still = tmp_path / "pid"
    done = run(tmp_path, f"while [ ! -s {still} ]; do sleep 0.01; done\n{STOPPED}", PASSES, PASSES,
               lint=f"echo $$ >{still}; exec sleep 1000")  # fmt: skip
    assert done.returncode == 130
    leader = int(still.read_text())
    deadline = time.monotonic() + 60  # only a defect takes longer
    while leader in running():
        assert time.monotonic() < deadline
        time.sleep(0.01)
