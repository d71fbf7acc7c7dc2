"""Topologies at a point of a sweep: another link, or another number of workers (pure)."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any

from orchestrator.spec.placement import Placement
from orchestrator.spec.topology import Direction, Host, Link, Topology
from orchestrator.spec.values.fields import MAX_NODE_LETTERS


def link_between(topology: Topology, first: str, second: str) -> Link | None:
    """The link between two nodes, in whichever order it names them; None if there is none."""
    for link in topology.links:
        if set(link.endpoints) == {first, second}:
            return link
    return None


def with_shape(topology: Topology, link: tuple[str, str], field: str, value: Any) -> Topology:
    """The topology with another value of a field of both directions of a link.

    Raises:
        ValueError: there is no such link.
    """
    old = link_between(topology, *link)
    if old is None:
        raise ValueError(f"no link {' - '.join(link)}")

    def at(direction: Direction) -> Direction:
        return replace(direction, **{field: value})

    new = replace(old, forward=at(old.forward), reverse=at(old.reverse))
    return replace(topology, links=tuple(new if one == old else one for one in topology.links))


def with_workers(
    topology: Topology, placement: Placement, workers: int
) -> tuple[Topology, Placement]:
    """The topology and the placement with that many workers, at least one.

    They are the first ones of the placement and, if these are too few, copies of its last one, each
    with a copy of that one's link. Switches stay, even those without a worker.
    """
    present = placement.workers
    gone = set(present[workers:])
    hosts = [host for host in topology.hosts if host.name not in gone]
    links = [link for link in topology.links if not gone.intersection(link.endpoints)]
    last = topology.host(present[-1])
    place = hosts.index(last) + 1 if last in hosts else len(hosts)
    copies: list[str] = []
    for number in range(workers - len(present)):
        copy = replace(last, name=_free_name(last.name, hosts, topology.switches))
        copies.append(copy.name)
        hosts.insert(place + number, copy)
        links += [
            _moved(link, last, copy) for link in topology.links if last.name in link.endpoints
        ]
    return (
        replace(topology, hosts=tuple(hosts), links=tuple(links)),
        replace(placement, workers=(*present[:workers], *copies)),
    )


def _moved(link: Link, old: Host, new: Host) -> Link:
    first, second = (new.name if end == old.name else end for end in link.endpoints)
    return replace(link, endpoints=(first, second))


def _free_name(name: str, hosts: list[Host], switches: tuple[str, ...]) -> str:
    """The first free name of a series: worker2's is worker0, worker1, worker2, worker3 ..."""
    taken = {*switches, *(host.name for host in hosts)}
    stem = name.rstrip("0123456789")
    series = (stem[: MAX_NODE_LETTERS - len(str(number))] + str(number) for number in count())
    return next(name for name in series if name not in taken)
