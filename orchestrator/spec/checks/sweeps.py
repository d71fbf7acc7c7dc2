"""What must hold of a sweep beyond the form of its values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod

from orchestrator.spec.checks.topologies import MAX_LINKS_PER_SWITCH
from orchestrator.spec.files.experiment_file import ExperimentFile, SweepFile
from orchestrator.spec.files.sweep_file import MAX_POINTS, MAX_VARIABLES
from orchestrator.spec.files.validation import items, mapping
from orchestrator.spec.placement import Placement
from orchestrator.spec.sweep import EXPERIMENT_KEYS, LINK_KEYS, Sweep, Variable, link_between
from orchestrator.spec.topology import Topology
from orchestrator.spec.values.text import nearest, quoted
from orchestrator.spec.yaml.document import Document, Loc

_SWEEP: Loc = ("sweep",)
_BUFFERS = {
    "send_buffer": ("socket_buffers", "send"),
    "receive_buffer": ("socket_buffers", "receive"),
}


def place_of(variable: Variable, index: int) -> Loc:
    """Where a value is written."""
    whole = variable.link is None and not variable.schedules
    return (*_SWEEP, variable.key, *(() if whole else ("values",)), index)


def check_sweep(
    document: Document,
    file: ExperimentFile | None,
    topology: Topology | None,
    placement: Placement | None,
) -> tuple[Sweep, Sweep] | None:
    """The sweep of an experiment; adds to the document's problems what is wrong with it.

    Returns:
        The sweep, and the same without the values that cannot be; None if there is none to check.

    Args:
        document: of the experiment.
        file: what was read of it, None if not all of it could be.
        topology: None if it could not be read.
        placement: None if it is not known.
    """
    data = mapping(document.data)
    if "sweep" not in data:
        return None
    keys = mapping(data["sweep"])
    named = [key for key in keys if key in SweepFile.model_fields]
    # A key that is misspelt is a problem already, and may be the one that is missing.
    if len(named) > MAX_VARIABLES or not keys:
        known = (*EXPERIMENT_KEYS, *LINK_KEYS)
        message = f"expected one or two keys, found {', '.join(named) or 'none'}"
        hint = f"{', '.join(known)}, or a key of schedules, such as slice"
        document.report_at(_SWEEP, message, hint, key=True)
    _check_others(document, named)
    before = len(document.problems)
    for key in named:
        if topology is not None:
            _check_link(document, key, topology)
        _check_schedules(document, key)
    form = file.sweep if file is not None else None
    fits = 0 < len(named) <= MAX_VARIABLES and not document.is_cut(_SWEEP)
    if form is None or not fits or len(document.problems) > before:
        return None
    if any(getattr(form, key) is None for key in named):
        return None  # which is a problem already
    sweep = form.resolve(named)
    sound = [_check_values(document, one, topology, placement) for one in sweep.variables]
    sizes = [len(one.values) for one in sweep.variables]
    if prod(sizes) > MAX_POINTS:
        message = f"{' x '.join(map(str, sizes))} = {prod(sizes)} points"
        document.report_at(_SWEEP, message, f"at most {MAX_POINTS}", key=True)
        return None
    values = [
        tuple(one.values[index] for index in kept)
        for one, kept in zip(sweep.variables, sound, strict=True)
    ]
    left = (replace(one, values=of) for one, of in zip(sweep.variables, values, strict=True))
    return sweep, Sweep(tuple(left))


def _check_others(document: Document, named: list[str]) -> None:
    """What else is in the file does not go with what is varied."""
    leave = "leave this key out"
    each = "sweep without programs, or write an experiment for each point"
    for key in named:
        loc: Loc = _BUFFERS.get(key, (key,))
        if key in EXPERIMENT_KEYS and loc in document.keys:
            words = key.replace("_", " ")
            document.report_at(loc, f"the {words} is what the sweep varies", leave, key=True)
    for key, message, hint in (
        ("programs", "programs run at one point, not in a sweep", each),
        ("published", "published figures are those of one point, not of a sweep", leave),
    ):
        if key in mapping(document.data):
            document.report_at((key,), message, hint, key=True)


def _check_link(document: Document, key: str, topology: Topology) -> None:
    named = items(mapping(mapping(mapping(document.data)["sweep"]).get(key)).get("link"))
    link = [end for end in named if isinstance(end, str)]
    if len(link) != 2 or len(named) != 2 or link_between(topology, *link) is not None:
        return
    loc: Loc = (*_SWEEP, key, "link")
    nodes = [*(host.name for host in topology.hosts), *topology.switches]
    unknown = [(index, end) for index, end in enumerate(link) if end not in nodes]
    for index, end in unknown:
        message = f"{quoted(end)} is no host and no switch of {topology.name}"
        document.report_at((*loc, index), message, nearest(end, nodes, else_list="nodes"))
    if not unknown:
        links = ", ".join(" - ".join(link.endpoints) for link in topology.links)
        message = f"{topology.name} has no link {' - '.join(link)}"
        document.report_at(loc, message, f"links: {links}")


def _check_schedules(document: Document, key: str) -> None:
    data = mapping(document.data)
    compared = [name for name in items(data.get("schedules")) if isinstance(name, str)]
    named = items(mapping(mapping(data["sweep"]).get(key)).get("schedules"))
    for index, name in enumerate(named):
        loc: Loc = (*_SWEEP, key, "schedules", index)
        if name in named[:index]:
            document.report_at(loc, f"{quoted(name)} is listed twice")
        elif isinstance(name, str) and compared and name not in compared:
            message = f"{quoted(name)} is none of the schedules that are compared"
            document.report_at(loc, message, nearest(name, compared, else_list="schedules"))


def _check_values(
    document: Document, variable: Variable, topology: Topology | None, placement: Placement | None
) -> list[int]:
    """Adds a problem for each value that cannot be; the indices of those that can."""
    wrong = dict(_twice(variable))
    if variable.key == "workers" and topology is not None and placement is not None:
        wrong |= _too_many(variable, topology, placement)
    for index, (message, hint) in wrong.items():
        document.report_at(place_of(variable, index), message, hint)
    return [index for index in range(len(variable.values)) if index not in wrong]


def _twice(variable: Variable) -> Iterator[tuple[int, tuple[str, str]]]:
    for index, value in enumerate(variable.values):
        if value in variable.values[:index]:
            yield index, (f"{variable.text(value)} is listed twice", "")


def _too_many(
    variable: Variable, topology: Topology, placement: Placement
) -> dict[int, tuple[str, str]]:
    last, present = placement.workers[-1], len(placement.workers)
    (peer,) = (
        end
        for link in topology.links
        if last in link.endpoints
        for end in link.endpoints
        if end != last
    )
    degree = sum(peer in link.endpoints for link in topology.links)
    most = present + (MAX_LINKS_PER_SWITCH - degree if peer in topology.switches else 0)
    return {
        index: (
            f"{workers} workers: no room for {int(workers) - present} more links at {peer}",
            f"at most {most} workers on {topology.name}",
        )
        for index, workers in enumerate(variable.values)
        if int(workers) > most
    }
