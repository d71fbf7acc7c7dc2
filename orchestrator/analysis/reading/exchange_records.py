"""What the connections of a probe carried, from the windows that its processes noted (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from orchestrator.errors import RunError
from orchestrator.records.directory import process_file
from orchestrator.records.files import Events, parse_events
from workloads.process.traffic_records import ReleasedRecord, WindowRecord


class Traffic:
    """The records of a probe: a parameter server and workers that exchange traffic.

    Attributes:
        released_ns: when the parameter server began the exchange, on the monotonic clock.

    Raises:
        RunError: the exchange did not begin, or records are broken.
    """

    def __init__(self, server: str, workers: Sequence[str], records: Mapping[str, bytes]) -> None:
        """Take the records of each process, by its name."""
        self._server = _events(server, records)
        self._workers = [_events(worker, records) for worker in workers]
        released = next(self._server.all(ReleasedRecord), None)
        if released is None:
            raise RunError("the exchange of traffic did not begin")
        self.released_ns = released.released_ns

    def span(self, ramp: float, seconds: float) -> tuple[int, int]:
        """Begin and end (ns) of `seconds`, which start `ramp` seconds into the exchange."""
        begin = self.released_ns + round(ramp * 1e9)
        return begin, begin + round(seconds * 1e9)

    def received(
        self, way: Literal["pull", "push"], begin: int, end: int
    ) -> list[tuple[int, float]]:
        """What came of each worker's flow in the windows within [begin, end] ns.

        Returns:
            Per worker, payload in bytes and how many seconds the windows last.

        Raises:
            RunError: there is no such window.
        """
        if way == "push":
            counts, seconds = _received(self._server, begin, end)
            return [(count, seconds) for count in counts]
        pulled = (_received(worker, begin, end) for worker in self._workers)
        return [(count, seconds) for (count,), seconds in pulled]

    def received_bps(self, way: Literal["pull", "push"], begin: int, end: int) -> list[float]:
        """The same in bit/s per worker.

        Raises:
            RunError: there is no such window.
        """
        return [count * 8 / seconds for count, seconds in self.received(way, begin, end)]

    def busy_share(self, way: Literal["pull", "push"], begin: int, end: int) -> float:
        """Share of the windows in which the first worker's flow had data on its way.

        1 where the kernel does not tell.

        Raises:
            RunError: there is no such window.
        """
        sender = self._server if way == "pull" else self._workers[0]
        windows = _within(sender, begin, end)
        length = sum(window.end_ns - window.begin_ns for window in windows) / 1e3
        busy = sum(window.busy_us[0] for window in windows)
        return min(1.0, busy / length) if busy else 1.0


def _events(name: str, records: Mapping[str, bytes]) -> Events:
    return parse_events(process_file(name), records[name].decode())


def _received(events: Events, begin: int, end: int) -> tuple[list[int], float]:
    """Bytes per connection of a process, and how many seconds its windows last."""
    windows = _within(events, begin, end)
    length = sum(window.end_ns - window.begin_ns for window in windows)
    by_connection = zip(*(window.received for window in windows), strict=True)
    return [sum(counts) for counts in by_connection], length / 1e9


def _within(events: Events, begin: int, end: int) -> list[WindowRecord]:
    windows = [
        window
        for window in events.all(WindowRecord)
        if begin <= window.begin_ns and window.end_ns <= end
    ]
    if not windows:
        raise RunError("a process of the exchange has noted nothing in its time")
    return windows
