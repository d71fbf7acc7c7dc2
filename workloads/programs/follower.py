"""What the parameter server's main thread does while others train: follow, and give up in time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Thread

from workloads.errors import WorkloadError
from workloads.process.events import announce
from workloads.process.records import Records
from workloads.process.training import ServerJob
from workloads.programs.iteration_log import IterationLog
from workloads.programs.peers import Peer
from workloads.transport.connection import PeerError


class Follower:
    """Writes iterations down as they end, and ends when a thread fails or nothing moves.

    Args:
        job: whose workers train.
        records: where iterations are written.
        current: returns the log of the oldest iteration that is not over.
    """

    def __init__(
        self, job: ServerJob, records: Records, current: Callable[[], IterationLog]
    ) -> None:
        self._job = job
        self._records = records
        self._current = current
        self._events: SimpleQueue[IterationLog | WorkloadError | None] = SimpleQueue()

    def start(self, body: Callable[[Peer, int], None], peer: Peer, flow: int) -> Thread:
        """Run a thread for a worker's flow; its error ends `follow`."""

        def guarded() -> None:
            try:
                body(peer, flow)
            except PeerError as error:
                self._fail(peer, f"gave up: {error}")
            except WorkloadError as error:
                self._fail(peer, str(error))

        thread = Thread(target=guarded, daemon=True)
        thread.start()
        return thread

    def guard(self, body: Callable[[], None]) -> None:
        """Run a thread that serves all workers; its error ends `follow`."""

        def guarded() -> None:
            try:
                body()
            except WorkloadError as error:
                self._events.put(WorkloadError(f"iteration {self._current().number}: {error}"))

        Thread(target=guarded, daemon=True).start()

    def _fail(self, peer: Peer, why: str) -> None:
        number = self._current().number
        self._events.put(WorkloadError(f"iteration {number}: {peer.name}: {why}"))

    def ended(self, log: IterationLog) -> None:
        """Let an iteration be written down that every worker has finished."""
        self._events.put(log)

    def over(self) -> None:
        """Let `follow` return: that was the last one."""
        self._events.put(None)

    def follow(self, peers: Sequence[Peer]) -> None:
        """Write down iterations as they end, until the last one.

        Raises:
            WorkloadError: a thread failed, or nothing moves.
        """
        silence = self._job.silence_seconds
        moved, moved_at = -1, time.monotonic()
        while True:
            try:
                event = self._events.get(timeout=min(1.0, silence / 4))
            except Empty:
                now = sum(one.moved for peer in peers for one in peer.connections)
                if now != moved:
                    moved, moved_at = now, time.monotonic()
                elif time.monotonic() - moved_at > silence:
                    log = self._current()
                    raise WorkloadError(
                        f"iteration {log.number}: nothing moved for {silence:g} s; waiting for "
                        f"{log.missing(self._job.workers) or 'what workers have begun since'}"
                    ) from None
                continue
            if event is None:
                return
            if isinstance(event, WorkloadError):
                raise event
            self._note(event)

    def _note(self, log: IterationLog) -> None:
        # It is, or a sender thread has yet to say so.
        if not log.all_sent.wait(self._job.silence_seconds):
            raise WorkloadError(f"iteration {log.number}: not all parameters were sent")
        self._records.write(log.record())
        announce(
            "iteration",
            iteration=log.number,
            released_ns=log.released,
            next_release_ns=log.next_release,
        )
