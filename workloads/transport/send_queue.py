"""What waits to be sent: units of parcels, the most urgent first."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from heapq import heappop, heappush
from threading import Lock
from typing import NamedTuple

# Taken from the queue per system call: few calls, and yet an answer that is not older than this.
_SEND_LIMIT_BYTES = 256 * 1024
_SEND_LIMIT_PARCELS = 256  # two buffers each; the kernel takes 1024 (IOV_MAX)


class Parcel(NamedTuple):
    """What is sent in one go: a header (or several without payload), and a payload."""

    head: bytes
    body: memoryview | None = None
    to: int = 0  # of the connections that share a queue, the one that it goes to
    iteration: int = 0  # the payload's
    chunk: int = 0  # the number of the chunk that is the payload
    ends: int = 0  # 1 if a unit ends with it


class SendQueue:
    """Units of parcels, most urgent first; equally urgent ones first in, first out.

    A unit that has been begun is sent to its end. What is next is decided as late as possible: when
    the connection takes more bytes. Nothing is copied, and no lock is held while anything is sent.
    Any thread may put; one takes.

    Args:
        window: how many bytes of units may be on their way, sent and not `acknowledged`; one more
            is begun as long as that is not reached. None: no limit. A unit that is more urgent than
            all that are on their way goes ahead in any case: else two senders whose windows are
            full of different units, for each of which the other's is needed, wait for ever.
        allowed: how many units may be begun before the next `allow`; None: all.
        send_limit: bytes per system call, if units are smaller: few calls, and yet no decision is
            older than this.
    """

    def __init__(
        self,
        window: int | None = None,
        send_limit: int = _SEND_LIMIT_BYTES,
        allowed: int | None = None,
    ) -> None:
        self._window = window
        self._allowed = allowed
        self._send_limit = send_limit
        self._units: list[tuple[int, int, int, tuple[Parcel, ...]]] = []  # a heap
        self._number = 0
        self._begun: deque[Parcel] = deque()
        self._away: Counter[int] = Counter()  # per rank, bytes on their way
        self._bytes_away = 0
        self._lock = Lock()
        # Not a Condition: that is Python code too, and there is a wait per chunk and end.
        self._waiting = False  # the thread that takes, for this lock to be released:
        self._more = Lock()
        self._more.acquire()
        self._closed = False

    def put(self, parcels: Iterable[Parcel], rank: int = 0, size: int = 0) -> None:
        """Add a unit: parcels that are sent in this order with nothing between them.

        Args:
            parcels: what it is.
            rank: the least goes first.
            size: of the unit, in the window's bytes; 0: a word that needs neither.
        """
        unit = tuple(parcels)  # made before the lock is taken
        if not unit:
            return
        with self._lock:
            heappush(self._units, (rank, self._number, size, unit))
            self._number += 1
            if self._waiting:
                self._wake()

    def acknowledged(self, rank: int, size: int) -> None:
        """Note that a unit of that rank and size (bytes) has been answered."""
        if self._window is None:
            return
        with self._lock:
            self._away[rank] -= size
            if not self._away[rank]:
                del self._away[rank]
            self._bytes_away -= size
            self._wake()

    def allow(self, units: int) -> None:
        """Let `units` more units be begun."""
        with self._lock:
            if self._allowed is not None:
                self._allowed += units
            self._wake()

    def lift_window(self) -> None:
        """Send all units without a window: from now on none is answered."""
        with self._lock:
            self._window = None
            self._wake()

    def close(self) -> None:
        """Let `take` return an empty list once everything has been taken."""
        with self._lock:
            self._closed = True
            self._window = self._allowed = None
            self._wake()

    def drop(self) -> None:
        """Close, and forget what has not been taken."""
        with self._lock:
            self._units.clear()
            self._begun.clear()
            self._closed = True
            self._wake()

    def take(self) -> list[Parcel]:
        """Wait for parcels and return some: at least one, then as many as fit into one send.

        Returns:
            An empty list after `close`. All of them go to the same connection.
        """
        while True:
            with self._lock:
                taken = self._some()
                if taken or self._closed:
                    return taken
                self._waiting = True
            self._more.acquire()

    def _wake(self) -> None:
        """Let the thread that takes look again, if it waits. The lock must be held."""
        if self._waiting:
            self._waiting = False
            self._more.release()

    def _some(self) -> list[Parcel]:
        """What may be sent now and fits into one send, at least one parcel; or nothing."""
        begun, units, limit = self._begun, self._units, self._send_limit
        limited = self._window is not None or self._allowed is not None
        taken: list[Parcel] = []
        size = first = 0
        while begun or (units and (not limited or self._may_begin())):
            # Looked at first: what does not fit is decided with the next send.
            parcel = begun[0] if begun else units[0][3][0]
            _, body, to, _, _, _ = parcel
            if body is not None:
                size += len(body)
            if not taken:
                first = to
            elif size > limit or to != first:
                break
            if begun:
                begun.popleft()
            else:
                rank, _, whole, parcels = heappop(units)
                if limited:
                    self._begin(rank, whole)
                if len(parcels) > 1:
                    begun.extend(parcels[1:])
            taken.append(parcel)
            if size >= limit or len(taken) == _SEND_LIMIT_PARCELS:
                break
        return taken

    def _may_begin(self) -> bool:
        rank, _, size, _ = self._units[0]
        if not size:
            return True
        full = self._window is not None and self._bytes_away >= self._window
        if full and rank >= min(self._away):
            return False
        return self._allowed is None or self._allowed > 0

    def _begin(self, rank: int, size: int) -> None:
        if self._allowed is not None and size:
            self._allowed -= 1
        if self._window is not None and size:
            self._away[rank] += size
            self._bytes_away += size
