"""Words and figures for people: what they wrote, the nearest name to it, numbers of any size."""

from __future__ import annotations

import math

from workloads.errors import nearest

__all__ = ["counted", "kind", "nearest", "number_text", "quoted"]


def quoted(text: str) -> str:
    """Quotes what a person wrote, shortened, with control characters escaped."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


def number_text(value: float, decimals: int = 0, digits: int = 3) -> str:
    """A number without an exponent, of any size.

    Args:
        value: the number.
        decimals: how many digits after the point it has at least.
        digits: how many significant digits it has at least.
    """
    if not math.isfinite(value) or value == 0:
        return f"{value:.{decimals}f}"
    # As it is rounded: 0.9996 has three digits as 1.00.
    exponent = int(f"{value:.{digits - 1}e}".partition("e")[2])
    return f"{value:.{max(decimals, digits - 1 - exponent)}f}"


def kind(value: object) -> str:
    """What a value is, in words for a message."""
    match value:
        case None:
            return "nothing"
        case bool():
            return f"the truth value {str(value).lower()}"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {quoted(value)}"
        case list():
            return "a list"
        case _:
            return "a mapping"


def counted(count: int, noun: str, several: str = "") -> str:
    """A number of things: `1 model`, `2 models`; `several` where the plural has more than an s."""
    return f"{count} {noun if count == 1 else several or noun + 's'}"
