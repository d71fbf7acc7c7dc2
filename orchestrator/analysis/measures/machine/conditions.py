"""What the testbed's own counters say of a trial, whatever ran in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from orchestrator.records.network import CapsRecord, NetworkRecord

_SECOND_NS = 0.95e9  # a second of samples, whose times waver a little


@dataclass(frozen=True)
class PortDrops:
    """Packets dropped at one port, and their share of all packets offered to it."""

    port: str
    drops: int
    share: float


@dataclass(frozen=True)
class HostUse:
    """What one host used of its caps.

    Attributes:
        cores: its CPU cap; None: not capped.
        throttled_share: of the measured time, how long the cap kept something on it from running;
            None: not recorded.
        memory_peak_bytes: emulated; None: not recorded.
        oom_kills: processes on it that were killed for memory.
    """

    host: str
    cores: float | None
    throttled_share: float | None
    memory_peak_bytes: int | None
    oom_kills: int


def drops_of(network: NetworkRecord) -> tuple[PortDrops, ...]:
    drops = []
    for port in network.ports:
        share = port.drops / (port.packets + port.drops) if port.drops else 0.0
        drops.append(PortDrops(port.port, port.drops, share))
        if lost := network.switch_input_drops.get(port.port, 0):
            # What was lost there had been sent, and counted, by the port.
            share = min(1.0, lost / max(1, port.packets))
            drops.append(PortDrops(f"{port.port} (input)", lost, share))
    return tuple(drops)


def host_use(name: str, caps: CapsRecord) -> HostUse:
    share = None
    if caps.measured is not None:
        # Summed over the CPUs, so that it can be more than the time.
        share = min(1.0, caps.measured.throttled_seconds / caps.measured.seconds)
    return HostUse(
        host=name,
        cores=caps.enforced.cores,
        throttled_share=share,
        memory_peak_bytes=caps.memory_peak_bytes,
        oom_kills=caps.oom_kills,
    )


def idle_within(
    samples: Sequence[tuple[int, float]], begin: int, end: int
) -> tuple[float, float] | tuple[None, None]:
    """Mean and worst idle share of the samples that lie within [begin, end] ns.

    A sample tells of the time since the one before, so the first of all tells of an unknown time
    and is left out. A window too short to hold a whole sample takes those that it touches.
    """
    spans = [(a, b, idle) for (a, _), (b, idle) in pairwise(samples) if b > a]
    within = [span for span in spans if span[0] >= begin and span[1] <= end]
    within = within or [span for span in spans if span[1] > begin and span[0] < end]
    if not within:
        return None, None
    return _weighted(within), min(map(_weighted, _seconds(within)))


_Span = tuple[int, int, float]


def _weighted(spans: Sequence[_Span]) -> float:
    return sum((b - a) * idle for a, b, idle in spans) / sum(b - a for a, b, _ in spans)


def _seconds(spans: Sequence[_Span]) -> list[Sequence[_Span]]:
    """Every run of spans that lasts a second; all of them where they last less together."""
    windows = []
    for first in range(len(spans)):
        for last in range(first, len(spans)):
            if spans[last][1] - spans[first][0] >= _SECOND_NS:
                windows.append(spans[first : last + 1])
                break
    return windows or [spans]
