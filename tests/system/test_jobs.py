"""Jobs beside a training on a real testbed: traffic, another training, and one that dies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.system.experiments import write_experiment
from tests.system.program import ROOT, dmlbed

pytestmark = [pytest.mark.system, pytest.mark.beside]

WORKERS = ["worker0", "worker1", "worker2"]
JOBS = {
    "noise": {
        "traffic": {
            "from": "ps",
            "to": "worker0",
            "rate": "100 Mbps",
            "pattern": "poisson",
            "transport": "udp",
        }
    },
    "other": {"model": "squeezenet", "placement": {"servers": ["ps"], "workers": WORKERS}},
    "dying": {"program": "script"},
}
PROGRAMS = {
    "script": {
        "command": ["sh", "-c", "echo gone >&2; exit 7"],
        "hosts": ["worker0"],
        "throughput": {"regex": "speed ([0-9.]+)"},
    }
}


def test_each_job_has_its_row_and_one_that_dies_ends_nobody_else(tmp_path: Path) -> None:
    more = f"jobs: {json.dumps(JOBS)}\nprograms: {json.dumps(PROGRAMS)}\n"
    # Its queues hold the windows of all jobs, so that no datagram is lost.
    deep = ROOT / "topologies/deep-queues.yaml"
    file = write_experiment(tmp_path, topology=deep, schedules="none", more=more, same_time=True)
    done = dmlbed("run", file, "--out", tmp_path / "out", "--json")
    # 5: a busy machine leaves no idle CPU, which is no matter here.
    assert done.returncode in (0, 5), done.stderr
    measured, noise, other, dying = json.loads(done.stdout)["rows"]
    assert [row["job"] for row in (measured, noise, other, dying)] == [None, *JOBS]
    assert measured["imgs_per_sec"] > 0
    died = "dying.worker0: ended with exit status 7"
    assert any(f"the job dying beside it failed: {died}" in why for why in measured["reasons"])
    assert any(died in why for why in dying["reasons"])
    assert other["imgs_per_sec"] > 0
    assert not any("1: it failed" in why for why in (*noise["reasons"], *other["reasons"]))
    # A busy machine may lose some of the datagrams.
    assert noise["offered_bps"] > 30e6
    assert noise["delivered_bps"] == pytest.approx(noise["offered_bps"], rel=0.2)
