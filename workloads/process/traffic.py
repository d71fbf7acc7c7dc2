"""The section of a source of traffic and of its receiver, checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal, Self, get_args

from workloads.errors import JobError
from workloads.process import checks
from workloads.process.job import Job
from workloads.schedule.arrivals import PATTERN_KINDS, SIZE_KINDS, Pattern, Sizes, sizes_of

Transport = Literal["tcp", "udp"]
TRANSPORTS: tuple[Transport, ...] = get_args(Transport)

DATAGRAM_BYTES = 1472
"""The payload of a datagram that fills a packet: 1500 bytes less the headers of IP and UDP."""
WINDOW_SECONDS = 0.1
"""Of the real system: for how long each record counts what was offered, or arrived."""
LEAST_WINDOW_NS = 20_000_000
"""On the clock: what a smaller one would count is when processes woke up."""

_MOST_SIZES = 1000


def _one_of(names: tuple[str, ...]) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if value not in names:
            raise ValueError(f"must be one of {', '.join(names)}")
        return str(value)

    return check


def _sizes(value: Any) -> Sizes:
    section = checks.mapping(value)
    keys = {
        "kind": _one_of(SIZE_KINDS),
        "values": checks.listed(checks.positive, 1, _MOST_SIZES, "sizes"),
        "shape": checks.positive,
    }
    values, problems = checks.checked(section, keys)
    if problems:
        raise ValueError("; ".join(problems))
    return sizes_of(**values)


def _pattern(value: Any) -> Pattern:
    section = checks.mapping(value)
    keys = {
        "kind": _one_of(PATTERN_KINDS),
        "rate_bps": checks.positive,
        "sizes": _sizes,
        "on_seconds": checks.positive,
        "off_seconds": checks.number,
    }
    values, problems = checks.checked(section, keys)
    if problems:
        raise ValueError("; ".join(problems))
    return Pattern(**values)


def _seconds(value: Any) -> float | None:
    return None if value is None else checks.positive(value)


@dataclass(frozen=True, kw_only=True)
class SinkJob(Job):
    """What the receiver of traffic is told.

    Attributes:
        transport: `tcp` or `udp`.
        rates: R.
        time: D.
    """

    keys: ClassVar[Mapping[str, checks.Check]] = {
        "transport": _one_of(TRANSPORTS),
        "scale": checks.scale,
    }

    transport: Transport
    rates: float
    time: float

    @classmethod
    def of(cls, job: Job) -> Self:
        """Check a job's section.

        Raises:
            JobError: carries all problems, as `section.key: message`.
        """
        values, problems = checks.checked(job.section, cls.keys, "section.")
        if problems:
            raise JobError(problems)
        values["rates"], values["time"] = values.pop("scale")
        envelope = {each.name: getattr(job, each.name) for each in fields(Job)}
        return cls(**envelope, **values)

    @property
    def window_ns(self) -> int:
        """How long each record counts, on the clock."""
        return max(LEAST_WINDOW_NS, round(WINDOW_SECONDS * self.time * 1e9))


@dataclass(frozen=True, kw_only=True)
class GeneratorJob(SinkJob):
    """What a source of traffic is told.

    Attributes:
        pattern: when it sends how much, in the real system.
        repeat: of the trial; another one has other arrivals.
        seconds: how long it sends, on the clock; None: until it is ended.
    """

    keys: ClassVar[Mapping[str, checks.Check]] = {
        **SinkJob.keys,
        "pattern": _pattern,
        "repeat": checks.whole(0, 1 << 20),
        "seconds": _seconds,
    }

    pattern: Pattern
    repeat: int
    seconds: float | None

    @property
    def chance(self) -> str:
        """The seed of its arrivals."""
        return f"{self.seed} {self.repeat}"
