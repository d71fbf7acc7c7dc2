"""A sweep: one experiment at several points of one variable, all else the same (pure).

The variable is the batch, the rate of one link (both directions), or the number of workers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Literal

from orchestrator.spec.fields import MAX_NODE_LETTERS
from orchestrator.spec.placement import Placement
from orchestrator.spec.topology import Direction, Host, Link, Topology
from orchestrator.spec.units import rate_parts, rate_text

Variable = Literal["batch", "rate", "workers"]

_EXACT = 15  # digits of a value that is shown as it was written


@dataclass(frozen=True)
class Sweep:
    """What is varied.

    Attributes:
        variable: "batch" (images per worker), "rate" (of `link`, both directions) or "workers".
        values: images, bit/s or workers, in the order in which they are to run, none twice.
        link: the endpoints of the link whose rate is varied; None for the others.
    """

    variable: Variable
    values: tuple[int, ...]
    link: tuple[str, str] | None = None

    def label(self, value: int) -> str:
        """A point's name, fit for a directory: `batch-16`, `rate-2.5G`, `workers-4`."""
        text = "".join(rate_parts(value, _EXACT)) if self.variable == "rate" else str(value)
        return f"{self.variable}-{text}"

    def text(self, value: int) -> str:
        """A value for people, with its unit: `16`, `2.5 Gbit/s`, `4`."""
        return rate_text(value, _EXACT) if self.variable == "rate" else str(value)

    def title(self) -> str:
        """What is varied, in words: `batch`, `rate of core - rack`, `workers`."""
        return f"rate of {' - '.join(self.link)}" if self.link else self.variable

    def resolved(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return {
            "variable": self.variable,
            "values": list(self.values),
            "link": list(self.link) if self.link else None,
        }


@dataclass(frozen=True)
class Conditions:
    """What a point of a sweep may differ in.

    Attributes:
        topology: with the link's rate or the number of workers; under the same name if it is the
            topology as it was.
        placement: with that number of workers.
        batch: images per worker.
    """

    topology: Topology
    placement: Placement
    batch: int


def conditions(
    sweep: Sweep, value: int, topology: Topology, placement: Placement, batch: int
) -> Conditions:
    """The conditions at a value, which need not be one of the sweep's.

    Raises:
        ValueError: the topology has no such link.
    """
    if sweep.variable == "batch":
        return Conditions(topology, placement, value)
    if sweep.link is not None:
        changed = with_rate(topology, sweep.link, value)
    else:
        changed, placement = with_workers(topology, placement, value)
    if changed != topology:
        changed = replace(changed, name=f"{topology.name}-{sweep.label(value)}")
    return Conditions(changed, placement, batch)


def link_between(topology: Topology, first: str, second: str) -> Link | None:
    """The link between two nodes, in whichever order it names them; None if there is none."""
    for link in topology.links:
        if set(link.endpoints) == {first, second}:
            return link
    return None


def with_rate(topology: Topology, link: tuple[str, str], rate_bps: int) -> Topology:
    """The topology with both directions of a link at a rate.

    Raises:
        ValueError: there is no such link.
    """
    old = link_between(topology, *link)
    if old is None:
        raise ValueError(f"no link {' - '.join(link)}")

    def at(direction: Direction) -> Direction:
        return replace(direction, rate_bps=rate_bps)

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
