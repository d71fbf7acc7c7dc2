"""Which R a machine carries, decided from attempts (pure).

An attempt exchanges the workload's own traffic at one scale, in both directions at once and at full
speed, with strict priority between the workers, and says how much of the emulated rate got through,
how much of that the first worker had, and how idle the machine was. That is more than a trial asks
for, which also computes: a scale that passes has capacity to spare.

The exchange is looked at in several pieces, and each figure is the median of theirs: a machine that
others use as well has moments that say nothing of it. What others had of the CPUs is a part of the
record; where idle time is missing it counts as such, for links that were real without it will be so
with it. Trials say more than an exchange: their result outweighs it.

Priority is a part of it because a switch that is a process can bring a link's whole rate and yet be
what limits it: then packets wait before the switch, and not in the port's queues, where alone the
classes are. How busy that process is does not tell: it takes all of a core at half of the rate that
it carries, and batches more when it has more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from orchestrator.spec import AutoScale, Scale, rate_text

CANDIDATES = tuple(float(2**power) for power in range(13))
"""R from 1 to 4096: with the last one, 400 Gbit/s is what any machine carries."""
FAR_ABOVE = 2
"""Times what a machine delivered at a smaller R, where packets may be larger: not worth a try."""
NEEDED_SHARE = 0.95
"""Of what the bottleneck's emulated rate can deliver, in each direction."""
NEEDED_PRIORITY = 0.90
"""Of what strict priority owes the first worker while its data is on its way. Where the switch
gives no order it gets an equal part; where it does, a socket's buffer that is nearly empty, and the
kernel's ticks in which that time is counted, still take some percent on a busy machine."""
NEEDED_IDLE = 0.20
"""Idle share of the machine that `auto` leaves: below, the verdict calls figures doubtful."""
LEAST_BUSY = 0.5
"""Share of the time for which a first worker must have had data on its way: of a priority that is
seldom asked for nothing is known."""
LEAST_IDLE = 0.05
"""Idle share that a scale given by hand must leave: below, the verdict calls figures unusable."""


class Way(BaseModel):
    """One direction of an attempt.

    Attributes:
        rate_bps: the emulated rate of what limits it, as tc counts it.
        share: delivered payload over what that rate can deliver; 1 is all.
        first: what the first worker got over what its priority owes it; None where no port that it
            crosses is contended.
        busy: share of the time in which the first worker's data was on its way. When its sender
            wakes up late, a socket's buffer has run empty, and strict priority serves the others.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    rate_bps: int = Field(gt=0)
    share: Annotated[float, Field(ge=0)]
    first: Annotated[float, Field(ge=0)] | None
    busy: Annotated[float, Field(ge=0, le=1)] = 1.0

    @property
    def priority(self) -> float | None:
        """What the first worker got of what it is owed while there was anything to send."""
        return None if self.first is None else self.first / max(self.busy, LEAST_BUSY)


class Shown(BaseModel):
    """What the trials of a run at a scale have shown of it.

    Attributes:
        trials: how many.
        idle: the least idle share of them, on average over a trial.
        goodput: what the links carried over what their rate can deliver, of the worst.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    trials: Annotated[int, Field(ge=1)]
    idle: Annotated[float, Field(ge=0, le=1)]
    goodput: Annotated[float, Field(ge=0)]

    def text(self) -> str:
        """`6 trials: 98 % of the rates, 43 % idle`."""
        count = f"{self.trials} trial{'' if self.trials == 1 else 's'}"
        return f"{count}: {_percent(self.goodput)} of the rates, {_percent(self.idle)} idle"


