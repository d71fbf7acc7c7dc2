"""What jobs on one network can have."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.predict import MEASURED, goodput_bps, job_bounds, shared_ports
from tests.unit.spec.experiment.test_jobs import loaded

ALL = {"servers": ["ps"], "workers": ["worker0", "worker1", "worker2"]}


def test_two_equal_trainings_that_only_send_have_half_of_the_trunk_each(tmp_path: Path) -> None:
    made = loaded(tmp_path, {"other": {"model": "alexnet", "schedule": "none", "placement": ALL}})
    bounds = job_bounds(made, "alexnet", "none")
    assert list(bounds) == [MEASURED, "other"]
    own, other = bounds.values()
    assert (own.best, own.fair, own.unit) == (other.best, other.fair, "imgs/s")
    # alexnet fills the trunk at its best: half is fair.
    assert own.fair == pytest.approx(own.best / 2)
    assert set(own.ports) == {"switch0->switch1", "switch1->switch0"}


def test_datagrams_do_not_give_way_and_tcp_has_what_is_fair(tmp_path: Path) -> None:
    traffic = {"from": "ps", "to": "worker0", "rate": "900 Mbps"}
    trunk = goodput_bps(1e9)
    for transport, has in (("udp", 900e6), ("tcp", trunk / 4)):
        made = loaded(tmp_path, {"noise": {"traffic": {**traffic, "transport": transport}}})
        noise = job_bounds(made, "alexnet", "none")["noise"]
        assert (noise.unit, noise.best) == ("bit/s", 900e6)
        assert noise.fair == pytest.approx(has)


def test_links_are_shared_where_two_jobs_send_the_same_way(tmp_path: Path) -> None:
    traffic = {"from": "worker1", "to": "ps", "rate": "100 Mbps"}
    made = loaded(tmp_path, {"noise": {"traffic": traffic}})
    shared = ("worker1->switch1", "switch1->switch0", "switch0->ps")
    assert set(shared_ports(made, "none")) == set(shared)
    # A job that has a schedule of its own is asked about under that.
    assert shared_ports(made, "another") == shared_ports(made, "none")
