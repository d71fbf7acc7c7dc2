"""Jobs, read as the processes read them."""

from __future__ import annotations

import json

from orchestrator.deployment import ProcessPlan
from workloads.process.job import parse_job
from workloads.process.training import TrainingJob
from workloads.programs.program import program_of


def read(plan: ProcessPlan) -> TrainingJob:
    """The job of a process; the deployment adds where its records go."""
    job = parse_job(json.loads(json.dumps({**plan.job, "records": "/run/records.jsonl"})))
    made = program_of(job).read(job)
    assert isinstance(made, TrainingJob)
    return made
