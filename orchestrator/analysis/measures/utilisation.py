"""How full the bottleneck is, over time: from the slices that arrived behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.analysis.measures.bound_share import exchange_in
from orchestrator.analysis.reading.spans import Span, TrialSpans
from orchestrator.errors import RunError
from orchestrator.predict import bottleneck, goodput_bps
from orchestrator.spec import WAYS, Way

BIN_NS = 10_000_000
"""Emulated nanoseconds."""

WORDS: Mapping[Way, str] = {"pull": "pulls", "push": "pushes"}


@dataclass(frozen=True)
class Full:
    """What 100 % is.

    Attributes:
        ports: the bottleneck of a direction: `node->peer`, several of them added up.
        bits_per_sec: emulated payload that they carry.
    """

    ports: tuple[str, ...]
    bits_per_sec: float


def full(
    experiment: Mapping[str, Any], rates: float, servers: Iterable[str] = ()
) -> dict[Way, Full]:
    """The bottleneck of each direction; of several servers, of all of them together.

    Args:
        experiment: the resolved experiment, as run.json holds it.
        rates: R.
        servers: the parameter servers that took part; none: the first one.

    Raises:
        RunError: the run does not say on what topology it ran.
    """
    exchange = exchange_in(experiment)
    if exchange is None:
        raise RunError("run.json: no topology that this version can read")
    bottlenecks: dict[Way, Full] = {}
    for way in WAYS:
        ports = dict.fromkeys(
            port
            for server in tuple(servers) or exchange.servers[:1]
            for port in bottleneck(replace(exchange, server=server), way).ports
        )
        rate_bps = sum(port.rate_bps for port in ports)
        bottlenecks[way] = Full(tuple(map(str, ports)), goodput_bps(rate_bps) / rates)
    return bottlenecks


def utilisation(
    spans: TrialSpans, way: Way, what: Full, begin: int, end: int
) -> NDArray[np.float64]:
    """Percent per bin of BIN_NS from `begin` to `end`, both in monotonic ns.

    A slice's bytes are spread evenly over the time in which they were received: pulls by the
    workers, pushes by the parameter server. What lay in buffers can make a bin fuller than 100 %.
    """
    bits = np.zeros(max(1, -(-(end - begin) // BIN_NS)))
    for received in _received(spans, way):
        for span in received:
            _spread(bits, spans.slices[span.number].bytes * 8, span.begin - begin, span.end - begin)
    return bits / (what.bits_per_sec * BIN_NS / 1e9) * 100


def _received(spans: TrialSpans, way: Way) -> Iterable[tuple[Span, ...]]:
    return (worker.received for worker in spans.workers) if way == "pull" else spans.received


def _spread(bins: NDArray[np.float64], amount: float, begin: int, end: int) -> None:
    """Add an amount that came between two moments (ns) to the bins; what is outside is left out."""
    first, last = begin // BIN_NS, max(begin, end - 1) // BIN_NS
    if last < 0 or first >= len(bins):
        return
    if first == last:
        bins[first] += amount
        return
    for number in range(max(0, first), min(last, len(bins) - 1) + 1):
        inside = min(end, (number + 1) * BIN_NS) - max(begin, number * BIN_NS)
        bins[number] += amount * inside / (end - begin)
