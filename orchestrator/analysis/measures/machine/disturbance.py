"""Whose the CPUs were during a trial, and whether others disturbed it (pure).

A trial is disturbed if other programs or the hypervisor took CPU time that it would have needed as
idle time, or so much that its processes must have waited for them. What the hypervisor takes counts
sooner: the kernel counts only time for which a process was ready, so all of it is delay, however
idle the machine is. The trial's figure is not looked at: a repeat that was chosen by what it
measured would be no measurement.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from orchestrator.records.network import UseRecord

NO_IDLE_MEAN = 0.05
"""A machine busier than that was the bottleneck, not the network that it emulated."""
LOW_IDLE_MEAN = 0.20
"""With less, a burst of load anywhere on the machine delays packets."""
LOW_IDLE_WORST = 0.05
"""One saturated second can hold up an iteration, and the others wait at the barrier."""
NOTICED = 0.05
"""Share of the machine that others must have in a second to be named; less is its housekeeping."""
MUCH = 0.25
"""Of the machine, on average over a trial: with so much of it gone, processes wait in turn."""
WITHHELD_CORES = 0.05
"""By the hypervisor, on average over a trial. Seen: 0.25 cores made a figure a tenth smaller."""

_Span = tuple[int, int, float]


@dataclass(frozen=True)
class Taken:
    """CPU that others took, over the seconds in which they took a noticeable part.

    Attributes:
        cores: on average over these seconds.
        seconds: how many.
    """

    cores: float
    seconds: float


NOTHING = Taken(0.0, 0.0)


@dataclass(frozen=True)
class Use:
    """Whose the CPUs were over the measured iterations; all on average, in cores.

    Attributes:
        cores: of the machine.
        testbed: what its processes had.
        others: what other programs had.
        hypervisor: what the machine itself did not get.
        by_others: the seconds with other programs.
        by_hypervisor: the seconds in which the hypervisor withheld something.
        saturated_seconds: seconds without idle time of which others had a noticeable part.
    """

    cores: int
    testbed: float
    others: float
    hypervisor: float
    by_others: Taken = NOTHING
    by_hypervisor: Taken = NOTHING
    saturated_seconds: float = 0.0

    @property
    def taken_share(self) -> float:
        """Of the machine, what the testbed could not have."""
        return (self.others + self.hypervisor) / self.cores

    def text(self) -> str:
        """`other programs used 0.9 of 2 cores for 31 s, the hypervisor took 12 % for 8 s`."""
        parts = []
        if self.by_others.seconds:
            taken = self.by_others
            parts.append(
                f"other programs used {taken.cores:.1f} of {_cores(self.cores)} "
                f"for {_seconds(taken.seconds)}"
            )
        if self.by_hypervisor.seconds:
            taken = self.by_hypervisor
            share = 100 * taken.cores / self.cores
            parts.append(f"the hypervisor took {share:.0f} % for {_seconds(taken.seconds)}")
        return ", ".join(parts)


def use_within(
    record: UseRecord | None, idle: Sequence[tuple[int, float]], begin: int, end: int
) -> Use | None:
    """Whose the CPUs were in [begin, end] ns; None if it was not recorded then.

    Args:
        record: what was sampled.
        idle: (monotonic ns, idle share since the sample before).
        begin: start of the measured iterations, monotonic ns.
        end: end of the measured iterations, monotonic ns.
    """
    if record is None:
        return None
    # A sample at an end counts by how much of it is inside.
    spans = [
        (max(a, begin), min(b, end), used)
        for (a, *_), (b, *used) in pairwise(record.samples)
        if min(b, end) > max(a, begin)
    ]
    total = sum(b - a for a, b, _ in spans)
    if not total:
        return None
    testbed, others, hypervisor = (
        sum((b - a) * used[who] for a, b, used in spans) / total for who in range(3)
    )
    idle_spans = [(a, b, share) for (a, _), (b, share) in pairwise(idle)]
    saturated = sum(
        b - a
        for a, b, used in spans
        if used[1] + used[2] >= 2 * NOTICED * record.cores
        and _mean_within(idle_spans, a, b) < LOW_IDLE_WORST
    )
    return Use(
        record.cores,
        testbed,
        others,
        hypervisor,
        by_others=_taken([(a, b, used[1]) for a, b, used in spans], record.cores),
        by_hypervisor=_taken([(a, b, used[2]) for a, b, used in spans], record.cores),
        saturated_seconds=saturated / 1e9,
    )


def disturbances(use: Use | None, idle_mean: float | None) -> tuple[str, ...]:
    """What disturbed a trial, in words; empty if nothing did, or if it is not known.

    Args:
        use: whose the CPUs were.
        idle_mean: idle share of the machine over the same time.
    """
    if use is None or idle_mean is None or not use.text():
        return ()
    missed = idle_mean < LOW_IDLE_MEAN <= idle_mean + use.taken_share
    withheld = use.hypervisor >= WITHHELD_CORES
    if missed or withheld or use.saturated_seconds or use.taken_share >= MUCH:
        return (use.text(),)
    return ()


def _taken(spans: Iterable[_Span], cores: int) -> Taken:
    noticed = [span for span in spans if span[2] >= NOTICED * cores]
    total = sum(b - a for a, b, _ in noticed)
    if not total:
        return NOTHING
    return Taken(sum((b - a) * used for a, b, used in noticed) / total, total / 1e9)


def _mean_within(spans: Sequence[_Span], begin: int, end: int) -> float:
    """Mean over [begin, end]; 1 where nothing is known."""
    inside = [
        (min(b, end) - max(a, begin), share) for a, b, share in spans if a < end and b > begin
    ]
    total = sum(length for length, _ in inside)
    return sum(length * share for length, share in inside) / total if total else 1.0


def _cores(count: int) -> str:
    return f"{count} core{'' if count == 1 else 's'}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds >= 9.95 else f"{seconds:.1f} s"
