"""Waits, for a while, until other programs leave the machine to the testbed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from orchestrator.analysis.measures.machine.disturbance import MUCH
from orchestrator.emulation.limits.use import UseSampler, use_record

WAIT_SECONDS = 30.0
"""At most: what lasts longer may stay, and then a figure with its verdict is better than none."""
LOOK_SECONDS = 1.05  # a little longer than a sampler's own period
_QUIET_LOOKS = 2  # one alone may have met a pause


def wait_until_quiet(
    say: Callable[[str], None],
    *,
    sampler: UseSampler | None = None,
    sleep: Callable[[float], None] = time.sleep,
    stat: Callable[[], str] = Path("/proc/stat").read_text,
) -> bool:
    """Wait until others use so little that they disturb no trial.

    To be called while nothing runs on the testbed.

    Args:
        say: shows one line before it waits.
        sampler: looks whose the CPUs are.
        sleep: lets seconds pass.
        stat: reads /proc/stat.

    Returns:
        Whether the machine is quiet, as far as one can see.
    """
    sampler = sampler or UseSampler()
    sampler.sample(stat())
    quiet, announced = 0, False
    for _ in range(int(WAIT_SECONDS / LOOK_SECONDS)):
        sleep(LOOK_SECONDS)
        sampler.sample(stat())
        if not sampler.samples:
            return True
        cores = use_record(()).cores
        used = sampler.samples[-1]
        busy = used.others + used.hypervisor >= MUCH * cores
        quiet = 0 if busy else quiet + 1
        if quiet == _QUIET_LOOKS:
            return True
        if busy and not announced:
            announced = True
            say(
                f"waiting for a quiet machine, at most {WAIT_SECONDS:.0f} s: others use "
                f"{used.others + used.hypervisor:.1f} of {cores} cores"
            )
    return False
