"""Quantities with units, as people write them: `10 Gbps`, `512 KiB`, `50us`.

A bare number is refused: half of all mistakes in network set-ups are a bit taken for a byte.
For the same reason a spelling that means bytes where bits are due (`MB/s`), or bits where bytes
are due (`64 kb`), is refused with the spelling that was probably meant.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from orchestrator.spec.values.text import kind as kind_of
from orchestrator.spec.values.text import quoted

# 18 digits hold everything that a network needs, and keep absurd input from becoming huge integers.
_NUMBER = r"[0-9]{1,18}(\.[0-9]{1,9})?"
_DECIMAL = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_BINARY = {"ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}

_RATE_PREFIXES = ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"))
_SIZE_UNITS = ((2**20, "MiB"), (2**10, "KiB"), (10**6, "MB"), (10**3, "kB"))

MAX_RATE_BPS = 10**13
MAX_SIZE_BYTES = 2**50
MAX_DURATION_US = 3600 * 10**6


class QuantityError(ValueError):
    """A quantity that cannot be read; `hint` says what would be right."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True)
class Kind:
    """How one kind of quantity is written, and what to say when it is not."""

    noun: str
    example: str
    pattern: str
    rule: str


RATE = Kind(
    "rate",
    "10 Gbps",
    rf"^{_NUMBER} ?([kKmMgGtT]?([bB][iI][tT](/s)?|b/s|bps)|[kKmMgGtT])$",
    "a number and bps, bit, bit/s or b/s, with k, M, G or T for powers of 1000 before it; the"
    " letter alone does, too (1g)",
)
SIZE = Kind(
    "size",
    "512 KiB",
    rf"^{_NUMBER} ?([kKmMgGtT]i?)?B$",
    "a number and B, with Ki, Mi, Gi or Ti for powers of 1024 before it, or k, M, G or T for"
    " powers of 1000",
)
DURATION = Kind(
    "duration",
    "50us",
    rf"^{_NUMBER} ?(us|µs|ms|s)$",
    "a number and us, ms or s; whole microseconds",
)


def _split(kind: Kind, text: object) -> tuple[Fraction, str]:
    """The number and the unit of a quantity, or an error that says what is wrong with it."""
    example = f"for example '{kind.example}'"
    if isinstance(text, int | float) and not isinstance(text, bool):
        raise QuantityError(f"{kind.noun} {text!r} has no unit", example)
    if not isinstance(text, str):
        raise QuantityError(f"expected a {kind.noun}, found {kind_of(text)}", example)
    stripped = text.strip(" ")
    number = re.match(_NUMBER, stripped)
    if re.match(rf"-{_NUMBER}", stripped):
        raise QuantityError(f"negative {kind.noun}: {quoted(text)}")
    if number is None:
        raise QuantityError(f"not a {kind.noun}: {quoted(text)}", example)
    unit = stripped[number.end() :].removeprefix(" ")
    if not unit:
        raise QuantityError(f"{kind.noun} {quoted(text)} has no unit", example)
    if re.fullmatch(kind.pattern[1:-1], stripped, re.ASCII) is None:
        raise QuantityError(f"not a {kind.noun}: {quoted(text)}", _hint(kind, unit))
    return Fraction(number.group()), unit


def _hint(kind: Kind, unit: str) -> str:
    """What was probably meant by a unit that is not one."""
    if kind is RATE and re.fullmatch(r"[kmgt]?i?(B/s|BPS|Bps)", unit, re.IGNORECASE):
        return f"B is bytes and a rate is in bits: for example '{kind.example}'"
    if kind is SIZE and re.fullmatch(r"[kKmMgGtT]?i?b(it)?", unit):
        return f"b is bits and a size is in bytes: for example '{kind.example}'"
    if kind is SIZE and re.fullmatch(r"[kmgt]i?", unit, re.IGNORECASE):
        letter = unit[0].upper()
        decimal = "kB" if letter == "K" else f"{letter}B"
        return f"{letter}iB counts in 1024, {decimal} in 1000"
    return f"for example '{kind.example}'"


