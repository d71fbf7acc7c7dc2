"""Jobs beside a run's own processes: they last as long, and their failures are their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from orchestrator.deployment.company import Company
from orchestrator.deployment.plan import After, ProcessPlan
from orchestrator.deployment.process import Ended, Message, Told
from orchestrator.deployment.run import Deployment
from orchestrator.errors import RunError
from tests.unit.deployment.test_deployment_run import PS, Clock, FakeHost

SINK = replace(PS, name="noise.worker0", host="worker0", records="s.jsonl", heartbeat=False)
SOURCE = replace(
    PS,
    name="noise.ps",
    host="ps",
    after=(After("noise.worker0", "event", "listening"),),
    records="g.jsonl",
    silence_seconds=None,
    heartbeat=False,
)
MEASURED = replace(PS, host="worker1", after=(After("noise.ps", "event", "sending"),))

LISTENING = Told("noise.worker0", {"event": "listening"})
SENDING = Told("noise.ps", {"event": "sending"})
DONE: tuple[Message, ...] = (Told("ps", {"event": "iteration"}), Ended("ps", 0))


class Beside:
    """A deployment on three hosts, one process on each."""

    def __init__(
        self,
        sink: Sequence[Message] = (LISTENING,),
        source: Sequence[Message] = (SENDING,),
        measured: Sequence[Message] = DONE,
    ) -> None:
        self.log: list[str] = []
        scripts = {"worker0": sink, "ps": source, "worker1": measured}
        self.hosts = {name: FakeHost(name, self.log, script) for name, script in scripts.items()}
        self.company = Company({"noise": (SINK, SOURCE)})

    def run(self, plan: ProcessPlan = MEASURED) -> dict[str, bytes]:
        deployment = Deployment(self.hosts, "/python", "/work")
        return deployment.run([plan], company=self.company, clock=Clock())

    def starts(self) -> list[str]:
        return [line.split()[1].strip(":") for line in self.log if line.startswith("start ")]


def test_the_measured_job_waits_for_the_others_which_are_ended_when_it_ends() -> None:
    beside = Beside()
    assert beside.run() == {"ps": b"/work/ps/ps.jsonl"}
    assert beside.starts() == ["worker0", "ps", "worker1"]
    assert beside.company.errors == {}
    assert beside.company.records == {
        "noise": {
            "noise.worker0": b"/work/noise.worker0/s.jsonl",
            "noise.ps": b"/work/noise.ps/g.jsonl",
        }
    }


@pytest.mark.parametrize(
    ("beside", "why"),
    [
        (Beside(sink=[Ended("noise.worker0", 1)]), "noise.worker0: ended with exit status 1"),
        (Beside(source=[SENDING, Ended("noise.ps", None)]), "noise.ps: the SSH connection"),
        (Beside(source=[]), "noise.ps: told nothing within 10 s of its start"),
    ],
    ids=["before it listens", "while it sends", "never ready"],
)
def test_a_job_that_fails_is_marked_and_the_measured_one_goes_on(beside: Beside, why: str) -> None:
    assert beside.run() == {"ps": b"/work/ps/ps.jsonl"}
    assert beside.company.errors["noise"].startswith(why)
    assert "stop worker0 0.5" in beside.log


def test_a_job_that_cannot_start_is_marked_too() -> None:
    beside = Beside()
    beside.hosts["ps"].start_error = RunError("ps: no room")
    assert beside.run() == {"ps": b"/work/ps/ps.jsonl"}
    assert beside.company.errors["noise"].startswith("noise.ps: did not start: ps: no room")


def test_one_that_ends_by_itself_did_not_last() -> None:
    ended = (LISTENING, Ended("noise.worker0", 0))
    beside = Beside(sink=ended, source=(SENDING, Ended("noise.ps", 0)))
    beside.run()
    assert beside.company.errors == {"noise": "ended before the measured job did"}


def test_what_the_others_left_is_kept_where_the_measured_job_fails() -> None:
    beside = Beside(
        source=(SENDING, Told("noise.ps", {"event": "iteration", "iteration": 70})),
        measured=[Told("ps", {"event": "iteration", "iteration": 3}), Ended("ps", -9)],
    )
    with pytest.raises(RunError, match="ps: killed by signal SIGKILL, after iteration 3"):
        beside.run()
    assert list(beside.company.records["noise"]) == ["noise.worker0", "noise.ps"]
    assert beside.company.errors == {}
