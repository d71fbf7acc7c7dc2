"""A trial with jobs beside it, between fakes: who runs, and what is kept of whom."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pytest

from orchestrator.deployment import Company, Printed, ProcessPlan
from orchestrator.errors import RunError
from orchestrator.session.plan.trials import plan_trials
from orchestrator.spec import Experiment
from tests.unit.session.inner.test_trial import RECORDS, FakeDeployment, Stage
from tests.unit.spec.experiment.test_jobs import OTHER, TRAFFIC, loaded

SCRIPT = {"command": ["sh", "x"], "throughput": {"json": "speed"}}


class WithCompany(FakeDeployment):
    """Lets every process of the jobs beside leave its name, and the program print a reading."""

    def run(
        self,
        plans: Collection[ProcessPlan],
        *,
        on_event: Callable[[str, dict[str, Any]], None],
        company: Company | None = None,
        on_print: Callable[[Printed], None] = lambda _: None,
        **asked: Any,
    ) -> dict[str, bytes]:
        assert company is not None
        for name, own in company.plans.items():
            company.records[name] = {plan.name: plan.name.encode() for plan in own}
        on_print(Printed("script.worker0", "stdout", '{"speed": 5}\n', 7))
        company.errors["noise"] = "noise.ps: killed"
        return super().run(plans, on_event=on_event, company=company, **asked)


@pytest.fixture
def made(tmp_path: Path) -> Experiment:
    jobs = {
        "noise": {"traffic": TRAFFIC},
        "other": {**OTHER, "alone": True},
        "script": {"program": "script"},
    }
    programs = {"script": SCRIPT}
    scale = {"rates": 8, "time": 8}
    return loaded(tmp_path, jobs, programs=programs, scale=scale, cool_down=0)


def stage(made: Experiment, number: int) -> Stage:
    made_stage = Stage(made, plan_trials(made)[number])
    made_stage.deployment = WithCompany(made_stage.log)
    return made_stage


def test_jobs_beside_leave_records_and_how_they_ended(made: Experiment) -> None:
    outcome = stage(made, 2).run()
    noise, other, script = outcome.trial.beside
    assert [one.error for one in (noise, other, script)] == ["noise.ps: killed", None, None]
    assert noise.processes == ("noise.worker0", "noise.ps")
    assert {**RECORDS, "other.worker1": b"other.worker1"}.items() <= outcome.records.items()
    assert script.program is not None
    # How full the links were is known: nobody knows what a program sends, and jobs share them.
    assert outcome.network.links is not None
    assert "worker0->switch1" in script.ports
    assert "ps->switch0" not in script.ports
    # Of a program its lines are kept, with the times at which they came.
    assert outcome.records["script.worker0"] == b'[7, "stdout", "{\\"speed\\": 5}\\n"]\n'


def test_they_are_kept_where_the_measured_job_fails(made: Experiment) -> None:
    failing = stage(made, 2)
    failing.deployment.fails = RunError("worker1: killed")
    outcome = failing.run()
    assert outcome.error == "worker1: killed"
    assert outcome.records["other.ps"] == b"other.ps"
    assert len(outcome.trial.beside) == 3


def test_a_job_is_measured_alone_in_place_of_the_experiments_own(made: Experiment) -> None:
    alone = stage(made, 4)
    assert alone.trial.choices.job == "other"
    outcome = alone.run()
    assert outcome.trial.beside == ()
    assert outcome.network.links is not None
    assert (outcome.trial.workers, outcome.trial.choices.model) == (
        ("worker1", "worker2"),
        "resnet50",
    )
    assert [plan.name for plan in alone.deployment.asked["plans"]] == ["ps", "worker1", "worker2"]
