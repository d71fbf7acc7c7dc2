from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.errors import InputError
from orchestrator.spec import (
    AutoScale,
    Experiment,
    Overrides,
    Scale,
    Throughput,
    load_experiment,
    pair_demands,
)
from orchestrator.spec.checks import programs as checks
from orchestrator.spec.experiment.programs import is_throughput, sent_by_rank

ROOT = Path(__file__).parents[4]
TOPOLOGY = str(ROOT / "topologies/ps-10g-1g-3workers.yaml")
RING = {"command": ["python3", "ring.py"], "throughput": {"json": "imgs_per_sec"}}


def written(folder: Path, programs: Any, **more: Any) -> Path:
    topology = folder / "net.yaml"
    topology.write_text(Path(TOPOLOGY).read_text())
    file = {"name": "own", "topology": "net.yaml", "programs": programs, **more}
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump(file, sort_keys=False))
    return path


def loaded(folder: Path, programs: Any, **more: Any) -> Experiment:
    return load_experiment(written(folder, programs, **more))


def problem(folder: Path, programs: Any, **more: Any) -> str:
    with pytest.raises(InputError) as error:
        loaded(folder, programs, **more)
    return "\n".join(map(str, error.value.problems))


TRAINED = {"models": ["alexnet", "googlenet"], "schedules": ["none", "p3"]}


def test_an_experiment_of_programs_alone(tmp_path: Path) -> None:
    experiment = loaded(tmp_path, {"rounds": RING}, repeats=2)
    ring = experiment.programs["rounds"]
    assert ring.hosts == experiment.placement.workers
    assert [list(map(str, group)) for group in experiment.groups()] == [["rounds"]]
    assert experiment.trials == 2
    assert experiment.asked_scale == AutoScale(None)
    assert experiment.asked_scale.at(8) == Scale(8, 8)
    assert any("D = R" in note for note in experiment.notes)


def test_a_program_stands_behind_the_trainings_of_its_model(tmp_path: Path) -> None:
    own = {"ddp": {**RING, "model": "alexnet"}, "rounds": RING, "other": {**RING, "model": "vgg19"}}
    experiment = loaded(tmp_path, own, scale={"rates": 4}, repeats=1, **TRAINED)
    assert [[one.sentence for one in group] for group in experiment.groups()] == [
        ["alexnet under none", "alexnet under p3", "alexnet by ddp"],
        ["googlenet under none", "googlenet under p3"],
        ["rounds"],
        ["vgg19 by other"],
    ]
    assert experiment.trials == 7
    assert experiment.scale == Scale(4, 4)
    (first, *_), *_ = experiment.groups()
    ddp = experiment.groups()[0][2]
    assert ddp.under("none") == first
    assert (ddp.model, ddp.schedule, ddp.program, ddp.compared) == ("alexnet", "", "ddp", "ddp")


def test_programs_are_selected_by_name(tmp_path: Path) -> None:
    path = written(tmp_path, {"a": RING, "b": RING})
    assert list(load_experiment(path, Overrides(programs=["b"])).programs) == ["b"]
    with pytest.raises(InputError, match=r"--programs: unknown program 'c'.*known: a, b"):
        load_experiment(path, Overrides(programs=["c"]))


