"""A topology: hosts, switches and links, as everything else of dmlbed sees it.

All figures are the real system's; the emulation scales them (see `Scale`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Host:
    """A host of the topology.

    Attributes:
        name: its name.
        device: the name of the device model that gives its speed as a worker, if it may be one.
        cores: how many cores it may use, a fraction too; None if not limited.
        memory_bytes: how much memory it may use; None if not limited.
        cpuset: the CPUs of the testbed's machine that it runs on; empty if any will do.
        batch: images of an iteration as a worker; None: as many as the experiment says.
    """

    name: str
    device: str | None = None
    cores: float | None = None
    memory_bytes: int | None = None
    cpuset: tuple[int, ...] = ()
    batch: int | None = None

    def resolved(self) -> dict[str, Any]:
        """All that decides a figure; a cpuset and a batch only if there is one, which is rare."""
        fields = asdict(self)
        rare = {"cpuset": list(fields.pop("cpuset")), "batch": fields.pop("batch")}
        return {**fields, **{name: value for name, value in rare.items() if value}}


@dataclass(frozen=True)
class Direction:
    """One direction of a link.

    Attributes:
        rate_bps: bits per second.
        delay_us: one-way delay in microseconds.
        queue_bytes: limit of the sending end's queue.
    """

    rate_bps: int
    delay_us: int
    queue_bytes: int


@dataclass(frozen=True)
class Link:
    """A full-duplex link.

    Attributes:
        endpoints: the names of its two nodes.
        forward: from the first endpoint to the second.
        reverse: from the second endpoint to the first.
    """

    endpoints: tuple[str, str]
    forward: Direction
    reverse: Direction


@dataclass(frozen=True)
class Topology:
    """Hosts and switches, the links between them, and the hosts' hardware.

    Attributes:
        name: its name.
        description: a sentence for people, or empty.
        hosts: in the order of the file.
        switches: their names, in the order of the file.
        links: in the order of the file.
    """

    name: str
    description: str
    hosts: tuple[Host, ...]
    switches: tuple[str, ...]
    links: tuple[Link, ...]

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        # Much is remembered by topology, and one of hundreds of hosts takes a while to hash.
        return hash((self.name, self.hosts, self.switches, self.links))

    def host(self, name: str) -> Host:
        """The host of that name.

        Raises:
            KeyError: there is none.
        """
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, Host]:
        return {host.name: host for host in self.hosts}

    def without_delays(self) -> Topology:
        """The same with links without delay."""

        def instant(way: Direction) -> Direction:
            return replace(way, delay_us=0)

        links = (
            replace(link, forward=instant(link.forward), reverse=instant(link.reverse))
            for link in self.links
        )
        return replace(self, links=tuple(links))

    def resolved(self) -> dict[str, Any]:
        """All that decides a figure, ready for JSON; the description does not."""
        return {
            "name": self.name,
            "hosts": [host.resolved() for host in self.hosts],
            "switches": list(self.switches),
            "links": [{**asdict(link), "endpoints": list(link.endpoints)} for link in self.links],
        }

    @classmethod
    def from_resolved(cls, record: Mapping[str, Any]) -> Topology:
        """The topology that `resolved` wrote; the record may also have its description.

        Numbers stay as they are written, 4 or 4.0, for a digest is made of them.

        Raises:
            KeyError, TypeError: a key is missing, or a value is none of a topology's.
        """
        return cls(
            name=record["name"],
            description=record.get("description", ""),
            hosts=tuple(
                Host(**{**host, "cpuset": tuple(host.get("cpuset", ()))})
                for host in record["hosts"]
            ),
            switches=tuple(record["switches"]),
            links=tuple(
                Link(
                    endpoints=(link["endpoints"][0], link["endpoints"][1]),
                    forward=Direction(**link["forward"]),
                    reverse=Direction(**link["reverse"]),
                )
                for link in record["links"]
            ),
        )
