"""Repeated hosts of a topology file: `worker: {count: 20}` stands for worker0 to worker19.

They are written out before anything is checked, and every copy knows where it was written: what is
wrong with all of them is reported once, at that place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.spec.files.topology_file import MAX_HOSTS
from orchestrator.spec.files.validation import items, mapping
from orchestrator.spec.values.text import quoted
from orchestrator.spec.yaml.document import Document, Loc

MAX_LINKS = 10_000
"""Of a topology, written out: as many as a file without repeated hosts may have."""

Groups = Mapping[str, tuple[str, ...]]
"""The hosts that a repeated host stands for, by its name in the file."""


def write_out(document: Document) -> Groups:
    """Replaces repeated hosts and their links by the hosts and links that they stand for.

    Adds to the document's problems names that collide and counts that are too large; what has the
    wrong form is left as it is, for the file's model to refuse.
    """
    data = mapping(document.data)
    hosts = mapping(data.get("hosts"))
    counts = {name: count for name, host in hosts.items() if (count := _count(host))}
    if not counts:
        return {}
    total = len(hosts) - len(counts)
    for name, count in counts.items():
        total += count
        if total > MAX_HOSTS:
            message = f"{quoted(name)} and the hosts before it are {total}"
            document.report_at(("hosts", name, "count"), message, f"at most {MAX_HOSTS} hosts")
            return {}
    groups = {
        name: tuple(f"{name}{number}" for number in range(count)) for name, count in counts.items()
    }
    copies: dict[Loc, Loc] = {}
    written = _written_hosts(document, hosts, groups, copies)
    _check_switches(document, data, groups)
    links = _written_links(document, items(data.get("links")), groups, copies)
    document.copies.update(copies)
    linked = {"links": links} if isinstance(data.get("links"), list) else {}
    document.data = {**data, "hosts": written, **linked}
    return groups


def _count(host: object) -> int:
    """How many hosts one of the file stands for; 0: it is not repeated, or its count is wrong."""
    count = mapping(host).get("count")
    right = isinstance(count, int) and not isinstance(count, bool) and 1 <= count <= MAX_HOSTS
    return count if right and isinstance(count, int) else 0


def _written_hosts(
    document: Document, hosts: Mapping[str, Any], groups: Groups, copies: dict[Loc, Loc]
) -> dict[str, Any]:
    written: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for name, host in hosts.items():
        for copy in groups.get(name, (name,)):
            if copy in written:
                first = origin[copy]
                line, _ = document.mark(("hosts", first), key=True)
                whose = f"one of {quoted(first)}" if first in groups else "a host"
                message = f"{quoted(copy)} is already {whose}, on line {line}"
                document.report_at(("hosts", name), message, "choose another name", key=True)
                continue
            origin[copy] = name
            if name in groups:
                copies["hosts", copy] = ("hosts", name)
                written[copy] = {key: value for key, value in host.items() if key != "count"}
            else:
                written[copy] = host
    return written


def _check_switches(document: Document, data: Mapping[str, Any], groups: Groups) -> None:
    for index, name in enumerate(items(data.get("switches"))):
        if isinstance(name, str) and name in groups:
            message = f"{quoted(name)} is already the name of repeated hosts"
            document.report_at(("switches", index), message)


def _written_links(
    document: Document, links: list[Any], groups: Groups, copies: dict[Loc, Loc]
) -> list[Any]:
    written: list[Any] = []
    for number, link in enumerate(links):
        if len(written) > MAX_LINKS:
            document.report_at(("links", number), f"more than {MAX_LINKS} links, written out")
            return links
        ends = items(mapping(link).get("endpoints"))
        named = [groups.get(end) if isinstance(end, str) else None for end in ends]
        repeated = [names for names in named if names is not None]
        alike: list[Any] = [link]
        if len(ends) == 2 and repeated:
            counts = {len(names) for names in repeated}
            if len(counts) > 1:
                pair = " and ".join(
                    f"{len(names)} of {quoted(end)}"
                    for end, names in zip(ends, repeated, strict=True)
                )
                message = f"{pair} cannot be linked in pairs"
                loc = ("links", number, "endpoints")
                document.report_at(loc, message, "the counts must be equal")
            alike = [
                {
                    **link,
                    "endpoints": [
                        end if names is None else names[n]
                        for end, names in zip(ends, named, strict=True)
                    ],
                }
                for n in range(min(counts))
            ]
        for copy in alike:
            copies["links", len(written)] = ("links", number)
            written.append(copy)
    return written