def test_files_cross_in_the_plan_and_decide_its_digest(tmp_path: Path) -> None:
    (tmp_path / "data" / "__pycache__").mkdir(parents=True)
    (tmp_path / "data" / "a.bin").write_bytes(bytes(range(256)))
    (tmp_path / "data" / "__pycache__" / "x.pyc").write_bytes(b"x")
    (tmp_path / "ring.py").write_text("print(1)\n")
    programs = {"rounds": {**RING, "files": ["ring.py", "data"]}}
    before = loaded(tmp_path, programs, scale={"rates": 1})
    again = Experiment.from_resolved(json.loads(json.dumps(before.to_json())))
    assert again == before
    contents = {"ring.py": b"print(1)\n", "data/a.bin": bytes(range(256))}
    assert again.programs["rounds"].contents() == contents
    assert again.digest() == before.digest()
    (tmp_path / "ring.py").write_text("print(2)\n")
    assert loaded(tmp_path, programs, scale={"rates": 1}).digest() != before.digest()


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"command": "python3 ring.py"}, "expected a list of words"),
        ({"command": []}, "expected at least 1 entry"),
        ({"comand": ["x"]}, "unknown key 'comand' (did you mean 'command'?)"),
        ({"hosts": ["worker9"]}, "'worker9' is no host of ps-10g"),
        ({"hosts": ["switch0"]}, "'switch0' is a switch of ps-10g"),
        ({"throughput": {}}, "missing key 'json' or 'regex'"),
        ({"throughput": {"jsn": "x"}}, "unknown key 'jsn' (did you mean 'json'?)"),
        ({"throughput": {"json": "x", "regex": "(x)"}}, "both 'json' and 'regex'"),
        ({"throughput": {"regex": "(x"}}, "is no regular expression"),
        ({"throughput": {"regex": "x"}}, "has no group in brackets"),
        ({"throughput": {"json": "x", "file": "/speed"}}, "no path in the program's directory"),
        ({"environment": {"A B": "1"}}, "is no name of an environment variable"),
        ({"environment": {"A": 1}}, "put it in quotes"),
        ({"files": ["../x"]}, "'../x' is no path in the experiment's folder"),
        ({"files": ["nit.yaml"]}, "no file or folder 'nit.yaml'"),
        ({"model": "alexnett"}, "did you mean 'alexnet'?"),
        ({"limit": 0}, "must be more than 0"),
        ({"sent": ""}, "at least 1 character"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    tmp_path: Path, changed: dict[str, Any], expected: str
) -> None:
    message = problem(tmp_path, {"rounds": {**RING, **changed}})
    assert expected in message
    assert "own.yaml:" in message


def test_files_have_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "big").write_bytes(b"x" * (2 * 2**20 + 1))
    monkeypatch.setattr(checks, "MAX_FILES_BYTES", 2 * 2**20)
    message = problem(tmp_path, {"rounds": {**RING, "files": ["big"]}})
    assert "a program ships at most 2 MiB in 2000 files" in message
    assert "absolute path" in message


def test_a_program_is_not_named_as_a_schedule(tmp_path: Path) -> None:
    assert "'p3' is the name of a schedule" in problem(tmp_path, {"p3": RING})


@pytest.mark.parametrize("missing", ["models", "schedules"])
def test_half_of_a_training_is_missing(tmp_path: Path, missing: str) -> None:
    left = {key: value for key, value in TRAINED.items() if key != missing}
    assert f"missing key '{missing}'" in problem(tmp_path, {"rounds": RING}, **left)


@pytest.mark.parametrize("scale", [{"rates": 8, "time": 1.0}, {"rates": "auto", "time": 0.5}])
def test_a_scale_at_which_bytes_shrink_is_refused(tmp_path: Path, scale: dict[str, Any]) -> None:
    assert "a program's bytes do not shrink" in problem(tmp_path, {"rounds": RING}, scale=scale)


def test_the_scale_of_the_command_line(tmp_path: Path) -> None:
    path = written(tmp_path, {"rounds": RING})
    assert load_experiment(path, Overrides(scale="2,2")).scale == Scale(2, 2)
    assert load_experiment(path, Overrides(scale="auto")).asked_scale == AutoScale(None)
    with pytest.raises(InputError, match=r"--scale: R = 2 and D = 1 with the program 'rounds'"):
        load_experiment(path, Overrides(scale="2,1"))


