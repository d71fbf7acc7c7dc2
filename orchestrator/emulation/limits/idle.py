"""Idle shares over time, so that a trial without idle time is known as one.

Of the whole machine, and of the thread that forwards the packets, where switches are a process:
with one such thread and two cores it can be at its end while half the machine is idle.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from types import TracebackType

from orchestrator.emulation.limits.sampling import Sampling
from orchestrator.emulation.limits.use import UseSampler

Sample = tuple[int, float]


def read_cpu_times(text: str) -> tuple[int, int]:
    """Idle and total ticks out of the first line of /proc/stat.

    Waiting for I/O counts as idle. Stolen time (the hypervisor ran another machine) counts as busy.
    Guest time is left out: the kernel has counted it in user time already.
    """
    fields = [int(field) for field in text.splitlines()[0].split()[1:9]]
    return fields[3] + fields[4], sum(fields)


def mean_idle(samples: Sequence[Sample], begin_ns: int, end_ns: int) -> float | None:
    """Mean idle share of the samples that lie within [begin, end] ns; None if there is none.

    A sample tells of the time since the one before.
    """
    spans = [
        (after - before, idle)
        for (before, _), (after, idle) in pairwise(samples)
        if before >= begin_ns and after <= end_ns
    ]
    total = sum(length for length, _ in spans)
    return sum(length * idle for length, idle in spans) / total if total else None


class IdleSampler(Sampling):
    """Samples /proc/stat four times a second on its own thread; a context manager.

    Attributes:
        samples: (monotonic clock in ns, idle share 0..1 since the sample before).
        switch_samples: the same of the busiest of the switches' threads; empty if there are none.
    """

    def __init__(
        self,
        read: Callable[[], str] = Path("/proc/stat").read_text,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        *,
        period: float = 0.25,
        threads: Callable[[], Mapping[int, float]] = dict,
        use: UseSampler | None = None,
        awake: Callable[[], float] = float,
    ) -> None:
        """Begin.

        Args:
            read: /proc/stat.
            clock_ns: monotonic.
            period: seconds between two samples.
            threads: reads the processor seconds of each of the switches' threads.
            use: samples whose the CPUs were, on the same thread.
            awake: CPU seconds so far of what keeps CPUs awake, which count as idle.
        """
        super().__init__("idle-sampler", period)
        self.samples: list[Sample] = []
        self.switch_samples: list[Sample] = []
        self._read = read
        self._clock_ns = clock_ns
        self._awake = awake
        self._before = self._cpu_times(read())
        self._use = use
        self._threads = threads
        self._threads_before: tuple[int, Mapping[int, float]] = 0, {}
        self._sample_switches()

    def sample(self, *, last: bool = False) -> None:
        """Take one sample now; `last`: none follows."""
        text = self._read()
        now = self._cpu_times(text)
        total = now[1] - self._before[1]
        if total > 0:
            # The kernel counts by its ticks, and what keeps CPUs awake is counted exactly.
            idle = min(1.0, (now[0] - self._before[0]) / total)
            self.samples.append((self._clock_ns(), idle))
            self._before = now
        self._sample_switches()
        if self._use is not None:
            self._use.sample(text, last=last)

    def _cpu_times(self, text: str) -> tuple[float, int]:
        idle, total = read_cpu_times(text)
        return idle + self._awake() * os.sysconf("SC_CLK_TCK"), total

    def _sample_switches(self) -> None:
        before_ns, before = self._threads_before
        now = self._threads()
        if not now:
            return
        now_ns = self._clock_ns()
        used = [now[thread] - before[thread] for thread in now if thread in before]
        if used:
            idle = 1 - max(used) * 1e9 / (now_ns - before_ns)
            # Ticks are coarse: a busy thread may seem to have had more than all of the time.
            self.switch_samples.append((now_ns, max(0.0, idle)))
        self._threads_before = now_ns, now

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, trace)
        # What is short ends between two samples.
        self.sample(last=True)
