"""A probe: jobs that the workload accepts, and how long they are waited for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.session.plan.jobs import plans_of
from orchestrator.session.probes.probe import END_SECONDS, Probe
from tests.unit.session.examples import experiment
from tests.unit.session.jobs_read import job_of, read
from workloads.process.training import ServerJob, WorkerJob

ADDRESSES = {"ps": "10.10.0.1", **{f"worker{n}": f"10.10.0.{n + 2}" for n in range(3)}}


@pytest.mark.parametrize("worker", ["worker0", "worker2"])
def test_who_takes_no_part_gets_no_job(tmp_path: Path, worker: str) -> None:
    made = experiment(tmp_path)
    urgent = Probe("googlenet", "p3", 2.0, 30.0, "urgent", workers=(worker,))
    plans = plans_of(made, urgent.work, ADDRESSES)
    assert list(plans) == ["ps", worker]
    server, parsed = map(read, plans.values())
    assert isinstance(parsed, WorkerJob)
    assert (parsed.workers, parsed.worker) == ((worker,), 0)
    assert isinstance(server, ServerJob)
    assert len(server.answer_ranks) == len(server.send_buffers) == 1
    assert (server.program, parsed.program) == ("urgent-server", "urgent-worker")
    # As in a probe of all: an order is made for the topology.
    whole = plans_of(made, Probe("googlenet", "p3", 2.0, 30.0).work, ADDRESSES)
    in_whole = read(whole[worker])
    assert isinstance(in_whole, WorkerJob)
    assert parsed.push_ranks == in_whole.push_ranks
    assert parsed.bind == in_whole.bind == ADDRESSES[worker]


def test_tensors_have_a_scale_of_their_own_and_buffers_the_networks(tmp_path: Path) -> None:
    made = experiment(tmp_path)
    plain = Probe("googlenet", "none", 2.0, 30.0)
    other_size = replace(plain, tensors={"rates": 2.0, "time": 0.25})
    plans = plans_of(made, other_size.work, ADDRESSES)
    for name, plan in plans_of(made, plain.work, ADDRESSES).items():
        one, other = job_of(plan), job_of(plans[name])
        assert one["section"].pop("scale") == {"rates": 1.0, "time": 0.5}
        assert other["section"].pop("scale") == {"rates": 2.0, "time": 0.25}
        assert one == other


def test_processes_go_on_after_the_look_and_are_waited_for(tmp_path: Path) -> None:
    plans = plans_of(experiment(tmp_path), Probe("googlenet", "none", 2.0, 30.0).work, ADDRESSES)
    assert list(plans) == list(ADDRESSES)
    jobs = [job_of(plan) for plan in plans.values()]
    seconds = {job["section"]["seconds"] for job in jobs}
    silences = {job["limits"]["silence_seconds"] for job in jobs}
    assert seconds == {2.0 + END_SECONDS}
    assert silences == {30.0}
    waited = {plan.silence_seconds for plan in plans.values()}
    assert waited == {max(seconds) + 2 * max(silences)}
