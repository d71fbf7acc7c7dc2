"""How full links were over time, from what the testbed sampled while a program ran."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from orchestrator.records.network import NetworkRecord

FULL_SHARE = 0.93
"""Of its rate, from which on a link is full. Interfaces count what TCP hands down at once with one
header, so that a full link shows 1448/1514 of its rate at the least."""


@dataclass(frozen=True)
class LinkUse:
    """How full one port was.

    Attributes:
        port: its name, `node->peer`.
        times: the ends of the spans that were looked at, monotonic ns.
        shares: of its rate, in each span.
        mean: over all of them.
        full: share of the time in which it was full.
    """

    port: str
    times: tuple[int, ...]
    shares: tuple[float, ...]
    mean: float
    full: float


def link_uses(network: NetworkRecord, begin_ns: int, end_ns: int) -> tuple[LinkUse, ...]:
    """How full every link was between two times, the fullest one first; none if nothing tells."""
    links = network.links
    if links is None:
        return ()
    rates = {port.port: port.rate_bps for port in network.ports}
    spans = [
        (before, after)
        for before, after in pairwise(links.samples)
        if before[0] >= begin_ns and after[0] <= end_ns and after[0] > before[0]
    ]
    if not spans:
        return ()
    uses = [
        _use(port, [(a[0], b[0], 8 * (b[place] - a[place])) for a, b in spans], rates[port])
        for place, port in enumerate(links.ports, start=1)
        if port in rates
    ]
    return tuple(sorted(uses, key=lambda use: -use.mean))


def _use(port: str, spans: Sequence[tuple[int, int, int]], rate_bps: int) -> LinkUse:
    shares = [bits / ((end - begin) / 1e9 * rate_bps) for begin, end, bits in spans]
    total = spans[-1][1] - spans[0][0]
    full = sum(
        end - begin for (begin, end, _), s in zip(spans, shares, strict=True) if s >= FULL_SHARE
    )
    return LinkUse(
        port=port,
        times=tuple(end for _, end, _ in spans),
        shares=tuple(shares),
        mean=sum(bits for _, _, bits in spans) / (total / 1e9 * rate_bps),
        full=full / total,
    )
