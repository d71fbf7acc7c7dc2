"""Jobs beside a training on a real testbed: traffic, another training, and one that dies."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from tests.system.experiments import write_experiment
from tests.system.program import ROOT, dmlbed
from tests.system.undisturbed import until_shown

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
    until_shown(partial(each_has_its_row, file, tmp_path / "out"))


def each_has_its_row(file: Path, out: Path) -> str:
    """See that a run's rows are right; what of the noise was not shown."""
    done = dmlbed("run", file, "--out", out, "--json")
    # 5: a busy machine leaves no idle CPU, which is no matter here.
    assert done.returncode in (0, 5), done.stderr
    measured, noise, other, dying = json.loads(done.stdout)["rows"]
    assert [row["job"] for row in (measured, noise, other, dying)] == [None, *JOBS]
    assert measured["imgs_per_sec"] > 0
    full = dict(zip(measured["shared_links"], measured["shared_links_share"], strict=True))
    assert {"switch0->switch1", "switch1->switch0"} <= set(full)
    assert all(0 < share < 1.01 for share in full.values())
    died = "dying.worker0: ended with exit status 7"
    assert any(f"the job dying beside it failed: {died}" in why for why in measured["reasons"])
    assert any(died in why for why in dying["reasons"])
    assert other["imgs_per_sec"] > 0
    assert not any("1: it failed" in why for why in (*noise["reasons"], *other["reasons"]))
    offered, delivered = noise["offered_bps"], noise["delivered_bps"]
    assert offered > 30e6
    # On a disturbed machine some is late, and counts in another second than it was due.
    arrived = delivered == pytest.approx(offered, rel=0.2)
    return "" if arrived else f"{delivered} of {offered} bit/s arrived"
