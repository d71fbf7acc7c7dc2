"""What the parameter server notes about one iteration, worker by worker."""

from __future__ import annotations

import time
from collections.abc import Sequence
from threading import Event, Lock

from workloads.process.process_records import CompetingRecord, PsIteration


class Logs(dict[int, "IterationLog"]):
    """The logs of all iterations, made when they are first asked for; any thread may ask.

    A dictionary, for what is there is found in one step, and every chunk asks.

    Args:
        units: per worker, how many its pull or its push has.
    """

    def __init__(self, units: Sequence[int]) -> None:
        super().__init__()
        self._units = tuple(units)
        self._lock = Lock()

    def __missing__(self, number: int) -> IterationLog:
        with self._lock:
            return self.setdefault(number, IterationLog(number, self._units))

    @property
    def payload(self) -> tuple[int, int]:
        """Bytes of gradients that came, and of parameters that went out, in all iterations."""
        logs = self.values()
        return sum(log.payload_in for log in logs), sum(log.payload_out for log in logs)


class _Way:
    """One direction of an iteration: who has moved how much, and who shared the network when.

    Args:
        units: per worker, how many it moves.

    Attributes:
        bytes: of payload moved so far, per worker.
        missing: units that have not moved, per worker.
        done: when each had moved all (ns); 0: not yet.
        at_first_done: the bytes of all when the first of them had; None: none has.
    """

    def __init__(self, units: Sequence[int]) -> None:
        self.missing = list(units)
        self.bytes = [0] * len(units)
        self.done = [0] * len(units)
        self.at_first_done: list[int] | None = None
        self._lock = Lock()
        self._all_begun = 0  # when every worker had moved something
        self._at_all_begun: list[int] = []
        self._first_done = 0

    def moved(self, worker: int, payload: int, units: int) -> None:
        """Note that payload bytes have moved, and the ends of `units` units with them."""
        with self._lock:
            self.bytes[worker] += payload
            if not self._all_begun and all(self.bytes):
                self._all_begun = time.monotonic_ns()
                self._at_all_begun = list(self.bytes)
            if units:
                missing = self.missing[worker] = self.missing[worker] - units
                if not missing:
                    self.done[worker] = time.monotonic_ns()
                    if self.at_first_done is None:
                        self.at_first_done = list(self.bytes)
                        self._first_done = self.done[worker]

    def competing(self) -> CompetingRecord:
        """What each moved while all did; in no time, if one had done before another had begun."""
        seconds = 0.0
        moved = [0] * len(self.bytes)
        if self.at_first_done is not None and 0 < self._all_begun < self._first_done:
            seconds = (self._first_done - self._all_begun) / 1e9
            both = zip(self._at_all_begun, self.at_first_done, strict=True)
            moved = [after - before for before, after in both]
        return CompetingRecord(seconds, moved)


class IterationLog:
    """Times (monotonic ns), units and payload bytes of one iteration.

    A worker has a sender and a receiver thread for each of its flows.

    Args:
        number: of the iteration, warm-up and cool-down included.
        units: per worker, how many its pull or its push has, whatever their bytes.

    Attributes:
        released: when the iteration's release was handed to the senders.
        applied: when the last chunk was applied.
        next_release: when the next iteration was released, or the end announced.
        all_sent: set when the kernel has taken all units for all workers.
        pushed: note that payload bytes of a worker's gradient came, and how many units ended.
    """

    def __init__(self, number: int, units: Sequence[int]) -> None:
        self.number = number
        self.released = self.applied = self.next_release = 0
        self.all_sent = Event()
        self._units = units
        self._pull = _Way(units)
        self._push = _Way(units)
        self._push_first = [0] * len(units)
        self.pushed = self._push.moved  # one call less for every chunk

    def sent(self, worker: int, payload: int, units: int) -> None:
        """Note that the kernel took payload bytes for a worker, with the ends of `units` units."""
        self._pull.moved(worker, payload, units)
        if units and not any(self._pull.missing):
            self.all_sent.set()

    def push_begins(self, worker: int) -> None:
        """Note that a chunk of a worker's gradient has begun to arrive."""
        if not self._push_first[worker]:
            self._push_first[worker] = time.monotonic_ns()

    @property
    def payload_in(self) -> int:
        """Bytes of gradients that came, of all workers."""
        return sum(self._push.bytes)

    @property
    def payload_out(self) -> int:
        """Bytes of parameters that went out, to all workers."""
        return sum(self._pull.bytes)

    def missing(self, names: tuple[str, ...]) -> str:
        """Say whose pushes are not complete, and how much of them has arrived."""
        return ", ".join(
            f"{name} (pulled {units - pull}, pushed {units - push} of {units} units)"
            for name, units, pull, push in zip(
                names, self._units, self._pull.missing, self._push.missing, strict=True
            )
            if push
        )

    def record(self) -> PsIteration:
        """The iteration's record, once it is over."""
        return PsIteration(
            iteration=self.number,
            released_ns=self.released,
            pull_sent_ns=self._pull.done,
            push_first_ns=self._push_first,
            push_done_ns=self._push.done,
            applied_ns=self.applied,
            next_release_ns=self.next_release,
            pull_bytes_at_first_done=self._pull.at_first_done or (),
            push_bytes_at_first_done=self._push.at_first_done or (),
            pull_competing=self._pull.competing(),
            push_competing=self._push.competing(),
            payload_in=self.payload_in,
            payload_out=self.payload_out,
        )
