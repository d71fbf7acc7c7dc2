"""Jobs on one network, against sums by hand and max-min fair shares by linear programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from orchestrator.predict import Sharer, goodput_bps, left_goodputs, link_loads, shared_bounds
from orchestrator.spec import Demand, Demands, load_topology
from tests.unit.predict.clusters import Cluster, clusters
from workloads.exchange.demand import server_demands

TOPOLOGIES = Path(__file__).parents[4] / "topologies"
PUBLISHED = load_topology(TOPOLOGIES / "ps-10g-1g-3workers.yaml")
TREE = load_topology(TOPOLOGIES / "two-rack-tree.yaml")
GBPS = goodput_bps(10**9)
SIZE = 300_000_000
U = SIZE * 8 / GBPS


def training(name: str, server: str, *workers: str, size: int = SIZE, compute: float = 0) -> Sharer:
    return Sharer(name, Demands(TREE, server_demands({server: size}, workers)), compute)


def traffic(rate: float, source: str, destination: str, *, yields: bool = True) -> Sharer:
    demands = Demands(TREE, (Demand(source, destination, 0),))
    return Sharer("traffic", demands, limit_bps=rate, yields=yields)


def test_alone_a_job_has_its_best() -> None:
    (bound,) = shared_bounds([training("one", "ps", "worker0", "worker1")]).values()
    assert bound.best_seconds == pytest.approx(2 * U)
    assert bound.best_bps == pytest.approx([GBPS / 2] * 4)
    assert (bound.fair_bps, bound.ports, bound.share) == (bound.best_bps, (), 1.0)
    assert bound.fair_seconds == bound.best_seconds


def test_two_equal_jobs_halve_what_they_share() -> None:
    jobs = [
        training("one", "ps", "worker0", "worker1"),
        training("other", "worker5", "worker1", "worker2"),
    ]
    bounds = shared_bounds(jobs)
    for job in bounds.values():
        assert job.best_seconds == pytest.approx(2 * U)
        assert job.share == pytest.approx(1 / 2)
        assert job.fair_seconds == pytest.approx(4 * U)
        assert {"core->rack0", "rack0->core"} <= set(job.ports)


def test_jobs_apart_do_not_slow_each_other() -> None:
    jobs = [
        training("one", "worker0", "worker1", "worker2"),
        training("other", "worker3", "worker4", "worker5"),
    ]
    assert [job.share for job in shared_bounds(jobs).values()] == pytest.approx([1, 1])


def test_who_computes_long_leaves_the_rest_to_others() -> None:
    """The first one needs a tenth of the trunk, so the other one has nine tenths of it."""
    jobs = [
        training("slow", "ps", "worker0", compute=10 * U),
        training("fast", "worker5", "worker1", "worker2", size=SIZE),
    ]
    bounds = shared_bounds(jobs)
    assert bounds["slow"].share == pytest.approx(1)
    assert bounds["slow"].best_seconds == pytest.approx(10 * U)
    assert bounds["fast"].share == pytest.approx(0.9)
    assert bounds["fast"].fair_seconds == pytest.approx(2 * U / 0.9)


def test_two_jobs_may_send_from_the_same_host_to_the_same_host() -> None:
    jobs = [training(name, "worker3", "worker0") for name in ("one", "other")]
    assert [job.fair_seconds for job in shared_bounds(jobs).values()] == pytest.approx([2 * U] * 2)


def test_traffic_has_what_it_offers_or_its_share() -> None:
    job = training("one", "ps", "worker0", "worker1", "worker2")
    low = shared_bounds([job, traffic(0.2 * GBPS, "worker3", "worker0")])
    assert low["traffic"].best_seconds is low["traffic"].fair_seconds is None
    assert low["traffic"].fair_bps == low["traffic"].best_bps == (0.2 * GBPS,)
    # Three pulls have what is left of the trunk.
    assert low["one"].share == pytest.approx(0.8)
    high = shared_bounds([job, traffic(0.6 * GBPS, "worker3", "worker0")])
    assert high["traffic"].fair_bps == pytest.approx([GBPS / 4])
    assert high["one"].share == pytest.approx(3 / 4)


def test_datagrams_do_not_give_way() -> None:
    job = training("one", "ps", "worker0", "worker1", "worker2")
    bounds = shared_bounds([job, traffic(0.6 * GBPS, "worker3", "worker0", yields=False)])
    assert bounds["traffic"].share == pytest.approx(1)
    assert bounds["one"].share == pytest.approx(0.4)
    flood = shared_bounds([job, traffic(2 * GBPS, "worker3", "worker0", yields=False)])
    assert flood["traffic"].best_bps == pytest.approx([GBPS])  # of what it offers, that can arrive
    assert (flood["one"].share, flood["one"].fair_seconds) == (0, None)


def test_a_job_that_sends_nothing_takes_what_it_computes() -> None:
    quiet = Sharer("quiet", Demands(TREE, ()), compute_seconds=2.0)
    bound = shared_bounds([quiet, training("one", "ps", "worker0")])["quiet"]
    assert (bound.best_seconds, bound.fair_seconds, bound.share) == (2.0, 2.0, 1.0)


def test_what_is_not_known_has_no_bound() -> None:
    unknown = Demands(TREE, (Demand("ps", "worker0", 0),), declared=False)
    with pytest.raises(ValueError, match="job script: what it sends is not known"):
        shared_bounds([Sharer("script", unknown)])


def test_what_others_leave_is_the_goodput_for_a_bound() -> None:
    other = Demands(PUBLISHED, (Demand("ps", "worker0", 0), Demand("worker0", "worker1", 0)))
    first, second = other
    left = left_goodputs([(other, {first: 3e8, second: 2 * GBPS})], {"switch0->switch1": 9e8})
    assert left["switch0->switch1"] == 6e8
    assert left["ps->switch0"] == pytest.approx(10 * GBPS - 3e8)
    assert 0 < left["worker0->switch1"] <= 1  # all of it is taken
    assert "switch1->switch0" not in left
    mine = Demands(PUBLISHED, server_demands({"ps": SIZE}, ["worker2"]))
    loads = {str(load.port): load.seconds for load in link_loads(mine, left)}
    assert loads["switch0->switch1"] == pytest.approx(SIZE * 8 / 6e8)


@dataclass(frozen=True)
class Flow:
    ports: tuple[str, ...]
    limit: float


def max_min(flows: Sequence[Flow], capacities: dict[str, float]) -> list[float]:
    """By definition: raise the least rate as far as it goes, fix who cannot have more, repeat."""
    fixed: dict[int, float] = {}
    whole = max(capacities.values())
    while len(fixed) < len(flows):
        least = _most(flows, capacities, fixed, whole, raised=None)
        # Who has no more than the least in any solution stays there.
        stuck = [
            number
            for number in range(len(flows))
            if number not in fixed
            and _most(flows, capacities, fixed, whole, raised=(number, least))
            <= least + 1e-7 * whole
        ]
        assert stuck
        fixed |= dict.fromkeys(stuck, least)
    return [fixed[number] for number in range(len(flows))]


def _most(
    flows: Sequence[Flow],
    capacities: dict[str, float],
    fixed: dict[int, float],
    whole: float,
    *,
    raised: tuple[int, float] | None,
) -> float:
    """The most that all free flows can have, or one of them if the others have the least."""
    count = len(flows)
    ports = list(capacities)
    rows = np.array([[float(port in flow.ports) for flow in flows] for port in ports])
    cost, extra = np.zeros(count + 1), []
    for number in range(count):
        if number not in fixed and raised is None:
            row = np.zeros(count + 1)
            row[number], row[-1] = -1, 1
            extra.append(row)
    cost[-1 if raised is None else raised[0]] = -1
    free = 0.0 if raised is None else raised[1] / whole * (1 - 1e-12)
    bounds = [
        (fixed[number] / whole * (1 - 1e-12), fixed[number] / whole)
        if number in fixed
        else (min(free, flow.limit / whole), flow.limit / whole)
        for number, flow in enumerate(flows)
    ]
    upper = [capacities[port] / whole for port in ports]
    solution = linprog(
        cost,
        A_ub=np.vstack([np.hstack([rows, np.zeros((len(ports), 1))]), *extra]),
        b_ub=[*upper, *np.zeros(len(extra))],
        bounds=[*bounds, (0, None if raised is None else 0)],
    )
    assert solution.success, solution.message
    assert solution.fun is not None
    return float(-solution.fun * whole)


@st.composite
def jobs_on(draw: st.DrawFn, cluster: Cluster) -> list[Sharer]:
    pairs = list(permutations([host.name for host in cluster.topology.hosts], 2))
    jobs = []
    for number in range(draw(st.integers(1, 3))):
        ends = draw(st.lists(st.sampled_from(pairs), min_size=1, max_size=4, unique=True))
        sizes = draw(st.lists(st.integers(1, 10**9), min_size=len(ends), max_size=len(ends)))
        demands = tuple(Demand(*pair, size) for pair, size in zip(ends, sizes, strict=True))
        limit = draw(st.sampled_from([None, None, 1e6, 1e9]))
        compute = draw(st.sampled_from([0.0, 1.0]))
        known = Demands(cluster.topology, demands)
        jobs.append(Sharer(f"job{number}", known, compute, limit))
    return jobs


@settings(deadline=None, max_examples=40)
@given(st.data(), clusters())
def test_shares_are_max_min_fair(data: st.DataObject, cluster: Cluster) -> None:
    jobs = data.draw(jobs_on(cluster))
    bounds = shared_bounds(jobs)
    flows: list[Flow] = []
    rates: list[float] = []
    capacities: dict[str, float] = {}
    for job in jobs:
        bound = bounds[job.name]
        assert 0 <= bound.share <= 1 + 1e-9
        for demand, best, fair in zip(job.demands, bound.best_bps, bound.fair_bps, strict=True):
            crossed = job.demands.paths[demand]
            flows.append(Flow(tuple(map(str, crossed)), best))
            rates.append(fair)
            capacities |= {str(port): goodput_bps(port.rate_bps) for port in crossed}
    whole = max(capacities.values())
    assert rates == pytest.approx(max_min(flows, capacities), abs=1e-6 * whole)
    # The same, as exact on slow links: each has its limit, or as much of a full one as anybody.
    through = {
        port: [rate for flow, rate in zip(flows, rates, strict=True) if port in flow.ports]
        for port in capacities
    }
    for port, own in through.items():
        assert sum(own) <= capacities[port] * (1 + 1e-9)
    for flow, rate in zip(flows, rates, strict=True):
        assert rate >= flow.limit * (1 - 1e-9) or any(
            sum(through[port]) >= capacities[port] * (1 - 1e-9)
            and rate >= max(through[port]) * (1 - 1e-9)
            for port in flow.ports
        )


@settings(deadline=None, max_examples=40)
@given(st.data(), clusters())
def test_alone_every_job_has_its_best_and_nobody_has_more(
    data: st.DataObject, cluster: Cluster
) -> None:
    jobs = data.draw(jobs_on(cluster))
    together = shared_bounds(jobs)
    for job in jobs:
        alone = shared_bounds([job])[job.name]
        assert alone.share == pytest.approx(1)
        assert alone.ports == ()
        assert together[job.name].best_seconds == alone.best_seconds
        assert (together[job.name].share < 1 - 1e-6) <= bool(together[job.name].ports)
