"""Words for messages: what a person wrote, quoted or named, and the nearest name to it."""

from __future__ import annotations

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
