"""What set-up installs is what the testbed needs."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator.emulation.machine.needs import PROGRAMS, Need

ROOT = Path(__file__).parents[2]
SCRIPT = (ROOT / "scripts" / "setup").read_text()


def test_set_up_installs_the_package_of_every_program_that_a_testbed_needs() -> None:
    table = re.search(r'requirements="\\\n(.*?)"', SCRIPT, re.DOTALL)
    assert table is not None
    installed = {line.split()[1] for line in table[1].splitlines()}
    needed = {p.package for p in PROGRAMS if p.need in (Need.RUN, Need.OPENFLOW, Need.BENCH)}
    assert needed - {"util-linux"} <= installed


def test_what_ryu_is_built_with_is_constrained_for_every_pip() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    assert "ryu == 4.34" in config["options"]["install_requires"]
    constraints = (ROOT / "scripts" / "build-constraints.txt").read_text().splitlines()
    assert [line for line in constraints if not line.startswith("#")] == ["setuptools < 66"]


@dataclass(frozen=True)
class Machine:
    """A copy of the project in a directory with a space, and programs that stand before others.

    No package is installed: `dpkg-query` says that all are there. The Python that makes the
    virtual environment is the one of this test, but what it makes is one program, `python`.
    """

    project: Path
    programs: Path

    def program(self, name: str, text: str) -> Path:
        file = self.programs / name
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)
        return file

    def set_up(self, environment_python: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run set-up; what .venv/bin/python does is given as a shell script."""
        made = self.program("made", environment_python)
        python = self.program(
            "python",
            f"""if [ "$1 $2" = "-m venv" ]; then
                mkdir -p .venv/bin && exec cp "{made}" .venv/bin/python
            fi
            exec "{sys.executable}" "$@" """,
        )
        path = f"{self.programs}:{os.environ['PATH']}"
        return subprocess.run(
            [self.project / "scripts" / "setup", *arguments],
            env={**os.environ, "PATH": path, "PYTHON": str(python)},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    project = tmp_path / "a b" / "dml bed, 100 % ünused"
    shutil.copytree(ROOT / "scripts", project / "scripts")
    for name in ("setup.cfg", "pyproject.toml"):
        shutil.copy(ROOT / name, project)
    (tmp_path / "bin").mkdir()
    machine = Machine(project, tmp_path / "bin")
    machine.program("apt-get", "exit 1")
    machine.program("dpkg-query", """for package; do echo "ii  $package"; done""")
    return machine


def test_pip_finds_what_builds_are_constrained_by_from_any_directory(machine: Machine) -> None:
    # A pip that builds a library changes the directory before it calls itself again.
    pip = f"""cd / && exec "{sys.executable}" -m pip install --no-index pip"""
    done = machine.set_up(pip)
    assert done.returncode == 0, done.stderr
    assert (machine.project / ".venv" / ".set-up").exists()

    (machine.project / "scripts" / "build-constraints.txt").write_text("pip < 1\n")
    done = machine.set_up(pip)
    assert done.returncode == 3
    assert "conflicting" in done.stderr, done.stderr


def test_when_set_up_fails_its_last_lines_say_why(machine: Machine) -> None:
    done = machine.set_up(
        """echo "error: subprocess-exited-with-error"
        for try in 1 2; do echo "  ERROR: Could not open requirements file: 'constraints.txt'"; done
        for line in $(seq 40); do echo "a line of what followed: $line"; done
        echo "distutils.errors.DistutilsError: Command returned non-zero exit status 1."
        exit 1"""
    )
    assert done.returncode == 3
    assert done.stderr.splitlines()[-2:] == [
        "setup: the cause: ERROR: Could not open requirements file: 'constraints.txt'",
        "distutils.errors.DistutilsError: Command returned non-zero exit status 1.",
    ]
    assert not (machine.project / ".venv" / ".set-up").exists()


NAMES_AN_ERROR = (
    "E: Unable to locate package iperf3",
    "Err:1 http://deb.debian.org/debian bookworm InRelease",
    "dpkg: error processing package mininet (--configure):",
    "src/x.c:1:10: fatal error: Python.h: No such file or directory",
    "ModuleNotFoundError: No module named 'ensurepip'",
    "WARNING: Retrying after connection broken by 'NewConnectionError()'",
    "OSError: [Errno 28] No space left on device",
)
NAMES_NONE = (
    "Collecting exceptiongroup>=1.0.2",
    "Get:1 http://deb.debian.org/debian bookworm InRelease [151 kB]",
    "note: This error originates from a subprocess, and is likely not a problem with pip.",
)


@pytest.mark.parametrize("named", [NAMES_AN_ERROR[:5], NAMES_AN_ERROR[5:], ()])
def test_the_cause_is_what_names_an_error(machine: Machine, named: tuple[str, ...]) -> None:
    log = "\n".join((*NAMES_NONE, *named, *NAMES_NONE))
    done = machine.set_up(f"cat <<'END'\n{log}\nEND\nexit 1")
    cause = "\n".join(named) or "not named in its output"
    assert done.stderr.endswith(f"\nsetup: the cause: {cause}\n")


def test_a_python_of_another_version_is_refused_before_anything_is_made(machine: Machine) -> None:
    other = machine.program("python3.12", "exit 1")
    done = subprocess.run(
        [machine.project / "scripts" / "setup"],
        env={**os.environ, "PYTHON": str(other)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert f"PYTHON={other} is not a Python 3.11" in done.stderr
    assert not (machine.project / ".venv").exists()


@pytest.mark.parametrize(
    ("installed", "wheel", "message"),
    [
        ("2.13.0+cpu", True, "torch is there"),
        ("2.13.0+cu130", True, "torch is there"),  # somebody's own choice
        ("2.12.0+cpu", True, "into .venv (torch==2.13.0+cpu scikit-learn~=1.7)"),
        ("", True, "into .venv (torch==2.13.0+cpu scikit-learn~=1.7)"),
        ("", False, "from https://download.pytorch.org/whl/cpu"),
    ],
)
def test_torch_comes_as_a_build_for_cpus(
    machine: Machine, installed: str, wheel: bool, message: str
) -> None:
    libraries = machine.project.parent / "libraries"
    for name, version in (("torch", installed), ("scikit_learn", "1.7.2")):
        if version:
            (libraries / f"{name}-{version}.dist-info").mkdir(parents=True)
            text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
            (libraries / f"{name}-{version}.dist-info" / "METADATA").write_text(text)
    asked = machine.project.parent / "asked"
    done = machine.set_up(
        f"""[ "$1" = -m ] || PYTHONPATH="{libraries}" exec "{sys.executable}" -S "$@"
        echo "$*" >>"{asked}"
        case "$*" in *--dry-run*) {"true" if wheel else "exit 1"} ;; esac""",
        "--torch",
    )
    assert done.returncode == 0, done.stderr
    assert message in done.stderr
    calls = [call for call in asked.read_text().splitlines() if "torch==" in call]
    assert len(calls) == (0 if message == "torch is there" else 2)
    assert all("torch==2.13.0+cpu" in call for call in calls)
    # PyTorch's index is asked only where pip by its own settings finds none.
    from_index = "--extra-index-url https://download.pytorch.org/whl/cpu"
    assert [from_index in call for call in calls] == [False, not wheel][: len(calls)]


def test_the_script_is_bash() -> None:
    subprocess.run(["bash", "-n", ROOT / "scripts" / "setup"], check=True)
