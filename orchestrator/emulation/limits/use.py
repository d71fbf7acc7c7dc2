"""Whose the CPUs were, second by second: the testbed's, other programs' or the hypervisor's.

What is left was idle, or went into the kernel's own work, which on a quiet machine is to carry the
testbed's packets.

A container sees its own processes only, but /proc/stat has the whole machine's time. Of that, what
was spent in programs' own code, and by none that can be seen, is other programs', too. What such
programs had in the kernel cannot be told from the kernel's own work, and is left out.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from orchestrator.emulation.box.processes import ProcessReader, Seen, used_seconds
from orchestrator.records.network import UseRecord

LOOK_SECONDS = 1.0
"""Between two looks at all processes."""
LAST_SECONDS = 0.2
"""Of the last look, at least: in less, the kernel's ticks are too coarse."""
LOOKING_SHARE = 0.02
"""Of one core, at most, for these looks: a machine may have thousands of processes."""
UNSEEN_SHARE = 0.05
"""Of the machine; less is the kernel's coarse count: at its ticks it looks whose turn it is."""


class Use(NamedTuple):
    """How many cores each had since the sample before."""

    t_ns: int
    testbed: float
    others: float
    hypervisor: float


def use_record(samples: Sequence[Use]) -> UseRecord:
    """For a trial's network.json."""
    return UseRecord(
        cores=os.cpu_count() or 1,
        samples=tuple(
            (
                used.t_ns,
                round(used.testbed, 3),
                round(used.others, 3),
                round(used.hypervisor, 3),
            )
            for used in samples
        ),
    )


def read_stolen_seconds(text: str) -> float:
    """What the hypervisor has withheld since the start, over all CPUs, out of /proc/stat."""
    return int(text.splitlines()[0].split()[8]) / os.sysconf("SC_CLK_TCK")


def read_user_seconds(text: str) -> float:
    """What programs have had in their own code since the start, out of /proc/stat."""
    user, nice = map(int, text.splitlines()[0].split()[1:3])
    return (user + nice) / os.sysconf("SC_CLK_TCK")


class _Look(NamedTuple):
    t_ns: int
    seen: Seen
    stolen: float
    user: float


class UseSampler:
    """Takes a sample about once a second, if it is asked as often.

    Attributes:
        samples: so far; empty where the machine's processes cannot be seen. The first has no use:
            it says when the second one's time began.
    """

    def __init__(
        self,
        processes: Callable[[], Seen | None] | None = None,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Begin; `processes` looks at all of them."""
        self.samples: list[Use] = []
        self._processes = processes or ProcessReader()
        self._clock_ns = clock_ns
        self._before: _Look | None = None
        self._look_again_ns = 0
        self._last_due_ns = 0

    def sample(self, stat: str, *, last: bool = False) -> None:
        """Take a sample if it is time for one.

        Args:
            stat: /proc/stat as it is now.
            last: none follows, so that an earlier look is better than none.
        """
        now_ns = self._clock_ns()
        due_ns = self._last_due_ns if last else self._look_again_ns
        if now_ns < due_ns or (seen := self._processes()) is None:
            return
        now = _Look(now_ns, seen, read_stolen_seconds(stat), read_user_seconds(stat))
        before = self._before
        self.samples.append(Use(now_ns, 0, 0, 0) if before is None else _between(before, now))
        self._before = now
        took = self._clock_ns() - now_ns
        pause = max(round(LOOK_SECONDS * 1e9), round(took / LOOKING_SHARE))
        self._look_again_ns = now_ns + pause
        self._last_due_ns = now_ns + round(LAST_SECONDS * 1e9)


def _between(before: _Look, now: _Look) -> Use:
    seconds = (now.t_ns - before.t_ns) / 1e9
    unseen = now.user - before.user - used_seconds(before.seen.user, now.seen.user)
    if unseen < UNSEEN_SHARE * seconds * (os.cpu_count() or 1):
        unseen = 0.0
    return Use(
        now.t_ns,
        used_seconds(before.seen.testbed, now.seen.testbed) / seconds,
        (used_seconds(before.seen.others, now.seen.others) + unseen) / seconds,
        (now.stolen - before.stolen) / seconds,
    )