class Attempt(BaseModel):
    """What came of one scale.

    Attributes:
        rates: R.
        pull: parameter server to workers.
        push: workers to parameter server.
        idle: share of the machine's CPUs.
        measured: when, ISO 8601 with time zone.
        disturbed: who had CPU time that the exchange would have needed, in words; or empty.
        taken: if so, the share of the CPUs that they had. The testbed would have left it idle.
        shown: by trials since.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    rates: Annotated[float, Field(ge=1)]
    pull: Way
    push: Way
    idle: Annotated[float, Field(ge=0, le=1)]
    measured: str
    disturbed: str = ""
    taken: Annotated[float, Field(ge=0)] = 0.0
    shown: Shown | None = None

    @property
    def share(self) -> float:
        """Delivered, of the worse direction."""
        return min(self.pull.share, self.push.share)

    @property
    def priority(self) -> float | None:
        """What the first worker got of what it is owed, in the worse direction."""
        known = [way.priority for way in (self.pull, self.push) if way.priority is not None]
        return min(known, default=None)

    @property
    def links_are_real(self) -> bool:
        """Whether the emulated links do what the topology says of them: rate and priority."""
        if self.shown:
            return self.shown.goodput >= NEEDED_SHARE
        ordered = self.priority is None or self.priority >= NEEDED_PRIORITY
        return self.share >= NEEDED_SHARE and ordered

    def carried(self, needed_idle: float) -> bool:
        """Whether both directions got through and the machine stayed as idle as needed."""
        return not self.short_of(needed_idle)

    @property
    def hopeless(self) -> bool:
        """Whether too little got through for what others had of the CPUs to be the reason.

        With all of their time the testbed would have carried more in that proportion, at the most.
        """
        return self.share < NEEDED_SHARE * (1 - self.taken)

    def sure(self, needed_idle: float) -> bool:
        """Whether it would come out like that again: nobody disturbed it, or it did not matter."""
        if not self.disturbed or self.hopeless:
            return True
        return self.carried(needed_idle) and self.idle >= needed_idle

    def short_of(self, needed_idle: float) -> tuple[str, ...]:
        """What is less than it must be, and by how much; nothing where the scale is carried."""
        if self.shown:
            figures = [("rate", self.shown.goodput, NEEDED_SHARE)]
        else:
            figures = [("rate", self.share, NEEDED_SHARE)]
            if self.priority is not None:
                figures.append(("priority", self.priority, NEEDED_PRIORITY))
        idle = self.shown.idle if self.shown else self.idle + self.taken
        figures.append(("idle time", idle, needed_idle))
        return tuple(
            f"{name} {_percent(reached)} of the {_percent(needed)} needed"
            for name, reached, needed in figures
            if reached < needed
        )

    def figures(self) -> str:
        """`98 % of 125 Mbit/s both ways, priority 99 %, 45 % idle`."""
        pull, push = self.pull, self.push
        if pull.rate_bps == push.rate_bps:
            got = f"{_percent(self.share)} of {rate_text(pull.rate_bps)} both ways"
        else:
            got = (
                f"{_percent(pull.share)} of {rate_text(pull.rate_bps)} pulled and "
                f"{_percent(push.share)} of {rate_text(push.rate_bps)} pushed"
            )
        first = "" if self.priority is None else f", priority {_percent(min(1.0, self.priority))}"
        disturbed = f" ({self.disturbed})" if self.disturbed else ""
        shown = f"; {self.shown.text()}" if self.shown else ""
        return f"{got}{first}, {_percent(self.idle)} idle{disturbed}{shown}"

    def when(self) -> str:
        """The time of measuring, to the minute."""
        return f"{self.measured[:16].replace('T', ' ')} UTC"


Attempts = Mapping[float, Attempt]
"""By R."""


@dataclass(frozen=True)
class ScaleQuery:
    """What is asked of the machine: R out of some, smallest first, and so much idle time.

    Attributes:
        rates: the candidates for R.
        time: D; None: the same as R.
        needed_idle: idle share that must be left.
    """

    rates: tuple[float, ...]
    time: float | None
    needed_idle: float

    def scale(self, rates: float) -> Scale:
        """R with the scale_query's D."""
        return AutoScale(self.time).at(rates)


@dataclass(frozen=True)
class Next:
    """This R must be tried."""

    rates: float


@dataclass(frozen=True)
class Chosen:
    """This is the R."""

    attempt: Attempt


@dataclass(frozen=True)
class NoScaleFits:
    """The machine carries none of the candidates; the attempts that say so."""

    attempts: tuple[Attempt, ...]


def decide(asked: ScaleQuery, attempts: Attempts) -> Next | Chosen | NoScaleFits:
    """What to do, given what is known."""
    failed: list[Attempt] = []
    worth_a_try = 0.0
    for rates in asked.rates:
        attempt = attempts.get(rates)
        if attempt is None:
            if rates < worth_a_try and rates != asked.rates[-1]:
                continue
            return Next(rates)
        if attempt.carried(asked.needed_idle):
            return Chosen(attempt)
        failed.append(attempt)
        if attempt.share > 0 and not attempt.disturbed:
            worth_a_try = max(worth_a_try, rates / (FAR_ABOVE * attempt.share))
    return NoScaleFits(tuple(failed))


def needs(asked: ScaleQuery) -> str:
    """What an attempt is held against."""
    share, priority = _percent(NEEDED_SHARE), _percent(NEEDED_PRIORITY)
    return (
        f"needed are {share} of the rates, priority {priority}, {_percent(asked.needed_idle)} idle"
    )


def forced_level(attempt: Attempt) -> Literal["doubtful", "unusable"]:
    """What becomes of figures at a scale that the machine does not carry.

    Links that do not deliver their rate are not the links that the figures claim; a busy machine
    is for each trial's own records to tell.
    """
    return "doubtful" if attempt.links_are_real else "unusable"


def listed(attempts: Iterable[Attempt]) -> str:
    """Attempts in one line."""
    return "; ".join(f"R = {attempt.rates:g}: {attempt.figures()}" for attempt in attempts)


def by_rates(attempts: Sequence[Attempt]) -> dict[float, Attempt]:
    """Attempts by R; of equals the last."""
    return {attempt.rates: attempt for attempt in attempts}


def _percent(share: float) -> str:
    # Down, so that 94.9 % is never shown as the 95 % that it is held against.
    return f"{int(100 * share + 1e-9)} %"