def test_the_remedy_of_another_scale_can_be_pasted(tmp_path: Path) -> None:
    message = problem(tmp_path, {"rounds": RING}, scale={"rates": 8, "time": 0.5})
    assert "`scale: {rates: 8, time: 8}` or `scale: auto`" in message
    with pytest.raises(InputError, match="`--scale 8,8` or `--scale auto`"):
        load_experiment(written(tmp_path, {"rounds": RING}), Overrides(scale="8,0.5"))


def test_a_script_that_is_not_shipped_is_found_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "swap.py").write_text("print(1)\n")
    swap = {**RING, "command": ["python3", "-u", "own/swap.py", "elsewhere.py"]}
    message = problem(tmp_path, {"swap": swap})
    assert "'own/swap.py' lies beside this file, but no process finds it" in message
    assert "`files: [own/swap.py]` ships it" in message
    for files in (["own/swap.py"], ["own"], ["./own"]):
        assert loaded(tmp_path, {"swap": {**swap, "files": files}}).programs
    absolute = [str(tmp_path / "own" / "swap.py")]
    assert loaded(tmp_path, {"swap": {**swap, "command": absolute}}).programs


def test_programs_are_no_part_of_a_sweep(tmp_path: Path) -> None:
    message = problem(tmp_path, {"rounds": RING}, sweep={"batch": [1, 2]}, **TRAINED)
    assert "programs run at one point, not in a sweep (sweep without programs, or write" in message


@pytest.mark.parametrize(
    ("how", "line", "value"),
    [
        (Throughput(json="speed"), '{"speed": 3}', 3.0),
        (Throughput(json="end.speed"), ' {"end": {"speed": 2.5}}\n', 2.5),
        (Throughput(json="speed"), '{"speed": true}', None),
        (Throughput(json="speed"), '{"speed": "x"}', None),
        (Throughput(json="speed"), "speed 3", None),
        (Throughput(json="speed"), "{broken", None),
        (Throughput(regex=r"speed (\S+)"), "the speed 4.5 imgs", 4.5),
        (Throughput(regex=r"speed (\S+)"), "the speed x", None),
        (Throughput(regex=r"a(b)?"), "a", None),
    ],
)
def test_a_line_has_a_throughput_or_none(how: Throughput, line: str, value: float | None) -> None:
    assert how.value(line) == value


@pytest.mark.parametrize(
    ("line", "sent"),
    [
        ('{"sent": {"1": 5, "2": 0}}\n', {1: 5, 2: 0}),
        ('{"sent": {}}', {}),
        ('{"sent": 5}', None),
        ('{"sent": {"worker1": 5}}', None),
        ('{"sent": {"1": -5}}', None),
        ('{"sent": {"1": Infinity}}', None),
        ('{"speed": 1}', None),
        ("sent 5", None),
    ],
)
def test_a_line_says_what_its_process_has_sent(line: str, sent: dict[int, int] | None) -> None:
    assert sent_by_rank("sent", line) == sent


def test_what_a_program_says_that_it_sends_is_a_part_of_its_digest(tmp_path: Path) -> None:
    plain = loaded(tmp_path, {"rounds": RING}, scale={"rates": 1})
    saying = loaded(tmp_path, {"rounds": {**RING, "sent": "sent"}}, scale={"rates": 1})
    assert plain.digest() != saying.digest()
    again = Experiment.from_resolved(json.loads(json.dumps(saying.to_json())))
    assert again.programs["rounds"].sent == "sent"


def test_what_is_no_throughput() -> None:
    assert [is_throughput(value) for value in (0.0, 1e9, -1.0, float("nan"), float("inf"))] == [
        True, True, False, False, False,
    ]  # fmt: skip


def test_every_ordered_pair_of_hosts_is_a_demand(tmp_path: Path) -> None:
    experiment = loaded(tmp_path, {"rounds": {**RING, "hosts": ["worker0", "worker1", "worker0"]}})
    demands = pair_demands(experiment.topology, experiment.programs)
    assert [(one.source, one.destination) for one in demands] == [
        ("worker0", "worker1"),
        ("worker1", "worker0"),
    ]