def parse_rate(text: object) -> int:
    """Reads a rate: `10 Gbps`, `10gbit`, `1g`, `100 Mbit/s`. Prefixes count in 1000.

    Returns:
        The rate in bits per second.

    Raises:
        QuantityError: not a rate, no unit, zero, negative, or above 10 Tbps.
    """
    number, unit = _split(RATE, text)
    prefix = unit[0].lower() if unit[0].lower() in "kmgt" else ""
    bps = round(number * _DECIMAL[prefix])
    if bps == 0:
        raise QuantityError(f"a rate of zero: {text!r}", "a link without a rate carries nothing")
    if bps > MAX_RATE_BPS:
        raise QuantityError(f"rate {text!r} is above 10 Tbps")
    return bps


def parse_size(text: object) -> int:
    """Reads a size: `16 GiB`, `512 KiB` (counted in 1024), `64kB` (in 1000), `1500 B`.

    Returns:
        The size in bytes.

    Raises:
        QuantityError: not a size, no unit, negative, not a whole number of bytes, above 1 PiB.
    """
    number, unit = _split(SIZE, text)
    prefix = unit.removesuffix("B").lower()
    size = number * (_BINARY[prefix] if prefix in _BINARY else _DECIMAL[prefix])
    if size.denominator != 1:
        raise QuantityError(f"size {text!r} is not a whole number of bytes")
    if size > MAX_SIZE_BYTES:
        raise QuantityError(f"size {text!r} is above 1024 TiB")
    return int(size)


def parse_duration(text: object) -> int:
    """Reads a duration: `50us`, `1 ms`, `0s`.

    Returns:
        The duration in microseconds.

    Raises:
        QuantityError: not a duration, no unit, negative, finer than 1 us, above one hour.
    """
    number, unit = _split(DURATION, text)
    duration = number * {"us": 1, "µs": 1, "ms": 10**3, "s": 10**6}[unit]
    if duration.denominator != 1:
        raise QuantityError(f"duration {text!r} is finer than 1 us")
    if duration > MAX_DURATION_US:
        raise QuantityError(f"duration {text!r} is above one hour")
    return int(duration)


def size_text(count: int) -> str:
    """Bytes for people: `512 KiB`, `1514 B`."""
    return f"{count // 1024} KiB" if count % 1024 == 0 else f"{count} B"


def exact_size_text(count: int) -> str:
    """Bytes for people, all digits of them: `512 KiB`, `160 kB`, `4 MB`, `1514 B`."""
    for factor, unit in _SIZE_UNITS:
        if count and count % factor == 0:
            return f"{count // factor} {unit}"
    return f"{count} B"


def duration_text(microseconds: int) -> str:
    """A duration for people: `50 us`, `1.5 ms`, `2 s`."""
    for factor, unit in ((10**6, "s"), (10**3, "ms")):
        if microseconds >= factor:
            return f"{microseconds / factor:.9g} {unit}"
    return f"{microseconds} us"


def rate_text(bps: float, digits: int = 4) -> str:
    """A rate for people: `1.25 Gbit/s`, `62.5 Mbit/s`, `9.6 kbit/s`.

    Args:
        bps: bits per second.
        digits: how many significant digits it has at most.
    """
    number, prefix = rate_parts(bps, digits)
    return f"{number} {prefix}bit/s"


def rate_parts(bps: float, digits: int) -> tuple[str, str]:
    """The number and the prefix of a rate, which is none below 1 kbit/s."""
    for factor, prefix in _RATE_PREFIXES:
        # As it is rounded: 999,999 bit/s are 1 Mbit/s.
        if float(f"{bps:.{digits}g}") >= factor:
            return f"{bps / factor:.{digits}g}", prefix
    return f"{bps:.{digits}g}", ""
