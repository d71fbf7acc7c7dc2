"""What limits an iteration at best, in words for tables and captions."""

from __future__ import annotations

from orchestrator.predict.bounds.lower import LowerBound

COMPUTE = "compute"


def limits(bound: LowerBound) -> str:
    """What is busy longest: `compute`, `link core - rack`, `links of workers` or `2 links`.

    Both directions of a link count as one.
    """
    if bound.seconds > bound.links_seconds:
        return COMPUTE
    if not bound.fullest:
        return "links of workers"
    names: dict[str, None] = {}
    of_workers = True
    for load in bound.fullest:
        ends = (load.port.node, load.port.peer)
        # As the traffic to the workers crosses it, so that both directions have one name.
        names[" - ".join(ends if load.direction == "pull" else ends[::-1])] = None
        of_workers &= not set(ends).isdisjoint(load.workers)
    if len(names) == 1:
        return f"link {next(iter(names))}"
    return "links of workers" if of_workers else f"{len(names)} links"
