"""The processes of jobs beside the measured one, judged by the workload that has to accept them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from orchestrator.deployment import After
from orchestrator.predict import job_bounds
from orchestrator.session.plan.company import Hosts, after_company, company_of
from orchestrator.session.plan.jobs import plans_of_trial
from orchestrator.session.plan.trials import plan_trials
from tests.unit.session.plan.test_jobs import ADDRESSES
from tests.unit.spec.experiment.test_jobs import OTHER, TRAFFIC, loaded
from workloads.process.job import parse_job
from workloads.programs.program import program_of

HOSTS = Hosts(ADDRESSES, {name: f"{name}-eth0" for name in ADDRESSES}, "/venv/bin")
SCALE = {"scale": {"rates": 8, "time": 0.5}}


def test_every_job_has_processes_ports_and_a_moment_when_it_is_under_way(tmp_path: Path) -> None:
    made = loaded(tmp_path, {"noise": {"traffic": TRAFFIC}, "other": OTHER}, **SCALE)
    trial = plan_trials(made)[1]
    company = company_of(made, trial, HOSTS)
    assert {name: [plan.name for plan in job.plans] for name, job in company.items()} == {
        "noise": ["noise.worker0", "noise.ps"],
        "other": ["other.ps", "other.worker1", "other.worker2"],
    }
    assert company["noise"].ready == After("noise.ps", "event", "sending")
    assert company["other"].ready == After("other.worker1", "event", "iteration")
    assert company["noise"].plans[1].after == (After("noise.worker0", "event", "listening"),)
    read = {}
    for job in company.values():
        for plan in job.plans:
            assert (plan.silence_seconds, plan.heartbeat) == (None, False)
            envelope = parse_job(json.loads(plan.files["job.json"]))
            read[plan.name] = program_of(envelope).read(envelope)
    assert {name: job.server.port for name, job in read.items()} == {
        "noise.worker0": 5001,
        "noise.ps": 5001,
        "other.ps": 5002,
        "other.worker1": 5002,
        "other.worker2": 5002,
    }
    assert read["noise.ps"].pattern.rate_bps == 300e6
    # It goes on for longer than the measured job can take.
    best = job_bounds(made, "alexnet", "none")["other"].best
    seconds = made.scale.seconds(2 / best)
    assert read["other.ps"].all_iterations * seconds > trial.seconds


def test_the_measured_job_starts_when_the_others_are_under_way(tmp_path: Path) -> None:
    made = loaded(tmp_path, {"noise": {"traffic": TRAFFIC}}, **SCALE)
    trial = plan_trials(made)[0]
    plans = plans_of_trial(made, trial, ADDRESSES)
    later = after_company(plans, company_of(made, trial, HOSTS))
    ready = After("noise.ps", "event", "sending")
    assert all(plan.after == (*plans[name].after, ready) for name, plan in later.items())


def test_nothing_runs_beside_a_trial_that_is_measured_alone(tmp_path: Path) -> None:
    made = loaded(tmp_path, {"other": {**OTHER, "alone": True}}, **SCALE)
    for trial in plan_trials(made):
        own = made.of_job(trial.choices.job) if trial.choices.job else made
        assert own.accompanied(trial.choices) == (trial.choices.get("beside") == "jobs")


def test_another_repeat_has_other_arrivals(tmp_path: Path) -> None:
    made = loaded(tmp_path, {"noise": {"traffic": TRAFFIC}}, **SCALE)
    first = plan_trials(made)[0]
    told = [
        company_of(made, replace(first, repeat=repeat), HOSTS)["noise"].plans[1].files
        for repeat in (1, 2)
    ]
    assert told[0]["job.json"] != told[1]["job.json"]


def test_a_program_beside_waits_to_be_ready(tmp_path: Path) -> None:
    script = {"command": ["python3", "x.py"], "throughput": {"json": "x"}, "ready": "go"}
    jobs = {"own": {"program": "script"}}
    made = loaded(tmp_path, jobs, programs={"script": script}, scale={"rates": 8, "time": 8})
    assert made.trials == 4  # it has none of its own
    trial = plan_trials(made)[0]
    company = company_of(made, trial, HOSTS)["own"]
    assert [plan.name for plan in company.plans] == ["own.worker0", "own.worker1", "own.worker2"]
    assert company.ready == After("own.worker0", "printed", "go")
    both = made.demands_together("none", "alexnet")
    assert [one.port for one in both if one.source == "worker0"] == [5000, 5001, 5001]


def test_programs_on_one_host_have_ports_of_their_own(tmp_path: Path) -> None:
    script = {"command": ["python3", "x.py"], "throughput": {"json": "x"}}
    jobs = {"one": {"program": "script"}, "other": {"program": "script"}}
    made = loaded(tmp_path, jobs, programs={"script": script}, scale={"rates": 8, "time": 8})
    company = company_of(made, plan_trials(made)[0], HOSTS)
    ports = [
        {
            plan.environment[name]
            for plan in job.plans
            for name in ("MASTER_PORT", "PET_MASTER_PORT")
        }
        for job in company.values()
    ]
    assert ports == [{"29501"}, {"29502"}]
