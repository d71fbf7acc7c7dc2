"""The scale model: how a real system's rates, times and bytes become the emulation's.

R divides rates and D stretches time, so a byte count scales by D/R: a link R times slower then
carries it in D times the time. R = D = 1 is the real thing. imgs/sec are reported in the real
system's time: a run that is stretched D times shows 1/D of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

MAX_RATES = 10**6
MIN_TIME = 10**-3
MAX_TIME = 10**3


def _exact(number: float) -> Fraction:
    # 0.1 means one tenth, as it was written, and not the binary number beside it: otherwise
    # ceil(10 * 0.1) is 2.
    return Fraction(repr(number))


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

    @classmethod
    def parse(cls, text: str) -> Scale:
        """Reads `R,D`, for example `8,1` or `1,0.5`.

        Raises:
            ValueError: not two numbers, or out of range.
        """
        parts = text.split(",")
        try:
            rates, time = (float(part) for part in parts)
        except ValueError:
            raise ValueError(f"expected R,D, two numbers such as 1,0.5, found {text!r}") from None
        return cls(rates, time)

    @property
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
        return max(1, math.ceil(count * self.factor))

    def bytes(self, count: int) -> int:
        """The emulated bytes of a real queue, buffer or window, rounded up."""
        return math.ceil(count * self.factor)

    def imgs_per_sec(self, emulated: float) -> float:
        """The real system's imgs/sec of measured ones."""
        return emulated * self.time

    def __str__(self) -> str:
        return f"R={self.rates:g}, D={self.time:g}"
