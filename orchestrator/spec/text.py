"""Words and figures for people: what they wrote, the nearest name to it, numbers of any size."""

from __future__ import annotations

import math
from collections.abc import Iterable
from difflib import get_close_matches


def shown(text: str) -> str:
    """Quotes what a person wrote, shortened, with control characters escaped."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


def nearest(name: str, known: Iterable[str], *, else_list: str = "") -> str:
    """A hint with the nearest known name, or else with all of them.

    Args:
        name: what was written.
        known: the names there are.
        else_list: how to introduce the list of all names if none is near; no list if empty.
    """
    names = list(known)
    lowered = {candidate.lower(): candidate for candidate in reversed(names)}
    close = get_close_matches(name[:64].lower(), list(lowered), n=1, cutoff=0.6)
    if close:
        return f"did you mean '{lowered[close[0]]}'?"
    return f"{else_list}: {', '.join(names)}" if else_list and names else ""


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
            return f"the text {shown(value)}"
        case list():
            return "a list"
        case _:
            return "a mapping"


def counted(count: int, noun: str, several: str = "") -> str:
    """A number of things: `1 model`, `2 models`; `several` where the plural has more than an s."""
    return f"{count} {noun if count == 1 else several or noun + 's'}"
