"""Machines on which a run cannot work: one clear line, exit status 3, nothing made."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from orchestrator.emulation.machine.machine import attempt
from tests.system.experiments import PUBLISHED, assert_ended_well, write_experiment
from tests.system.program import dmlbed

pytestmark = [pytest.mark.system, pytest.mark.beside]


def refused(directory: Path, before: Sequence[str] = (), topology: Path = PUBLISHED) -> str:
    """The one line with which a run is refused."""
    file = write_experiment(directory, schedules="none", topology=topology)
    done = dmlbed("run", file, "--out", directory / "out", before=before)
    assert done.returncode == 3, done.stderr
    assert done.stdout == ""
    assert not (directory / "out").exists()
    (line,) = done.stderr.splitlines()
    return line


def in_a_changed_machine(change: str) -> tuple[str, ...]:
    """What a command is to be called through, so that a mount is seen by that command alone."""
    return ("unshare", "--mount", "--", "sh", "-c", f'{change} && exec "$@"', "sh")


def test_not_root() -> None:
    # Nobody can read neither pytest's directories nor, perhaps, this clone: hence a directory of
    # its own for the one, and for the other the capability to read.
    nobody = (
        "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
        "--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search", "--",
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as public:
        Path(public).chmod(0o777)
        line = refused(Path(public), nobody)
    assert line == "this machine lacks: root (call it with sudo)"


def test_a_missing_program(tmp_path: Path) -> None:
    tc = shutil.which("tc", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    assert tc is not None
    hidden = in_a_changed_machine(f"mount --bind /dev/null {Path(tc).resolve()}")
    line = refused(tmp_path, hidden)
    assert line == "this machine lacks: tc (make setup, or Debian package iproute2)"


def test_too_little_disk_space(tmp_path: Path) -> None:
    out = tmp_path / "small"
    out.mkdir()
    small = in_a_changed_machine(f"mount -t tmpfs -o size=1m tmpfs {out}")
    done = dmlbed("run", write_experiment(tmp_path), "--out", out, before=small)
    assert (done.returncode, done.stdout) == (3, "")
    remedy = "free some, or write elsewhere with --out"
    assert done.stderr == f"this machine lacks: disk space ({remedy})\n"


def test_a_delay_works_or_is_refused_by_name(tmp_path: Path) -> None:
    topology = tmp_path / "delayed.yaml"
    topology.write_text(PUBLISHED.read_text().replace("delay: 0us", "delay: 5ms"))
    if attempt(("unshare", "--net", "--", "tc", "qdisc", "add", "dev", "lo", "root", "netem")):
        experiment = write_experiment(tmp_path, schedules="none", topology=topology)
        done = dmlbed("run", experiment, "--out", tmp_path / "out")
        assert_ended_well(done.returncode, done.stdout + done.stderr)
    else:
        line = refused(tmp_path, topology=topology)
        remedy = "a kernel with CONFIG_NET_SCH_NETEM, or links without a delay"
        assert line == f"this machine lacks: netem ({remedy})"
