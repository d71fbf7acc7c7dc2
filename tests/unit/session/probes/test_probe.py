"""A probe: jobs that the workload accepts, and what a deployment is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.session.plan.slow_links import patience_seconds
from orchestrator.session.probes.probe import END_SECONDS, Probe
from orchestrator.session.testbed.opened import Opened
from tests.unit.session.examples import experiment
from workloads.programs.job import WorkerJob, parse_job

ADDRESSES = {"ps": "10.10.0.1", **{f"worker{n}": f"10.10.0.{n + 2}" for n in range(3)}}


class FakeUp:
    """A testbed and its deployment in one."""

    addresses = ADDRESSES

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}

    def run(self, jobs: Mapping[str, Mapping[str, Any]], **asked: Any) -> dict[str, bytes]:
        self.asked = {"jobs": jobs, **asked}
        return dict.fromkeys(jobs, b"")

    def check(self) -> None:
        pass


@pytest.mark.parametrize("worker", ["worker0", "worker2"])
def test_who_takes_no_part_gets_no_job(tmp_path: Path, worker: str) -> None:
    made = experiment(tmp_path)
    jobs = Probe("googlenet", "p3", 2.0, "urgent", workers=(worker,)).jobs(made, ADDRESSES)
    assert list(jobs) == ["ps", worker]
    server, parsed = (parse_job({**job, "records": "x"}) for job in jobs.values())
    assert isinstance(parsed, WorkerJob)
    assert (parsed.workers, parsed.worker) == ((worker,), 0)
    assert len(jobs["ps"]["answer_ranks"]) == len(jobs["ps"]["send_buffer_bytes"]) == 1
    assert server.mode == parsed.mode == "urgent"
    # As in a probe of all: an order is made for the topology.
    whole = Probe("googlenet", "p3", 2.0).jobs(made, ADDRESSES)
    assert jobs[worker]["push_ranks"] == whole[worker]["push_ranks"]
    assert jobs[worker]["bind"] == whole[worker]["bind"] == ADDRESSES[worker]


def test_tensors_have_a_scale_of_their_own_and_buffers_the_networks(tmp_path: Path) -> None:
    made = experiment(tmp_path)
    plain = Probe("googlenet", "none", 2.0)
    jobs = replace(plain, tensors={"rates": 2.0, "time": 0.25}).jobs(made, ADDRESSES)
    for name, job in plain.jobs(made, ADDRESSES).items():
        assert job["scale"] == {"rates": 1.0, "time": 0.5}
        assert jobs[name] == {**job, "scale": {"rates": 2.0, "time": 0.25}}


def test_processes_go_on_after_the_look_and_are_waited_for(tmp_path: Path) -> None:
    made, both = experiment(tmp_path), FakeUp()
    as_any: Any = both
    up = Opened(as_any, {}, as_any)
    watch: Callable[[], None] = both.check
    assert list(Probe("googlenet", "none", 2.0).run(made, up, watch)) == list(ADDRESSES)
    seconds = {job["seconds"] for job in both.asked["jobs"].values()}
    silences = {job["silence_seconds"] for job in both.asked["jobs"].values()}
    assert seconds == {2.0 + END_SECONDS}
    assert silences == {patience_seconds(made)}
    assert both.asked["silence_timeout"] == max(seconds) + 2 * max(silences)
    assert both.asked["watch"] == watch
