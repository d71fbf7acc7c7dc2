"""`dmlbed doctor` on machines that are not there."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace

import pytest
from click.testing import CliRunner, Result

from orchestrator.cli.main import cli
from orchestrator.emulation.machine.machine import Machine
from orchestrator.session.scale.cache import CalibrationCache, machine_key
from tests.unit.session.attempts import attempt
from tests.unit.whole_machine import MACHINE


def doctor_on(machine: Machine, monkeypatch: pytest.MonkeyPatch, *options: str) -> Result:
    module = importlib.import_module("orchestrator.cli.doctor")
    monkeypatch.setattr(module, "inspect_machine", lambda: machine)
    return CliRunner(env={"COLUMNS": "120"}).invoke(cli, ["doctor", *options])


def test_a_machine_that_can(monkeypatch: pytest.MonkeyPatch) -> None:
    result = doctor_on(MACHINE, monkeypatch)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.endswith("The published experiment can run here.\n")


def test_what_calibrations_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "remembered" not in doctor_on(MACHINE, monkeypatch).stdout
    key = {**machine_key(), "topology": "star", "switch": "ovs-user", "time": 0.5}
    cache = CalibrationCache()
    cache.remember(key, [attempt(1, push=0.5), attempt(8)])
    cache.remember({**key, "kernel": "1.0"}, [attempt(1)])
    (cache.directory / "broken.json").write_text("{")
    result = doctor_on(MACHINE, monkeypatch)
    assert result.stdout.splitlines()[-5:] == [
        f"Calibrations remembered in {cache.directory}:",
        "  star on ovs-user, D = 0.5, R = 1: 50 % of 1 Gbit/s both ways, 50 % idle, "
        "2025-11-21 01:02 UTC",
        "  star on ovs-user, D = 0.5, R = 8: 98 % of 125 Mbit/s both ways, 50 % idle, "
        "2025-11-21 01:02 UTC",
        "  and 1 of another machine, kernel or version",
        "The published experiment can run here.",
    ]
    answer = json.loads(doctor_on(MACHINE, monkeypatch, "--json").stdout)
    assert len(answer["calibrations"]) == 2


def test_what_is_missing_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = replace(MACHINE, programs={**MACHINE.programs, "sshd": None}, cores=1)
    result = doctor_on(machine, monkeypatch)
    assert result.exit_code == 3
    assert result.stderr == (
        "the published experiment cannot run here; missing: sshd (make setup, or Debian package"
        " openssh-server); cores (a larger R in --scale R,D)\n"
    )
    (row,) = [line for line in result.stdout.splitlines() if line.split()[:1] == ["sshd"]]
    assert row.split()[1] == "missing"
    assert "make setup" in row


def test_delays_are_not_needed_by_the_published_experiment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = replace(MACHINE, features={**MACHINE.features, "netem": False})
    result = doctor_on(machine, monkeypatch)
    assert result.exit_code == 0
    assert "CONFIG_NET_SCH_NETEM" in result.stdout


@pytest.mark.parametrize(("root", "code"), [(True, 0), (False, 3)])
def test_json_is_all_that_stdout_carries(
    monkeypatch: pytest.MonkeyPatch, root: bool, code: int
) -> None:
    result = doctor_on(replace(MACHINE, root=root), monkeypatch, "--json")
    answer = json.loads(result.stdout)
    assert result.exit_code == code
    assert answer["published_experiment_can_run"] is root
    assert answer["machine"]["kernel"] == "Linux 6.1"
    assert answer["checks"][0] == {
        "what": "root",
        "found": "yes" if root else "no",
        "met": root,
        "need": "run",
        "needed_for": "making networks",
        "remedy": "call it with sudo",
    }
