"""What must hold between the parts of a topology file: names, roles, and that all are linked.

The checks read the plain data and skip what is broken, so that a wrong unit in one line does not
hide a missing host in another. What only follows from a problem already reported is not reported.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.spec.files.repeated import Groups
from orchestrator.spec.files.topology_file import ShapeFile, WorkerDefaults
from orchestrator.spec.files.validation import items, mapping
from orchestrator.spec.placement import ALONE
from orchestrator.spec.values.fields import FileModel, is_device_file
from orchestrator.spec.values.text import nearest, quoted
from orchestrator.spec.yaml.document import Document, Loc
from workloads.models.devices import DeviceModel
from workloads.models.profiles import load_model

# The name of a port's device has room for two digits of its number.
MAX_LINKS_PER_SWITCH = 99

_DEFAULTS: dict[str, type[FileModel]] = {
    "link": ShapeFile,
    "worker": WorkerDefaults,
    "host": WorkerDefaults,
}


@dataclass(frozen=True)
class _Edge:
    """A link whose two endpoints exist and differ."""

    loc: Loc
    ends: tuple[str, str]

    def __str__(self) -> str:
        return " - ".join(self.ends)


def check_topology(document: Document, groups: Groups) -> None:
    """Adds to the document's problems what is wrong between the parts of a topology.

    Args:
        document: of the topology, its repeated hosts written out.
        groups: the hosts that these stand for.
    """
    data = mapping(document.data)
    hosts = mapping(data.get("hosts"))
    _check_roles(document, hosts)
    _check_devices(document, data, hosts)
    switches = _switches(document, data, hosts)
    _check_rates(document, data)
    if not _nodes_readable(data):
        return
    edges = _edges(document, data, [*hosts, *switches], groups)
    _check_degrees(document, edges, hosts, switches)
    _check_pairs(document, edges)
    links = data.get("links")
    # A link that could not be read leaves its nodes alone: that they are unreachable says nothing.
    if isinstance(links, list) and len(links) == len(edges):
        _check_reachable(document, edges, hosts)


def check_known_devices(document: Document, known: Iterable[str]) -> None:
    """Adds a problem for each device model that hosts name and that is not known."""
    names = list(known)
    data = mapping(document.data)
    defaults = mapping(data.get("defaults"))
    for name, host in mapping(data.get("hosts")).items():
        if _role(host) == "ps":
            continue
        places: tuple[tuple[Loc, object], ...] = (
            (("hosts", name), host),
            (("defaults", "worker"), defaults.get("worker") if _role(host) == "worker" else None),
            (("defaults", "host"), defaults.get("host")),
        )
        written = [(loc, mapping(one)["device"]) for loc, one in places if "device" in mapping(one)]
        for loc, device in written[:1]:
            if isinstance(device, str) and device not in names and not is_device_file(device):
                hint = nearest(device, names, else_list="known")
                document.report_at((*loc, "device"), f"unknown device model {quoted(device)}", hint)


def check_kinds(
    document: Document, models: Iterable[str], devices: Mapping[str, DeviceModel]
) -> None:
    """Adds a problem for each model of an experiment with layers that a device knows nothing of."""
    for place, model in enumerate(models):
        layers = load_model(model).layers
        for device in devices.values():
            for kind in device.missing(layers)[:1]:
                message = f"{device.name} has no times of layers of kind {kind!r}, as {model} has"
                hint = "profile that kind, or give the device trees for 'other'"
                document.report_at(("models", place), message, hint)


def _nodes_readable(data: Mapping[str, Any]) -> bool:
    # Otherwise each endpoint would be called unknown, which only follows.
    switches = data.get("switches", [])
    return (
        isinstance(data.get("hosts"), dict)
        and isinstance(switches, list)
        and all(isinstance(name, str) for name in switches)
    )


def _has_default(document: Document, data: Mapping[str, Any], part: str, key: str) -> bool:
    """Whether there is a default, or a reported problem may be a misspelt one."""
    default = mapping(mapping(data.get("defaults")).get(part))
    known = _DEFAULTS[part].model_fields
    misspelt = any(name not in known for name in default)
    return key in default or misspelt or document.is_bad(("defaults", part))


def _role(host: object) -> object:
    return mapping(host).get("role")


def _check_roles(document: Document, hosts: Mapping[str, Any]) -> None:
    servers = [name for name, host in hosts.items() if _role(host) == "ps"]
    roles = [_role(host) for host in hosts.values()]
    if any(document.is_bad(("hosts", name, "role")) for name in hosts):
        return
    if not document.values.get(("hosts",)):
        return
    if not hosts:
        document.report_at(("hosts",), "no host", key=True)
    elif roles.count("worker") == 1 and not servers:
        hint = "another host needs 'role: ps' or 'role: worker'"
        document.report_at(("hosts",), ALONE, hint, key=True)
    elif servers and "worker" not in roles:
        hint = "a host needs 'role: worker'; or none has a role, and an experiment places them"
        document.report_at(("hosts",), "no worker", hint, key=True)


def _check_devices(document: Document, data: Mapping[str, Any], hosts: Mapping[str, Any]) -> None:
    parts = ("worker", "host")
    has_default = any(_has_default(document, data, part, "device") for part in parts)
    for name, host in hosts.items():
        has_device = "device" in mapping(host)
        if _role(host) == "ps" and has_device:
            message = "a parameter server has no device model"
            document.report_at(("hosts", name, "device"), message, "its work is real", key=True)
        if _role(host) == "worker" and not has_device and not has_default:
            message = f"worker {quoted(name)} has no device model"
            hint = "add 'device', here or in defaults: worker"
            document.report_at(("hosts", name), message, hint, key=True)


def _switches(document: Document, data: Mapping[str, Any], hosts: Mapping[str, Any]) -> list[str]:
    switches: list[str] = []
    for index, name in enumerate(items(data.get("switches"))):
        if not isinstance(name, str):
            continue
        if name in hosts:
            message = f"{quoted(name)} is already the name of a host"
            document.report_at(("switches", index), message)
        elif name in switches:
            document.report_at(("switches", index), f"{quoted(name)} is listed twice")
        else:
            switches.append(name)
    return switches


def _check_rates(document: Document, data: Mapping[str, Any]) -> None:
    if _has_default(document, data, "link", "rate"):
        return
    for index, link in enumerate(items(data.get("links"))):
        parts = (mapping(link).get("forward"), mapping(link).get("reverse"))
        if not isinstance(link, dict) or "rate" in link:
            continue
        if not all("rate" in mapping(part) for part in parts):
            hint = "add 'rate', here or in defaults: link"
            document.report_at(("links", index, "rate"), "the link has no rate", hint)


def _edges(
    document: Document, data: Mapping[str, Any], nodes: list[str], groups: Groups
) -> list[_Edge]:
    written = [*groups, *(name for name in nodes if ("hosts", name) not in document.copies)]
    edges: list[_Edge] = []
    for index, link in enumerate(items(data.get("links"))):
        loc: Loc = ("links", index, "endpoints")
        ends = items(mapping(link).get("endpoints"))
        for number, end in enumerate(ends):
            if isinstance(end, str) and end not in nodes:
                message = f"{quoted(end)} is no host and no switch"
                hint = nearest(end, written, else_list="nodes")
                document.report_at((*loc, number), message, hint)
        if len(ends) != 2 or any(end not in nodes for end in ends):
            continue
        if ends[0] == ends[1]:
            document.report_at(loc, f"a link from {quoted(ends[0])} to itself")
            continue
        edges.append(_Edge(loc, (ends[0], ends[1])))
    return edges


def _check_degrees(
    document: Document, edges: list[_Edge], hosts: Mapping[str, Any], switches: list[str]
) -> None:
    degrees: dict[str, int] = {}
    for edge in edges:
        for number, end in enumerate(edge.ends):
            degrees[end] = degrees.get(end, 0) + 1
            loc = (*edge.loc, number)
            if end in hosts and degrees[end] == 2:
                message = f"a second link of host {quoted(end)}"
                document.report_at(loc, message, "a host has one link; put a switch between")
            if end in switches and degrees[end] == MAX_LINKS_PER_SWITCH + 1:
                message = f"more than {MAX_LINKS_PER_SWITCH} links at switch {quoted(end)}"
                document.report_at(loc, message)


def _check_pairs(document: Document, edges: list[_Edge]) -> None:
    """A port is named by its two nodes, so between two nodes there is one link."""
    first: dict[frozenset[str], _Edge] = {}
    for edge in edges:
        pair = frozenset(edge.ends)
        if pair in first:
            message = f"a second link between the nodes of {first[pair]}"
            document.report_at(edge.loc, message, "one link of the rate of both does the same")
        first.setdefault(pair, edge)


def _check_reachable(document: Document, edges: list[_Edge], hosts: Mapping[str, Any]) -> None:
    linked = {end for edge in edges for end in edge.ends}
    for name, host in hosts.items():
        if "role" not in mapping(host) and name not in linked:
            document.report_at(("hosts", name), f"host {quoted(name)} has no link", key=True)
    servers = [name for name, host in hosts.items() if _role(host) == "ps"]
    workers = [name for name, host in hosts.items() if _role(host) == "worker"]
    for name in servers or workers[:1]:
        what = "parameter server" if servers else "worker"
        _check_reached_from(document, (what, name), edges, hosts, linked)


def _check_reached_from(
    document: Document,
    start: tuple[str, str],
    edges: list[_Edge],
    hosts: Mapping[str, Any],
    linked: Collection[str],
) -> None:
    what, first = start
    reached = {first}
    grown = True
    while grown:
        grown = False
        for edge in edges:
            if len(reached.intersection(edge.ends)) == 1:
                reached.update(edge.ends)
                grown = True
    if first not in linked:
        document.report_at(("hosts", first), f"{what} {quoted(first)} has no link", key=True)
        return
    for name, host in hosts.items():
        loc: Loc = ("hosts", name)
        if _role(host) == "worker" and name not in reached and not document.is_bad(loc):
            the = "the " if what == "parameter server" else ""
            message = f"worker {quoted(name)} cannot reach {the}{what} {quoted(first)}"
            hint = "no chain of links joins them" if name in linked else "it has no link"
            document.report_at(("hosts", name), message, hint, key=True)
