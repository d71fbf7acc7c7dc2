"""`dmlbed plan`."""

from __future__ import annotations

import importlib
import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from orchestrator.cli.main import cli
from orchestrator.emulation.limits.caps import MachineCapacity
from orchestrator.session.plan.trials import run_seconds
from orchestrator.spec import Scale, load_experiment
from tests.unit.cli.machines import ONLY_BRIDGES, set_machine

ROOT = Path(__file__).parents[4]
PUBLISHED = str(ROOT / "experiments/published.yaml")


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What keeps this machine from each kind of switch; a test may change it."""
    against = dict(ONLY_BRIDGES)
    set_machine(monkeypatch, MachineCapacity(tuple(range(64)), 64 * 2**30), against)
    return against


def plan(*arguments: str, columns: int = 80) -> Result:
    return CliRunner(env={"COLUMNS": str(columns)}).invoke(cli, ["plan", *arguments])


def planned(*arguments: str) -> dict[str, Any]:
    result = plan(*arguments, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def cells(result: Result) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.strip("│").split("│")]
        for line in result.stdout.splitlines()
        if line.startswith("│")
    ]


@pytest.mark.parametrize("columns", [80, 120])
def test_nothing_is_cut_off(columns: int) -> None:
    result = plan(PUBLISHED, "--switch", "auto", columns=columns)
    assert (result.exit_code, result.stderr) == (0, "")
    first, *rest = result.stdout.splitlines()
    assert first.startswith("published: 30 trials on ps-10g-1g-3workers (linux-bridge, auto: ")
    assert "R=1, D=0.3, 1 + 3 + 0 iterations each, at most about " in first
    assert max(map(len, rest)) <= columns
    assert "…" not in result.stdout
    assert rest[-1] == "The commands: dmlbed plan --commands"


def test_the_trials_in_their_order() -> None:
    rows = [row[:4] for row in cells(plan(PUBLISHED)) if row[0].isdigit()]
    assert len(rows) == 30
    assert rows[:2] == [["1", "alexnet", "none", "1"], ["2", "alexnet", "switch-priority", "1"]]
    # Every second repeat turns the schedules round.
    assert rows[10] == ["11", "alexnet", "switch-priority", "2"]


def test_the_ports() -> None:
    rows = {row[0]: row[1:] for row in cells(plan(PUBLISHED, columns=120))}
    same = "ack > data"
    assert rows["ps->switch0"] == ["10 Gbit/s", "153.601 KiB", same, same]
    assert rows["switch0->switch1"] == [
        "1 Gbit/s",
        "153.601 KiB",
        same,
        "ack > worker0 > worker1 > worker2 > data",
    ]


def test_delays_stand_beside_the_rates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module("orchestrator.cli.plan.verb")
    monkeypatch.setattr(module, "why_no_delays", lambda: "this machine lacks netem")
    topology = (ROOT / "topologies/star.yaml").read_text()
    (tmp_path / "star.yaml").write_text(topology.replace("rate: 10 Gbps", "rate: 1g, delay: 25ms"))
    file = tmp_path / "far.yaml"
    file.write_text(
        "{name: far, topology: star.yaml, models: [alexnet], schedules: [none], scale:"
        " {rates: 1, time: 0.5}}"
    )
    result = plan(str(file), columns=120)
    rows = {row[0]: row[1:] for row in cells(result)}
    assert rows["ps->switch0"][:2] == ["1 Gbit/s", "12.5 ms"]
    assert rows["switch0->worker0"][:2] == ["1 Gbit/s", "0 ms"]
    assert "this machine lacks netem" in result.stdout


def test_json() -> None:
    answer = planned(PUBLISHED)
    loaded = load_experiment(Path(PUBLISHED)).with_scale(Scale(1, 0.3))
    assert (answer["experiment"], answer["digest"]) == ("published", loaded.digest())
    assert answer["switch"]["kind"] == "linux-bridge"
    assert (answer["scale"]["rates"], answer["scale"]["time"]) == (1.0, 0.3)
    assert answer["seconds"] == pytest.approx(run_seconds(loaded))
    assert answer["memory_bytes"] > 10 * 247369380 * 0.3
    assert [trial["index"] for trial in answer["trials"]] == list(range(1, 31))
    assert list(answer["ports"]) == ["none", "switch-priority"]
    assert answer["ports"]["none"][0]["port"] == "ps->switch0"


def test_classes_are_those_that_a_schedule_uses() -> None:
    arguments = ("--schedules", "none,switch-priority,planned-order")
    bridges = planned(PUBLISHED, "--switch", "linux-bridge", *arguments)["ports"]
    rules = planned(PUBLISHED, "--switch", "ovs-user", *arguments)["ports"]
    for name, ports in rules.items():
        classes = [port["classes"] for port in ports]
        assert classes == [port["classes"] for port in bridges[name]]
        assert (["ack", "worker0", "worker1", "worker2", "data"] in classes) == (
            name == "switch-priority"
        )
    # The commands make the queues that the switches' ports have under all of them.
    assert len({str(ports) for ports in map(commands, rules.values())}) == 1


def commands(ports: list[dict[str, Any]]) -> list[list[str]]:
    return [command for port in ports for command in port["commands"]]


def test_overrides() -> None:
    answer = planned(
        PUBLISHED, "--models", "vgg19, alexnet", "--schedules", "switch-priority",
        "--repeats", "2", "--iterations", "9", "--scale", "8,1", "--switch", "linux-bridge",
    )  # fmt: skip
    trials = [(trial["model"], trial["schedule"], trial["repeat"]) for trial in answer["trials"]]
    assert trials == [
        ("vgg19", "switch-priority", 1),
        ("alexnet", "switch-priority", 1),
        ("vgg19", "switch-priority", 2),
        ("alexnet", "switch-priority", 2),
    ]
    assert (answer["scale"]["rates"], answer["scale"]["time"]) == (8.0, 1.0)
    assert answer["switch"] == {"kind": "linux-bridge", "why": "asked for"}
    (ports,) = answer["ports"].values()
    assert ports[0]["rate_bps"] == 1_250_000_000
    assert answer["trials"][0]["seconds"] > planned(PUBLISHED, "--models", "vgg19", "--scale",
                                                    "8,1")["trials"][0]["seconds"]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (["--models", "alexnt"], ["--models: unknown model 'alexnt' (did you mean 'alexnet'?)"]),
        (["--models", "alexnet,"], ["--models: unknown model ''"]),
        (["--models", "alexnet,alexnet"], ["--models: 'alexnet' is listed twice"]),
        (
            ["--schedules", "non", "--repeats", "0", "--scale", "x", "--switch", "ovs"],
            [
                "--schedules: unknown schedule 'non' (did you mean 'none'?)",
                "--repeats: must be from 1 to ",
                "--scale: expected R,D such as 1,0.5, or auto,D, or auto, found 'x'",
                "--switch: unknown switch 'ovs'",
            ],
        ),
        (["--scale", "0.5,1"], ["--scale: R (rates) must be from 1 to "]),
    ],
)
def test_wrong_overrides(arguments: list[str], lines: list[str]) -> None:
    result = plan(PUBLISHED, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    errors = result.stderr.splitlines()
    assert len(errors) == len(lines)
    for error, expected in zip(errors, lines, strict=True):
        assert error.startswith(expected)


def test_a_count_that_is_no_number() -> None:
    result = plan(PUBLISHED, "--repeats", "three")
    assert result.exit_code == 2
    assert "Invalid value for '--repeats': 'three' is not a valid integer." in result.stderr


def test_a_topology_is_not_planned() -> None:
    result = plan(str(ROOT / "topologies/star.yaml"))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "expected an experiment, found a topology" in result.stderr


def test_the_commands_can_be_copied() -> None:
    result = plan(PUBLISHED, "--commands")
    lines = result.stdout.splitlines()
    none, priority = lines.index("# none"), lines.index("# switch-priority")
    commands = [shlex.split(line) for line in lines[none + 1 : priority]]
    assert {command[0] for command in commands} == {"ip", "tc"}
    answer = planned(PUBLISHED)
    assert commands == [
        command for shape in answer["ports"]["none"] for command in shape["commands"]
    ]
    assert len(lines) - priority - 1 == sum(
        len(shape["commands"]) for shape in answer["ports"]["switch-priority"]
    )
    assert "The commands:" not in result.stdout


def test_the_rules_of_switches_under_a_controller(machine: dict[str, str]) -> None:
    machine["ovs-user"] = ""
    answer = planned(PUBLISHED, "--switch", "auto")
    assert answer["switch"]["kind"] == "ovs-user"
    assert len(answer["rules"]["none"]["switch0"]) == 7
    marked = [rule for rule in answer["rules"]["switch-priority"]["switch0"] if ":3->" in rule]
    assert marked == [
        "priority=100,ip,nw_src=10.10.0.1,nw_dst=10.10.0.4 actions=set_field:3->ip_dscp,output:2"
    ]
    lines = plan(PUBLISHED, "--switch", "auto", "--commands").stdout.splitlines()
    assert shlex.split(lines[lines.index("# switch-priority, rules of switch0") + 3]) == [
        "ovs-ofctl", "-O", "OpenFlow13", "add-flow", "switch0", marked[0],
    ]  # fmt: skip


def test_without_a_controller_there_are_no_rules() -> None:
    assert planned(PUBLISHED)["rules"] == {}
    assert "rules of" not in plan(PUBLISHED, "--commands").stdout


def test_a_kind_of_switch_that_this_machine_has_not_is_planned_and_named() -> None:
    assert planned(PUBLISHED, "--switch", "ovs-kernel")["switch"] == {
        "kind": "ovs-kernel",
        "why": "no ovs-kernel on this machine: no module",
    }


WORKERS = str(ROOT / "experiments/sweep-workers.yaml")


def test_a_sweep_has_a_line_for_every_point_and_the_time_of_all() -> None:
    result = plan(WORKERS, "--scale", "8,0.5")
    assert (result.exit_code, result.stderr) == (0, "")
    rows = cells(result)
    assert [row[0] for row in rows] == [f"workers-{n}" for n in (1, 2, 4, 8, 16)]
    assert {(row[1], row[2]) for row in rows} == {("5", "R=8, D=0.5")}
    assert result.stdout.startswith("sweep-workers: 5 points of workers, 25 trials (linux-bridge")
    answer = planned(WORKERS, "--scale", "8,0.5")
    variables = [{"key": "workers", "values": [1, 2, 4, 8, 16]}]
    assert answer["sweep"]["variables"] == variables
    assert [point["point"] for point in answer["points"]] == [row[0] for row in rows]
    assert answer["seconds"] == pytest.approx(sum(point["seconds"] for point in answer["points"]))


def test_the_commands_of_every_point() -> None:
    lines = plan(WORKERS, "--scale", "8,0.5", "--schedules", "none", "--commands").stdout
    heads = [line for line in lines.splitlines() if line.startswith("# ")]
    assert heads == [f"# none, workers-{n}" for n in (1, 2, 4, 8, 16)]
    assert "dev worker15-eth0" in lines


def test_programs_are_planned_beside_the_schedules(tmp_path: Path, machine: dict[str, str]) -> None:
    programs = "{own: {command: [x], throughput: {json: speed}, model: alexnet, limit: 50}}"
    file = tmp_path / "own.yaml"
    file.write_text(
        f"name: own\ntopology: {ROOT}/topologies/ps-10g-1g-3workers.yaml\n"
        f"models: [alexnet]\nschedules: [none]\nrepeats: 1\nprograms: {programs}\n"
    )
    described = planned(str(file), "--scale", "8,8")
    assert [(one.get("schedule"), one.get("program")) for one in described["trials"]] == [
        ("none", None),
        (None, "own"),
    ]
    assert described["trials"][1]["seconds"] == 52
    classes = {one["port"]: one["classes"] for one in described["ports"]["own"]}
    assert classes["worker2->switch1"] == ["ack", "to worker0", "to worker1", "data"]
    assert classes["ps->switch0"] == ["ack", "data"]
    counted = {one["port"]: one["counted"] for one in described["ports"]["own"]}
    assert counted["worker2->switch1"] == ["to worker0", "to worker1"]
    shown = plan(str(file), "--scale", "8,8", columns=200).stdout
    assert "ack > to worker0 = to worker1 = data" in shown
    assert any("D = R" in note for note in described["notes"])
    (row,) = (
        cell for cell in cells(plan(str(file), "--scale", "8,8", columns=120)) if "own" in cell
    )
    assert row[:4] == ["2", "alexnet", "", "own"]
    # Switches under a controller have rules between all hosts of it.
    machine["ovs-user"] = ""
    rules = planned(str(file), "--scale", "8,8", "--switch", "ovs-user")["rules"]["own"]
    assert len(rules["switch1"]) == 6 + 1  # the last one drops all else
    # Iterations are those of trainings: a program has its own.
    assert "iterations each" in shown
    alone = file.read_text().replace("models: [alexnet]\nschedules: [none]\n", "")
    file.write_text(alone.replace(", model: alexnet", ""))
    shown = plan(str(file), "--scale", "8,8", columns=200).stdout
    assert shown.startswith("own: 1 trial on ")
    assert "iterations each" not in shown
