"""What must hold of a sweep beyond the form of its values, and between it and the topology."""

from __future__ import annotations

from orchestrator.spec.checks.queues import least_text, short_queues, why_short
from orchestrator.spec.checks.topologies import MAX_LINKS_PER_SWITCH
from orchestrator.spec.files.experiment_file import ExperimentFile, SweepFile
from orchestrator.spec.files.validation import items, mapping
from orchestrator.spec.placement import Placement
from orchestrator.spec.sweep import Sweep, link_between, with_workers
from orchestrator.spec.text import nearest, quoted
from orchestrator.spec.topology import Topology
from orchestrator.spec.traffic.class_plan import unfit
from orchestrator.spec.traffic.server_exchange import exchange_of
from orchestrator.spec.yaml.document import Document, Loc

_SWEEP: Loc = ("sweep",)
_PLACES: dict[str, Loc] = {
    "batch": (*_SWEEP, "batch"),
    "rate": (*_SWEEP, "rate", "values"),
    "workers": (*_SWEEP, "workers"),
}


def check_sweep(
    document: Document,
    file: ExperimentFile | None,
    topology: Topology | None,
    placement: Placement | None,
    switch: str,
) -> Sweep | None:
    """The sweep of an experiment; adds to the document's problems what is wrong with it.

    Args:
        document: of the experiment.
        file: what was read of it, None if not all of it could be.
        topology: None if it could not be read.
        placement: None if it is not known.
        switch: the kind of switch asked for.
    """
    data = mapping(document.data)
    if "sweep" not in data:
        return None
    keys = mapping(data["sweep"])
    named = [key for key in SweepFile.model_fields if key in keys]
    # A key that is misspelt is a problem already, and may be the one that is missing.
    if len(named) > 1 or not keys:
        present = ", ".join(named) or "none"
        message = f"expected exactly one of {', '.join(SweepFile.model_fields)}, found {present}"
        document.report_at(_SWEEP, message, key=True)
    each = "sweep without programs, or write an experiment for each point"
    leave = "leave this key out"
    for key, message, hint in (
        ("batch", "the batch is what the sweep varies", leave),
        ("programs", "programs run at one point, not in a sweep", each),
        ("published", "published figures are those of one point, not of a sweep", leave),
    ):
        if key in data and key in (*named, "programs", "published"):
            document.report_at((key,), message, hint, key=True)
    if topology is not None:
        _check_link(document, topology)
    if file is None or file.sweep is None or len(named) != 1 or document.is_cut(_SWEEP):
        return None
    sweep = file.sweep.resolve()
    _check_twice(document, sweep)
    if topology is not None and placement is not None:
        _check_workers(document, sweep, topology, placement, switch)
    return sweep


def _check_twice(document: Document, sweep: Sweep) -> None:
    for index, value in enumerate(sweep.values):
        if value in sweep.values[:index]:
            loc = (*_PLACES[sweep.variable], index)
            document.report_at(loc, f"{sweep.text(value)} is listed twice")


def _check_link(document: Document, topology: Topology) -> None:
    named = items(mapping(mapping(mapping(document.data)["sweep"]).get("rate")).get("link"))
    link = [end for end in named if isinstance(end, str)]
    if len(link) != 2 or len(named) != 2 or link_between(topology, *link) is not None:
        return
    loc: Loc = (*_SWEEP, "rate", "link")
    nodes = [*(host.name for host in topology.hosts), *topology.switches]
    unknown = [(index, end) for index, end in enumerate(link) if end not in nodes]
    for index, end in unknown:
        message = f"{quoted(end)} is no host and no switch of {topology.name}"
        document.report_at((*loc, index), message, nearest(end, nodes, else_list="nodes"))
    if not unknown:
        links = ", ".join(" - ".join(link.endpoints) for link in topology.links)
        message = f"{topology.name} has no link {' - '.join(link)}"
        document.report_at(loc, message, f"links: {links}")


def _check_workers(
    document: Document, sweep: Sweep, topology: Topology, placement: Placement, switch: str
) -> None:
    if sweep.variable != "workers":
        return
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
    for index, workers in enumerate(sweep.values):
        loc = (*_PLACES["workers"], index)
        if workers > most:
            message = f"{workers} workers: no room for {workers - present} more links at {peer}"
            document.report_at(loc, message, f"at most {most} workers on {topology.name}")
            continue
        demands = exchange_of(*with_workers(topology, placement, workers)).demands
        if why := unfit(demands, switch):
            document.report_at(loc, why)
        for port, _, least in short_queues(demands):
            document.report_at(loc, why_short(demands, port), least_text(least))
