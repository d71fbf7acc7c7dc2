"""When a source of traffic sends how much: a schedule that its seed decides (pure).

Times and bytes are the real system's. `scaled` makes the emulation's of them: bytes x D/R at times
x D, which is the rate / R.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, NamedTuple, get_args

SizeKind = Literal["constant", "exponential", "pareto", "list"]
PatternKind = Literal["constant", "on-off", "poisson"]
SIZE_KINDS: tuple[SizeKind, ...] = get_args(SizeKind)
PATTERN_KINDS: tuple[PatternKind, ...] = get_args(PatternKind)

DEFAULT_BYTES = 64 * 1024
DEFAULT_SHAPE = 1.5


@dataclass(frozen=True)
class Sizes:
    """How large messages are.

    Attributes:
        kind: all the same; exponential; Pareto, of which few are very large; or those of a list,
            each as likely as the others.
        values: one mean in bytes; of a list all sizes.
        shape: of Pareto, above 1: the smaller, the more of all bytes are in few messages.
    """

    kind: SizeKind = "constant"
    values: tuple[float, ...] = (float(DEFAULT_BYTES),)
    shape: float = DEFAULT_SHAPE

    @property
    def mean(self) -> float:
        """In bytes."""
        return sum(self.values) / len(self.values)

    def drawn(self, chance: random.Random) -> float:
        """The size of the next message, in bytes; more than 0."""
        if self.kind == "exponential":
            return chance.expovariate(1 / self.mean)
        if self.kind == "pareto":
            return self.mean * (self.shape - 1) / self.shape * chance.paretovariate(self.shape)
        if self.kind == "list":
            return chance.choice(self.values)
        return self.mean


@dataclass(frozen=True)
class Pattern:
    """When messages are sent.

    Attributes:
        kind: `constant`: one after the other at the rate; `on-off`: so for `on_seconds`, then
            nothing for `off_seconds`; `poisson`: at random, independently of each other.
        rate_bps: payload in bit/s; of `on-off` while it is on, of `poisson` on average.
        sizes: of messages.
        on_seconds: of `on-off`: how long it sends without a pause.
        off_seconds: of `on-off`: the pause between two such times.
    """

    kind: PatternKind
    rate_bps: float
    sizes: Sizes = Sizes()
    on_seconds: float = 1.0
    off_seconds: float = 1.0

    @property
    def mean_bps(self) -> float:
        """Payload in bit/s, on average over a long time."""
        if self.kind != "on-off":
            return self.rate_bps
        return self.rate_bps * self.on_seconds / (self.on_seconds + self.off_seconds)


class Arrival(NamedTuple):
    """A message to send: when, in seconds from the begin, and how many bytes."""

    at: float
    bytes: float


def arrivals(pattern: Pattern, seed: str) -> Iterator[Arrival]:
    """All messages of a source in the order of their times, without end.

    Args:
        pattern: of the source.
        seed: another one makes other times and sizes.
    """
    chance = random.Random(seed)
    if pattern.kind == "poisson":
        gap = 8 * pattern.sizes.mean / pattern.rate_bps
        at = 0.0
        while True:
            at += chance.expovariate(1 / gap)
            yield Arrival(at, pattern.sizes.drawn(chance))
    at_time = _on_off(pattern) if pattern.kind == "on-off" else _same
    bits = 0.0
    while True:
        size = pattern.sizes.drawn(chance)
        yield Arrival(at_time(bits / pattern.rate_bps), size)
        bits += 8 * size


def _same(busy: float) -> float:
    return busy


def _on_off(pattern: Pattern) -> Callable[[float], float]:
    """From seconds for which it has been on to seconds from the begin."""

    def at(busy: float) -> float:
        return busy + busy // pattern.on_seconds * pattern.off_seconds

    return at


def scaled(real: Iterator[Arrival], rates: float, time: float) -> Iterator[tuple[int, int]]:
    """The emulation's messages: (nanoseconds from the begin, bytes).

    What is left of a byte goes to the next message, so that the rate is exact.

    Args:
        real: the real system's.
        rates: R.
        time: D.
    """
    factor = float(Fraction(repr(float(time))) / Fraction(repr(float(rates))))
    total, sent = 0.0, 0
    for one in real:
        total += one.bytes * factor
        whole = int(total)
        if whole > sent:
            yield round(one.at * time * 1e9), whole - sent
            sent = whole


def offered_bytes(pattern: Pattern, seed: str, seconds: float) -> float:
    """What a source asks for in its first seconds, in bytes; both the real system's."""
    total = 0.0
    for one in arrivals(pattern, seed):
        if one.at >= seconds:
            return total
        total += one.bytes
    return total


def sizes_of(kind: SizeKind, values: Sequence[float], shape: float) -> Sizes:
    """Sizes, checked.

    Raises:
        ValueError: they cannot be.
    """
    if not values or any(not one > 0 for one in values):
        raise ValueError("sizes must be more than 0 bytes")
    if kind != "list" and len(values) != 1:
        raise ValueError(f"{kind} sizes have one mean")
    if kind == "pareto" and not shape > 1:
        raise ValueError("a Pareto distribution has a mean only if its shape is above 1")
    return Sizes(kind, tuple(map(float, values)), shape)
