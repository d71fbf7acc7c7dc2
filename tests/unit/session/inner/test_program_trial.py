"""A program's trial between fakes: what is kept of it, and why it fails."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from orchestrator.deployment import Deployment, Printed, ProcessPlan
from orchestrator.errors import RunError
from orchestrator.records.program import load_lines
from orchestrator.session.inner.observed import Outcome
from orchestrator.session.inner.program_trial import Listener
from orchestrator.session.inner.trial import run_trial
from orchestrator.session.plan.trials import plan_trials
from orchestrator.spec import Experiment, Program, Scale, Throughput
from tests.unit.session.examples import experiment
from tests.unit.session.inner.test_trial import FakeTestbed

HOSTS = ("worker0", "worker1")
OWN = Program(
    "own", ("train",), HOSTS, Throughput(json="speed"), ready="go", warm_up=1, sent="said"
)


class Printing:
    """A deployment whose processes print what a test says."""

    python = "/venv/bin/python"

    def __init__(self, printed: Sequence[tuple[str, str]], error: str = "") -> None:
        self.printed = printed
        self.error = error
        self.plans: list[ProcessPlan] = []
        self.records: dict[str, bytes] = {}

    def run(
        self,
        plans: Collection[ProcessPlan],
        *,
        on_print: Callable[[Printed], None],
        watch: Callable[[], None],
    ) -> dict[str, bytes]:
        self.plans = list(plans)
        for number, (process, text) in enumerate(self.printed):
            on_print(Printed(process, "stdout", text, t_ns=1000 + number))
        watch()
        if self.error:
            raise RunError(self.error)
        return self.records


def with_program(tmp_path: Path, program: Program) -> Experiment:
    made = experiment(tmp_path, models="alexnet").with_scale(Scale(8, 8))
    return replace(made, models=(), schedules=(), programs={program.name: program})


class Stage:
    def __init__(self, made: Experiment, deployment: Printing) -> None:
        self.log: list[str] = []
        self.seen: list[tuple[str, Any]] = []
        (trial, *_) = plan_trials(made)
        self.outcome: Outcome = run_trial(
            made,
            trial,
            FakeTestbed(made, self.log),
            cast(Deployment, deployment),
            lambda process, event: self.seen.append((process, event["value"])),
        )


GOOD = [
    ("worker0", "go\n"),
    ("worker0", '{"speed": 9}\n'),
    ("worker1", "hm\n"),
    ("worker0", '{"speed": 2}\n'),
]


def test_a_finished_trial(tmp_path: Path) -> None:
    deployment = Printing(GOOD)
    stage = Stage(with_program(tmp_path, OWN), deployment)
    assert stage.outcome.error is None
    assert stage.log == ["set none counted", "count", "count"]
    assert stage.seen == [("worker0", 9.0), ("worker0", 2.0)]
    assert [plan.name for plan in deployment.plans] == ["worker0", "worker1"]
    files = stage.outcome.files()
    lines = list(load_lines("", files["worker0.jsonl"].decode()))
    assert [(line.t_ns, line.text) for line in lines][:2] == [(1000, "go\n"), (1001, GOOD[1][1])]
    record = json.loads(files["trial.json"])
    assert record["choices"] == {"program": "own"}
    assert record["program"]["hosts"] == list(HOSTS)
    assert record["program"]["ready_ns"] == 1000
    assert record["program"]["sent"] == "said"


def failed(tmp_path: Path, program: Program, deployment: Printing) -> str:
    outcome = Stage(with_program(tmp_path, program), deployment).outcome
    assert outcome.trial.outcome == "failed"
    assert set(outcome.records) == set(HOSTS), "what was printed is kept"
    return outcome.error or ""


def test_no_throughput(tmp_path: Path) -> None:
    assert failed(tmp_path, OWN, Printing(GOOD[:1])).splitlines() == [
        "own: no throughput in what it printed: "
        "a JSON object with a number at 'speed' was looked for",
        "the last output of worker0:",
        "    go",
    ]


def test_nothing_but_warm_up(tmp_path: Path) -> None:
    message = failed(tmp_path, OWN, Printing(GOOD[:2]))
    assert message.startswith(
        "own: 1 reading of its throughput, and the warm-up leaves the first 1"
    )


def test_a_throughput_that_is_none(tmp_path: Path) -> None:
    message = failed(tmp_path, OWN, Printing([*GOOD, ("worker1", '{"speed": NaN}\n')]))
    assert message.startswith("own: worker1: its throughput was nan")


def test_a_strange_interface_is_named_when_it_fails(tmp_path: Path) -> None:
    program = replace(OWN, environment={"GLOO_SOCKET_IFNAME": "lo"})
    error = "worker0: ended with exit status 1\nits last output:\n    refused"
    message = failed(tmp_path, program, Printing(GOOD, error=error))
    assert message.splitlines() == [
        "worker0: ended with exit status 1; its environment says GLOO_SOCKET_IFNAME=lo, and the "
        "data network is worker0-eth0",
        "its last output:",
        "    refused",
        "all that was printed: trials/001-own-1/worker0.jsonl of the run",
    ]


def test_readings_in_a_file(tmp_path: Path) -> None:
    program = replace(OWN, throughput=Throughput(json="speed", file="speed.jsonl"), warm_up=0)
    deployment = Printing(GOOD)
    deployment.records = {"worker0": b"", "worker1": b'{"speed": 5}\n'}
    stage = Stage(with_program(tmp_path, program), deployment)
    assert stage.outcome.error is None
    kept = stage.outcome.records["worker1"].decode().splitlines()
    assert json.loads(kept[-1]) == [None, "file", '{"speed": 5}\n']


def test_a_program_that_never_gets_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0]
    monkeypatch.setattr(time, "monotonic_ns", lambda: now[0])
    listener = Listener(OWN, dict.fromkeys(HOSTS, cast(ProcessPlan, None)), lambda *_: None)
    now[0] = int(59e9)
    listener.check()
    listener.heard(Printed("worker1", "stderr", "loading\n"))
    now[0] = int(61e9)
    with pytest.raises(RunError) as error:
        listener.check()
    assert str(error.value).splitlines() == [
        "own was not ready within 60 s: none of its processes printed 'go'",
        "the last output of worker1:",
        "    loading",
    ]
