"""Whether the queues of a topology hold what TCP has on its way at the least."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.spec.files.validation import items, mapping
from orchestrator.spec.placement import Placement
from orchestrator.spec.topology import Topology
from orchestrator.spec.traffic.demands import Demands
from orchestrator.spec.traffic.graph import Port, ports
from orchestrator.spec.traffic.server_exchange import exchange_of
from orchestrator.spec.traffic.windows import least_queue_bytes
from orchestrator.spec.values.units import size_text
from orchestrator.spec.yaml.document import Document, Loc

_KIB = 1024


def short_queues(demands: Demands) -> Iterator[tuple[Port, int, int]]:
    """The ports whose queue holds too little, with the link's number and the least that works."""
    for number, port in enumerate(ports(demands.topology)):
        least = least_queue_bytes(demands, port)
        if port.queue_bytes < least:
            yield port, number // 2, least


def why_short(demands: Demands, port: Port) -> str:
    """Why a port's queue is too small, in words."""
    count = len(demands.through(port))
    workers = "one worker" if count == 1 else f"{count} workers"
    return (
        f"the queue of {port}, {size_text(port.queue_bytes)}, does not hold the TCP windows of "
        f"{workers}"
    )


def least_text(least: int) -> str:
    """The remedy."""
    return f"at least {-(-least // _KIB)} KiB"


def check_queues(document: Document, topology: Topology, placement: Placement) -> None:
    """Adds to a topology's problems the queues that hold too little, where they are written."""
    worst: dict[Loc, tuple[int, Port]] = {}
    demands = exchange_of(topology, placement.probed).demands
    for port, link, least in short_queues(demands):
        loc = _written(document, link, port)
        if loc not in worst or least > worst[loc][0]:
            worst[loc] = (least, port)
    for loc, (least, port) in worst.items():
        document.report_at(loc, why_short(demands, port), least_text(least))


def _written(document: Document, number: int, port: Port) -> Loc:
    """Where a port's queue is written, the nearest place first; else its link."""
    data = mapping(document.data)
    link = mapping(items(data.get("links"))[number])
    first, _ = link["endpoints"]
    direction = "forward" if port.node == first else "reverse"
    places: tuple[tuple[Loc, object], ...] = (
        (("links", number, direction), link.get(direction)),
        (("links", number), link),
        (("defaults", "link"), mapping(data.get("defaults")).get("link")),
    )
    for loc, shape in places:
        if "queue" in mapping(shape):
            return (*loc, "queue")
    return ("links", number)
