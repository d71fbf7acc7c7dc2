"""What a connection received, from the windows that a process of a calibration noted (pure)."""

from __future__ import annotations

from orchestrator.errors import RunError
from orchestrator.records.directory import process_file
from orchestrator.records.files import Events, parse_events
from workloads.programs.process_records import ReleasedRecord, WindowRecord


def events_of(name: str, records: bytes) -> Events:
    """The records of a process, by its name.

    Raises:
        RunError: they are broken.
    """
    return parse_events(process_file(name), records.decode())


def released_ns(server: Events) -> int:
    """When the parameter server began the exchange, on the monotonic clock.

    Raises:
        RunError: it did not.
    """
    found = next(server.all(ReleasedRecord), None)
    if found is None:
        raise RunError("the exchange of traffic did not begin")
    return found.released_ns


def received(events: Events, begin: int, end: int) -> tuple[list[int], float]:
    """What each connection of a process received in its windows within [begin, end] ns.

    Returns:
        Bytes per connection, and how many seconds the windows last.

    Raises:
        RunError: there is no such window.
    """
    windows = _within(events, begin, end)
    length = sum(window.end_ns - window.begin_ns for window in windows)
    by_connection = zip(*(window.received for window in windows), strict=True)
    return [sum(counts) for counts in by_connection], length / 1e9


def busy_share(events: Events, connection: int, begin: int, end: int) -> float:
    """Share of the windows within [begin, end] ns in which a connection had data on its way.

    1 where the kernel does not tell.

    Raises:
        RunError: there is no such window.
    """
    windows = _within(events, begin, end)
    length = sum(window.end_ns - window.begin_ns for window in windows) / 1e3
    busy = sum(window.busy_us[connection] for window in windows)
    return min(1.0, busy / length) if busy else 1.0


def received_bps(events: Events, begin: int, end: int) -> list[float]:
    """The same in bit/s.

    Raises:
        RunError: there is no such window.
    """
    counts, seconds = received(events, begin, end)
    return [count * 8 / seconds for count in counts]


def _within(events: Events, begin: int, end: int) -> list[WindowRecord]:
    windows = [
        window
        for window in events.all(WindowRecord)
        if begin <= window.begin_ns and window.end_ns <= end
    ]
    if not windows:
        raise RunError("a process of the exchange has noted nothing in its time")
    return windows
