"""Jobs, read as the processes read them."""

from __future__ import annotations

import json
from typing import Any

from orchestrator.deployment import ProcessPlan
from workloads.process.job import parse_job
from workloads.process.training import TrainingJob
from workloads.programs.program import program_of


def job_of(plan: ProcessPlan) -> dict[str, Any]:
    """The job file of a process."""
    job: dict[str, Any] = json.loads(plan.files["job.json"])
    return job


def read(plan: ProcessPlan) -> TrainingJob:
    """The job of a process."""
    job = parse_job(job_of(plan))
    made = program_of(job).read(job)
    assert isinstance(made, TrainingJob)
    return made
