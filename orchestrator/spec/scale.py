"""The scale model: how a real system's rates, times and bytes become the emulation's.

R divides rates and D stretches time, so a byte count scales by D/R: a link R times slower then
carries it in D times the time. R = D = 1 is the real thing. imgs/sec are reported in the real
system's time: a run that is stretched D times shows 1/D of them.

`Scale` is R and D. `AutoScale` is D alone: R is still to be found out on the machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Final

AUTO: Final = "auto"
MAX_RATES = 10**6
MIN_TIME = 10**-3
MAX_TIME = 10**3


def _exact(number: float) -> Fraction:
    # 0.1 means one tenth, as it was written, and not the binary number beside it: otherwise
    # ceil(10 * 0.1) is 2.
    return Fraction(repr(number))


MAX_BUFFER_BYTES = 1 << 30
"""Of a socket: what the kernel can double, in an int."""

# The MTU does not scale, and TCP needs windows of several packets. A send buffer of eleven full
# frames (the kernel keeps twice what is asked, and counts its own overhead in it); a receive buffer
# that holds a 64 KB burst with that overhead, or the kernel drops what it has just received and the
# sender waits for a timer; a queue for the windows of eight connections.
MIN_SEND_BUFFER_BYTES = 16 * 1024
MIN_RECEIVE_BUFFER_BYTES = 128 * 1024
MIN_QUEUE_BYTES = 8 * MIN_SEND_BUFFER_BYTES
# What the kernel hands down at once of a connection without delays: 64 KB in segments of 1448.
BURST_SEGMENTS = 45


@dataclass(frozen=True)
class Scale:
    """R and D of the emulation.

    Attributes:
        rates: R, at least 1; rates are divided by it.
        time: D, from 0.001 to 1000; times are multiplied by it.

    Raises:
        ValueError: R or D is out of range or not finite.
    """

    rates: float = 1.0
    time: float = 1.0

    def __post_init__(self) -> None:
        if not 1 <= self.rates <= MAX_RATES:
            raise ValueError(f"R (rates) must be from 1 to {MAX_RATES}, found {self.rates:g}")
        if not MIN_TIME <= self.time <= MAX_TIME:
            raise ValueError(
                f"D (time) must be from {MIN_TIME:g} to {MAX_TIME}, found {self.time:g}"
            )
        # So that two ways to write one scale are equal and have one digest.
        object.__setattr__(self, "rates", float(self.rates))
        object.__setattr__(self, "time", float(self.time))

    def option(self) -> str:
        """The scale as `--scale` takes it, exactly."""
        return f"{self.rates!r},{self.time!r}"

    def at(self, rates: float) -> Scale:
        """The scale with that R, and this D."""
        return Scale(rates, self.time)

    @cached_property
    def factor(self) -> Fraction:
        """D/R, exactly: emulated bytes per real byte."""
        return _exact(self.time) / _exact(self.rates)

    def rate(self, bps: int) -> int:
        """The emulated rate in bits per second of a real one (at least 1)."""
        return max(1, round(bps / _exact(self.rates)))

    def seconds(self, real: float) -> float:
        """The emulated seconds of real ones."""
        return real * self.time

    def elements(self, count: int) -> int:
        """The emulated elements of a tensor: ceil(n x D/R), at least 1."""
        return max(1, self.bytes(count))

    def bytes(self, count: int) -> int:
        """The emulated bytes of real ones, rounded up."""
        # In whole numbers: a model has thousands of tensors, and fractions are slow.
        return -(-count * self.factor.numerator // self.factor.denominator)

    def send_buffer_bytes(self, count: int) -> int:
        """The emulated bytes of a real send buffer, at least `MIN_SEND_BUFFER_BYTES`.

        At most what the kernel takes.
        """
        least = min(count, MIN_SEND_BUFFER_BYTES)
        return min(MAX_BUFFER_BYTES, max(self.bytes(count), least))

    def receive_buffer_bytes(self, count: int) -> int:
        """The emulated bytes of a real receive buffer, at least `MIN_RECEIVE_BUFFER_BYTES`."""
        least = min(count, MIN_RECEIVE_BUFFER_BYTES)
        return min(MAX_BUFFER_BYTES, max(self.bytes(count), least))

    def queue_bytes(self, count: int) -> int:
        """The emulated limit of a real queue, at least `MIN_QUEUE_BYTES`."""
        return max(self.bytes(count), min(count, MIN_QUEUE_BYTES))

    def imgs_per_sec(self, emulated: float) -> float:
        """The real system's imgs/sec of measured ones."""
        return emulated * self.time

    def __str__(self) -> str:
        return f"R={self.rates:g}, D={self.time:g}"


@dataclass(frozen=True)
class AutoScale:
    """D of the emulation, and the scale_query that the machine says which R it carries.

    Attributes:
        time: D, as in `Scale`; None: whatever R becomes.

    Raises:
        ValueError: D is out of range or not finite.
    """

    time: float | None = 1.0

    def __post_init__(self) -> None:
        if self.time is not None:
            object.__setattr__(self, "time", self.at(1).time)

    def at(self, rates: float) -> Scale:
        """The scale with that R."""
        return Scale(rates, rates if self.time is None else self.time)

    def allows(self, rates: float) -> bool:
        """Whether there is a scale with that R: where D follows R, it has the limits of both."""
        return self.time is not None or rates <= MAX_TIME

    def __str__(self) -> str:
        return "R auto, D=R" if self.time is None else f"R auto, D={self.time:g}"


def scale_of(record: Mapping[str, Any]) -> Scale | AutoScale:
    """The scale that an experiment's resolved form has."""
    if record["rates"] == AUTO:
        return AutoScale(record["time"])
    return Scale(record["rates"], record["time"])


def parse_scale(text: str) -> Scale | AutoScale:
    """Reads `R,D`, `auto,D` or `auto` (which is `auto,1`).

    Raises:
        ValueError: it is none of these, or a number is out of range.
    """
    first, comma, second = (part.strip() for part in text.partition(","))
    if first == AUTO and not comma:
        return AutoScale()
    try:
        time = float(second)
        rates = None if first == AUTO else float(first)
    except ValueError:
        raise _no_scale(text) from None
    return AutoScale(time) if rates is None else Scale(rates, time)


def _no_scale(text: str) -> ValueError:
    return ValueError(f"expected R,D such as 1,0.5, or auto,D, or auto, found {text!r}")
