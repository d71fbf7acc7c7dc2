"""What a connection received, from the windows that a process of a calibration noted (pure)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.errors import RunError

Events = Sequence[Mapping[str, Any]]


def events_of(records: bytes) -> list[dict[str, Any]]:
    """The events of a process, out of its record file."""
    return [json.loads(line) for line in records.splitlines()]


def released_ns(server: Events) -> int:
    """When the parameter server began the exchange, on the monotonic clock.

    Raises:
        RunError: it did not.
    """
    found = next((e["released_ns"] for e in server if e["event"] == "released"), None)
    if found is None:
        raise RunError("the exchange of traffic did not begin")
    return int(found)


def received(events: Events, begin: int, end: int) -> tuple[list[int], float]:
    """What each connection of a process received in its windows within [begin, end] ns.

    Returns:
        Bytes per connection, and how many seconds the windows last.

    Raises:
        RunError: there is no such window.
    """
    windows = _within(events, begin, end)
    length = sum(window["end_ns"] - window["begin_ns"] for window in windows)
    by_connection = zip(*(window["received"] for window in windows), strict=True)
    return [sum(counts) for counts in by_connection], length / 1e9


def busy_share(events: Events, connection: int, begin: int, end: int) -> float:
    """Share of the windows within [begin, end] ns in which a connection had data on its way.

    1 where the kernel does not tell.

    Raises:
        RunError: there is no such window.
    """
    windows = _within(events, begin, end)
    length = sum(window["end_ns"] - window["begin_ns"] for window in windows) / 1e3
    busy = sum(window["busy_us"][connection] for window in windows if "busy_us" in window)
    return min(1.0, busy / length) if busy else 1.0


def received_bps(events: Events, begin: int, end: int) -> list[float]:
    """The same in bit/s.

    Raises:
        RunError: there is no such window.
    """
    counts, seconds = received(events, begin, end)
    return [count * 8 / seconds for count in counts]


def _within(events: Events, begin: int, end: int) -> Events:
    windows = [
        event
        for event in events
        if event["event"] == "window" and begin <= event["begin_ns"] and event["end_ns"] <= end
    ]
    if not windows:
        raise RunError("a process of the exchange has noted nothing in its time")
    return windows
