"""Traffic that is more than its links carry is said before it runs."""

from __future__ import annotations

from pathlib import Path

from orchestrator.spec import Topology, load_topology
from orchestrator.spec.traffic.overload import Source, overloads

TOPOLOGY = Path(__file__).parents[4] / "topologies" / "ps-10g-1g-3workers.yaml"


def topology() -> Topology:
    """worker0 and worker1 are at switch1, at 1 Gbit/s; so is the trunk to the ps' switch0."""
    return load_topology(TOPOLOGY)


def udp(name: str, source: str, rate: float) -> Source:
    return Source(name, source, "worker0", rate, waits=False)


def test_what_a_link_carries_is_no_overload() -> None:
    assert overloads(topology(), [udp("a", "ps", 970e6)]) == ()
    assert overloads(topology(), [Source("a", "ps", "worker0", 950e6, waits=True)]) == ()


def test_datagrams_that_find_no_room_are_lost() -> None:
    assert overloads(topology(), [udp("a", "ps", 2e9)]) == (
        "a sends 2 Gbit/s over switch0->switch1, which carries 972.3 Mbit/s of UDP: the rest is"
        " lost",
    )


def test_datagrams_of_several_sources_meet() -> None:
    assert overloads(topology(), [udp("a", "ps", 700e6), udp("b", "worker1", 700e6)]) == (
        "a and b send 1.4 Gbit/s over switch1->worker0, which carries 972.3 Mbit/s of UDP: the rest"
        " is lost",
    )


def test_tcp_waits_for_room_and_shares_it() -> None:
    two = [Source(name, "ps", "worker0", 700e6, waits=True) for name in "ab"]
    assert overloads(topology(), two) == ()
    (overload,) = overloads(topology(), [Source("a", "ps", "worker0", 2e9, waits=True), two[1]])
    assert overload.startswith("a sends 2 Gbit/s over switch0->switch1, which carries 956.4 Mbit/s")
    assert overload.endswith("the rest waits")
