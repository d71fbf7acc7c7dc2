"""Bytes over every link as time goes on, where switches see them, out of one small file."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, Self

from orchestrator.emulation.limits.sampling import Sampling
from orchestrator.records.network import LinkSamplesRecord

Side = Literal["received", "sent"]

PERIOD_SECONDS = 0.1
PORTS_PER_SECOND = 2000
"""Whose bytes are read: more than 200 are sampled more seldom, for that takes a CPU's time."""
MOST_SAMPLES = 4096
MOST_COUNTS = 256 * 1024
"""Of a trial, samples and what all of them count: a longer one is sampled more seldom."""


def device_bytes(text: str) -> dict[tuple[str, Side], int]:
    """Bytes by interface and side, out of /proc/net/dev."""
    byte_counts: dict[tuple[str, Side], int] = {}
    for line in text.splitlines():
        name, colon, counts = line.partition(":")
        if colon:
            fields = counts.split()
            byte_counts[name.strip(), "received"] = int(fields[0])
            byte_counts[name.strip(), "sent"] = int(fields[8])
    return byte_counts


class LinkSampler(Sampling):
    """Samples what ports have sent, on a separate thread; a context manager."""

    def __init__(
        self,
        places: Mapping[str, tuple[str, Side]],
        read: Callable[[], str] = Path("/proc/net/dev").read_text,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        period: float = PERIOD_SECONDS,
    ) -> None:
        """Begin.

        Args:
            places: by port, the interface where its bytes are counted, and on which side.
            read: /proc/net/dev of the switches.
            clock_ns: monotonic.
            period: seconds between two samples, at first.
        """
        super().__init__("link-sampler", max(period, len(places) / PORTS_PER_SECOND))
        self._places = places
        self._read = read
        self._clock_ns = clock_ns
        self._most = max(2, min(MOST_SAMPLES, MOST_COUNTS // max(1, len(places))))
        self._samples: list[tuple[int, ...]] = []

    def sample(self) -> None:
        """Take one sample now."""
        byte_counts = device_bytes(self._read())
        counts = (byte_counts.get(place, 0) for place in self._places.values())
        self._samples.append((self._clock_ns(), *counts))
        if len(self._samples) > self._most:
            self._samples = self._samples[::2]
            self._period *= 2

    def record(self) -> LinkSamplesRecord:
        """All samples; bytes count from the first one."""
        if not self._samples:
            return LinkSamplesRecord(ports=tuple(self._places), samples=(), period=self._period)
        _, *first = self._samples[0]
        samples = tuple(
            (t_ns, *(count - begin for count, begin in zip(counts, first, strict=True)))
            for t_ns, *counts in self._samples
        )
        return LinkSamplesRecord(ports=tuple(self._places), samples=samples, period=self._period)

    def __enter__(self) -> Self:
        self.sample()
        return super().__enter__()
