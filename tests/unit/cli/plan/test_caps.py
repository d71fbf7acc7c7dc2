"""`dmlbed plan` on machines that are not there: the caps of the hosts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from orchestrator.cli.main import cli
from orchestrator.emulation.limits.caps import MachineCapacity
from tests.unit.cli.machines import set_machine

GIB = 2**30
PUBLISHED = Path(__file__).parents[4] / "experiments" / "published.yaml"


def plan_on(capacity: MachineCapacity, monkeypatch: pytest.MonkeyPatch, *options: str) -> Result:
    set_machine(monkeypatch, capacity)
    argv = ["plan", str(PUBLISHED), "--scale", "1,1", *options]
    return CliRunner(env={"COLUMNS": "120"}).invoke(cli, argv)


def test_caps_are_shown_with_what_cannot_be_enforced(monkeypatch: pytest.MonkeyPatch) -> None:
    result = plan_on(MachineCapacity((0, 1), 24 * GIB), monkeypatch)
    assert (result.exit_code, result.stderr) == (0, "")
    (row,) = [line for line in result.stdout.splitlines() if "16 cores, 16 GiB" in line]
    assert "2 cores, 16 GiB" in row
    assert "asked 16 cores, enforced: all 2, the machine has no more" in row
    assert "the hosts' memory caps add up to 28 GiB, this machine has 24 GiB" in result.stdout


def test_a_cpuset_that_affinity_keeps_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    topology = (PUBLISHED.parents[1] / "topologies" / "ps-10g-1g-3workers.yaml").read_text()
    topology = topology.replace("worker0: {role: worker", "worker0: {role: worker, cpuset: [1]")
    (tmp_path / "topology.yaml").write_text(topology)
    file = tmp_path / "experiment.yaml"
    file.write_text(
        PUBLISHED.read_text().replace("../topologies/ps-10g-1g-3workers.yaml", "topology.yaml")
    )
    set_machine(
        monkeypatch, MachineCapacity((0, 1), 24 * GIB, {"cpuset": "not given to a login session"})
    )
    argv = ["plan", str(file), "--scale", "1,1"]
    printed = CliRunner(env={"COLUMNS": "120"}).invoke(cli, argv).stdout
    assert "CPU affinity keeps the cpuset of worker0, and no cgroup" in printed
    described = json.loads(CliRunner().invoke(cli, [*argv, "--json"]).stdout)
    caps = {cap["host"]: cap for cap in described["caps"]}
    assert caps["worker0"]["enforced"]["cpuset"] == [1]
    assert [caps[host]["cpuset_by"] for host in ("worker0", "worker1")] == ["affinity", None]


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_host_larger_than_the_machine_is_refused(
    monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    result = plan_on(MachineCapacity((0, 1), 8 * GIB), monkeypatch, *options)
    assert result.exit_code == 3
    assert result.stderr.startswith(
        "host ps asks for 16 GiB of memory; this machine has 8 GiB (a smaller D/R in --scale"
    )
    if options:
        caps = json.loads(result.stdout)["caps"]
        assert caps[0]["host"] == "ps"
        assert caps[0]["asked"] == {"cores": 16, "memory_bytes": 16 * GIB, "cpuset": []}
    smaller = plan_on(MachineCapacity((0, 1), 8 * GIB), monkeypatch, "--scale", "8,1")
    assert smaller.exit_code == 0
