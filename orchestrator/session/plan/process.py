"""Our own programs as processes on hosts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from orchestrator.deployment import ARCHIVE, PACKAGE, PYTHON, After, ProcessPlan, code_bundle
from orchestrator.records.directory import process_file

JOB = "job.json"


def workload_process(
    job: Mapping[str, Any],
    *,
    silence_seconds: float,
    after: tuple[After, ...] = (),
    heartbeat: bool = False,
    files: Mapping[str, bytes] | None = None,
) -> ProcessPlan:
    """The process of a job, named after its host: there is one of them on each.

    Args:
        job: its envelope and section, ready for JSON; it learns here where its records go.
        silence_seconds: see `ProcessPlan`.
        after: see there.
        heartbeat: see there.
        files: beside our own code, by place: user-defined modules that the job needs.
    """
    host = job["host"]
    records = process_file(host)
    told = json.dumps({**job, "records": records}, indent=1).encode()
    return ProcessPlan(
        name=host,
        host=host,
        argv=(PYTHON, "-m", PACKAGE, JOB),
        files={**_code(), **(files or {}), JOB: told},
        environment={
            "PYTHONPATH": f"{ARCHIVE}:.",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            # numpy starts a thread per core for matrices, which takes a third of its import. Ours
            # multiplies none, and the cores are shared by all hosts.
            "OPENBLAS_NUM_THREADS": "1",
        },
        after=after,
        records=records,
        progress="iteration",
        silence_seconds=silence_seconds,
        heartbeat=heartbeat,
    )


@cache
def _code() -> dict[str, bytes]:
    return code_bundle()
