"""How a model is split over the server and the ring: against what is known of both."""

from __future__ import annotations

from fractions import Fraction

import pytest

from orchestrator.spec import Demands, Topology
from orchestrator.spec.traffic.split import split
from tests.unit.predict.clusters import link, trunk
from workloads.exchange.demand import ring_demands, server_demands

SIZE = 10**9


def ways(topology: Topology) -> dict[str, Demands]:
    workers = [host.name for host in topology.hosts if host.name.startswith("worker")]
    return {
        "server": Demands(topology, server_demands({"ps": SIZE}, workers)),
        "ring": Demands(topology, ring_demands(workers, SIZE)),
    }


@pytest.mark.parametrize("workers", [3, 4, 8, 16])
def test_behind_a_trunk_as_fast_as_each_link(workers: int) -> None:
    """What nothing is below that has all parameters on a server and on workers: 2n/(n + 2) u."""
    shares = split(ways(trunk(workers)), SIZE)
    assert shares.bit_seconds * 10**9 == pytest.approx(2 * workers / (workers + 2), rel=1e-6)
    # Both links are full: n x on the trunk, x + 2(n - 1)/n (1 - x) on a worker's.
    through = Fraction(2, workers + 2)
    assert shares.shares["server"] == pytest.approx(float(through), rel=1e-6)
    assert sum(shares.shares.values()) == pytest.approx(1, abs=1e-9)


def test_the_published_network_two_fifths_through_the_server() -> None:
    shares = split(ways(trunk(3)), SIZE)
    assert shares.shares == pytest.approx({"server": 0.4, "ring": 0.6}, rel=1e-6)


def test_a_slow_trunk_leaves_all_to_the_ring_and_slow_links_to_the_server() -> None:
    crawling = trunk(3)
    slow = {("switch0", "switch1"): 10**3}
    links = tuple(
        link(*one.endpoints, slow.get(one.endpoints, one.forward.rate_bps))
        for one in crawling.links
    )
    topology = Topology("slow", "", crawling.hosts, crawling.switches, links)
    assert split(ways(topology), SIZE).shares["ring"] == pytest.approx(1, abs=1e-5)
    # With a trunk of three links the server takes u of each of them, the ring 4/3 u.
    wide = tuple(
        link(*one.endpoints, 3 * 10**9 if one.endpoints == ("switch0", "switch1") else 10**9 * 10)
        if "switch0" in one.endpoints
        else one
        for one in crawling.links
    )
    topology = Topology("wide", "", crawling.hosts, crawling.switches, wide)
    shares = split(ways(topology), SIZE)
    assert shares.shares["server"] == pytest.approx(1, abs=1e-6)
    assert shares.bit_seconds * 10**9 == pytest.approx(1, rel=1e-6)


def test_what_crosses_nothing_is_split_equally() -> None:
    topology = trunk(1)
    nothing = Demands(topology, ())
    assert split({"one": nothing, "other": nothing}, SIZE).shares == {"one": 0.5, "other": 0.5}
