"""Measures once more what others may have spoilt: calibrations, the goodput before the trials."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from orchestrator.analysis.measures.machine.disturbance import disturbances, use_within
from orchestrator.emulation.limits.awake import Awake
from orchestrator.emulation.limits.idle import IdleSampler, mean_idle
from orchestrator.emulation.limits.use import UseSampler, use_record
from orchestrator.records.network import UseRecord
from orchestrator.session.store.quiet import wait_until_quiet

TIMES = 3
"""At most, and more than once only if it failed while others disturbed it."""

Result = TypeVar("Result")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Made(Generic[Result]):
    """What was measured, whether it is as it should be, and who disturbed it."""

    result: Result
    good: bool
    disturbed: str


def undisturbed(
    attempt: Callable[[], Made[Result]],
    say: Say,
    *,
    times: int = TIMES,
    wait: Callable[[Say], bool] = wait_until_quiet,
) -> Made[Result]:
    """Measure until it is good, or until it is not and nobody disturbed it.

    Returns:
        What was measured last. After `times` attempts it may still have been disturbed.
    """
    for number in range(1, times + 1):
        made = attempt()
        if made.good or not made.disturbed:
            break
        if number < times:
            say(f"disturbed: {made.disturbed}; once more")
            wait(say)
    return made


class Watch:
    """Watches whose the CPUs are while something short is measured; a context manager.

    It keeps some awake meanwhile, as in a trial.
    """

    def __init__(self, awake: tuple[int, ...]) -> None:
        """Begin; `awake`: the CPUs that are kept awake."""
        self._awake = Awake(awake)

    def __enter__(self) -> Watch:
        self._use = UseSampler()
        self._awake.__enter__()
        self._idle = IdleSampler(period=0.1, use=self._use, awake=self._awake.used_seconds)
        self._idle.__enter__()
        return self

    def __exit__(self, *ended: object) -> None:
        self._idle.__exit__(None, None, None)
        self._awake.__exit__(None, None, None)

    @property
    def idle(self) -> list[tuple[int, float]]:
        """(monotonic ns, idle share since the sample before)."""
        return self._idle.samples

    @property
    def use(self) -> UseRecord:
        """Whose the CPUs were."""
        return use_record(self._use.samples)

    def disturbed(self) -> str:
        """Who had CPU time that was needed, over the whole time; empty if nobody had."""
        if not self.idle:
            return ""
        begin, end = self.idle[0][0], self.idle[-1][0]
        idle = mean_idle(self.idle, begin, end)
        return "; ".join(disturbances(use_within(self.use, self.idle, begin, end), idle))
