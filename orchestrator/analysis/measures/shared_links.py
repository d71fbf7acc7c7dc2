"""What links that several jobs share carried in the measured time, by the counters of their ports.

Samples of interfaces say when bytes crossed a port, but count what the kernel hands on at once with
one header. tc counts all headers, but only before and after a trial. So samples say which share of
a trial's bytes crossed in a time, and tc how much payload those were.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from orchestrator.predict import goodput_bps, shared_ports
from orchestrator.records.network import NetworkRecord, PortRecord
from orchestrator.spec import Experiment

HEADER_BYTES = 66
"""Of a TCP segment in its frame: Ethernet, IPv4, and TCP with timestamps."""


@dataclass(frozen=True)
class LinkGoodput:
    """What one direction of a link carried.

    Attributes:
        port: its sending end, `node->peer`.
        bps: payload in bit/s of the real system.
        share: of what it can carry.
    """

    port: str
    bps: float
    share: float


def link_goodputs(
    network: NetworkRecord, begin_ns: int, end_ns: int, rates: float
) -> tuple[LinkGoodput, ...]:
    """What every link carried between two moments; none if nobody sampled them.

    Args:
        network: of a trial.
        begin_ns: monotonic.
        end_ns: after it.
        rates: R.
    """
    links = network.links
    if links is None or len(links.samples) < 2:
        return ()
    ports = {port.port: port for port in network.ports}
    times = [sample[0] for sample in links.samples]
    carried = []
    for place, name in enumerate(links.ports, start=1):
        if name not in ports:
            continue
        port, counts = ports[name], [sample[place] for sample in links.samples]
        inside = _at(times, counts, end_ns) - _at(times, counts, begin_ns)
        payload = inside / counts[-1] * _payload(port) if counts[-1] else 0.0
        bps = 8 * payload / ((end_ns - begin_ns) / 1e9)
        carried.append(LinkGoodput(name, bps * rates, bps / goodput_bps(port.rate_bps)))
    return tuple(carried)


def _payload(port: PortRecord) -> int:
    """Bytes that it sent in a trial without headers; acknowledgements have none."""
    return max(0, port.bytes - HEADER_BYTES * port.packets)


def _at(times: Sequence[int], counts: Sequence[int], moment: int) -> float:
    """What had been counted at a moment, in proportion between two samples."""
    after = bisect_right(times, moment)
    if not after:
        return float(counts[0])
    if after == len(times):
        return float(counts[-1])
    before = after - 1
    passed = (moment - times[before]) / (times[after] - times[before])
    return counts[before] + passed * (counts[after] - counts[before])


class SharedLinks:
    """Which links the jobs of an experiment share.

    Args:
        experiment: as run.json holds it.
    """

    def __init__(self, experiment: Mapping[str, Any]) -> None:
        self._known: dict[str, frozenset[str]] = {}
        self._experiment: Experiment | None = None
        if experiment.get("jobs"):
            # One of a version that this one cannot read has none.
            with suppress(KeyError, TypeError, ValueError):
                self._experiment = Experiment.from_resolved(experiment)

    def of(self, links: Iterable[LinkGoodput], schedule: str) -> tuple[LinkGoodput, ...]:
        """Those of the links that are shared under a schedule."""
        if self._experiment is None:
            return ()
        if schedule not in self._known:
            self._known[schedule] = frozenset(shared_ports(self._experiment, schedule))
        return tuple(link for link in links if link.port in self._known[schedule])
