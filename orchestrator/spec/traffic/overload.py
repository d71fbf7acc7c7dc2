"""Whether sources of traffic send more than their links carry (pure).

Such traffic can be run: too much of it may be the question. But who mistypes a rate expects
something else, so it is said before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from orchestrator.spec.topology import Topology
from orchestrator.spec.traffic.graph import Port, path
from orchestrator.spec.traffic.windows import FRAME_BYTES, PAYLOAD_BYTES
from orchestrator.spec.values.units import rate_text

_DATAGRAM_BYTES = 1472  # what a full frame carries over UDP


@dataclass(frozen=True)
class Source:
    """What sends.

    Attributes:
        name: of it.
        source: the host that it is at.
        destination: the host that it sends to.
        payload_bps: while it sends.
        waits: whether it waits for room, as TCP does.
    """

    name: str
    source: str
    destination: str
    payload_bps: float
    waits: bool


def overloads(topology: Topology, sources: Iterable[Source]) -> tuple[str, ...]:
    """In a line each, sources whose slowest link carries less than they send together.

    Sources that wait are looked at one by one: they share what there is.
    """
    found: dict[tuple[str, ...], tuple[float, str]] = {}
    for port, through in _by_port(topology, sources).items():
        for together in ([one for one in through if not one.waits], *([o] for o in through)):
            waits = any(one.waits for one in together)
            sent = sum(one.payload_bps for one in together)
            carried = port.rate_bps * (PAYLOAD_BYTES if waits else _DATAGRAM_BYTES) / FRAME_BYTES
            names = tuple(one.name for one in together)
            if sent <= carried or found.get(names, (carried + 1,))[0] <= carried:
                continue
            ending = "the rest waits" if waits else "the rest is lost"
            text = (
                f"{' and '.join(names)} {'sends' if len(names) == 1 else 'send'} {rate_text(sent)} "
                f"over {port}, which carries {rate_text(carried)} of {'TCP' if waits else 'UDP'}: "
                f"{ending}"
            )
            found[names] = (carried, text)
    return tuple(text for _, text in found.values())


def _by_port(topology: Topology, sources: Iterable[Source]) -> dict[Port, list[Source]]:
    crossed: dict[Port, list[Source]] = {}
    for one in sources:
        for port in path(topology, one.source, one.destination):
            crossed.setdefault(port, []).append(one)
    return crossed
