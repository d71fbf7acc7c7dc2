"""Which host has which part in an experiment: its `placement:`, or the roles in its topology."""

from __future__ import annotations

from orchestrator.spec.checks.queues import least_text, short_queues, why_short
from orchestrator.spec.files.placement_file import PlacementFile
from orchestrator.spec.files.repeated import Groups
from orchestrator.spec.files.validation import items, mapping
from orchestrator.spec.placement import ALONE, Placement
from orchestrator.spec.topology import Topology
from orchestrator.spec.traffic.graph import path
from orchestrator.spec.traffic.server_exchange import exchange_of
from orchestrator.spec.values.text import nearest, quoted
from orchestrator.spec.yaml.document import Document, Loc

_PLACEMENT: Loc = ("placement",)
_EXAMPLE = "placement: {servers: [a host], workers: [hosts]}"


def check_placement(
    document: Document, topology: Topology | None, by_roles: Placement | None, groups: Groups
) -> Placement | None:
    """Who does what; adds to an experiment's problems what is wrong with it.

    Args:
        document: of the experiment.
        topology: that it names; None if it could not be read.
        by_roles: what the roles of its hosts stand for; None if they have none.
        groups: the hosts that its repeated hosts stand for; a placement may name them.

    Returns:
        None if there is none, or what it says is wrong.
    """
    if "placement" not in mapping(document.data):
        if topology is not None and by_roles is None:
            message = f"no host of {topology.name} has a role, so the experiment places them"
            document.report_at(_PLACEMENT, "missing key 'placement'", f"{message}: {_EXAMPLE}")
        return by_roles
    return placed_at(document, _PLACEMENT, topology, groups)


def placed_at(
    document: Document, place: Loc, topology: Topology | None, groups: Groups
) -> Placement | None:
    """The placement at a place of an experiment; None if what it says is wrong, which is added.

    Args:
        document: of the experiment.
        place: of the placement.
        topology: that it names; None if it could not be read.
        groups: the hosts that its repeated hosts stand for.
    """
    if document.is_bad(place):
        return None
    named = _named(document, place, groups)
    if topology is not None:
        _check_known(document, topology, named, groups)
    _check_twice(document, named)
    if (
        topology is None
        or any(document.is_bad(loc) for loc, _ in named)
        or _half_read(document, place)
    ):
        return None
    parts = {
        part: tuple(name for loc, name in named if loc[-2] == part)
        for part in PlacementFile.model_fields
    }
    placement = Placement(**parts)
    if not placement.servers and len(placement.workers) == 1:
        document.report_at(place, ALONE, "name a host in `servers`, or more workers", key=True)
    _check_workers(document, topology, named, placement)
    if _half_read(document, place):
        return None
    demands = exchange_of(topology, placement.probed).demands
    for port, _, least in short_queues(demands):
        why = why_short(demands, port)
        document.report_at(place, why, f"{least_text(least)} in {topology.name}", key=True)
    return placement


def _named(document: Document, place: Loc, groups: Groups) -> list[tuple[Loc, str]]:
    """Every host that the placement names, by itself or as one of many, and where."""
    parts = mapping(document.data)
    for key in place:
        parts = mapping(parts.get(str(key)))
    return [
        ((*place, part, index), host)
        for part in PlacementFile.model_fields
        for index, name in enumerate(items(parts.get(part)))
        if isinstance(name, str)
        for host in groups.get(name, (name,))
    ]


def _half_read(document: Document, place: Loc) -> bool:
    """Whether a problem was reported at the placement, or at a part of it."""
    return any(loc[: len(place)] == place for loc in document.bad)


def _check_known(
    document: Document, topology: Topology, named: list[tuple[Loc, str]], groups: Groups
) -> None:
    hosts = [host.name for host in topology.hosts]
    for loc, name in named:
        if name in topology.switches:
            hint = "a switch runs no part of the training"
            document.report_at(loc, f"{quoted(name)} is a switch of {topology.name}", hint)
        elif name not in hosts:
            hint = nearest(name, [*groups, *hosts], else_list="hosts")
            document.report_at(loc, f"{quoted(name)} is no host of {topology.name}", hint)


def _check_twice(document: Document, named: list[tuple[Loc, str]]) -> None:
    seen: dict[str, Loc] = {}
    for loc, name in named:
        if name in seen:
            line, _ = document.mark(seen[name])
            document.report_at(loc, f"{quoted(name)} is listed twice", f"first on line {line}")
        seen.setdefault(name, loc)


def _check_workers(
    document: Document, topology: Topology, named: list[tuple[Loc, str]], placement: Placement
) -> None:
    others = placement.servers or placement.workers[:1]
    what = "the parameter server" if placement.servers else "worker"
    for loc, name in named:
        if loc[-2] != "workers":
            continue
        if topology.host(name).device is None:
            message = f"worker {quoted(name)} has no device model"
            document.report_at(loc, message, f"add 'device' to the host in {topology.name}")
        for other in others:
            try:
                path(topology, other, name)
            except ValueError:
                message = f"worker {quoted(name)} cannot reach {what} {quoted(other)}"
                hint = f"no chain of links of {topology.name} joins them"
                document.report_at(loc, message, hint)
                break
