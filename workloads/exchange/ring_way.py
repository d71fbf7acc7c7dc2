"""Units that travel round a ring of workers: sums of gradients, then new parameters.

Threads: one receives from the member before, one sends to the next one. What is to be sent waits
in a queue: the most urgent unit first, and of one unit parameters before gradients, for they have
the longer way behind them. There is no step: every chunk goes on as soon as it can.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from threading import Lock, Thread

import numpy as np

from workloads.errors import FrameError, WorkloadError
from workloads.exchange.board import Board
from workloads.exchange.exchange import End
from workloads.exchange.links import Links, meet
from workloads.exchange.ring_payloads import PayloadOf, parameters_of, sums_of
from workloads.exchange.ring_state import RingState
from workloads.process.process_records import ConnectionEnd
from workloads.schedule.units import Chunk, Unit, check_ranks
from workloads.transport.connection import (
    ERROR_PATIENCE,
    Connection,
    Disconnected,
    PeerError,
    Sent,
    send_from,
)
from workloads.transport.memory import Arena
from workloads.transport.send_queue import Parcel, SendQueue
from workloads.transport.spans import Transfers
from workloads.transport.wire import Frame, FrameType

_LAST = 1 << 40  # a rank after all that chunks have


class RingWay:
    """A worker's place in a ring.

    Three memories: the worker's own, with its gradient and then the sum up to it; one of sums that
    come, maybe before the own gradient is there; and `parameters`, from which new ones go on: the
    worker may compute the next gradient in its own memory meanwhile.

    Args:
        end: what the worker's end of the exchange works with.
        members: names of the workers in the ring, in its order.
        owners: per unit, the place of its owner among them.
        units: that travel this way.
        board: where waits are, and what fails is noted.
        came: called with each unit that has its new parameters.
        coded: payloads of parameters that are published, where they are coded already.

    Attributes:
        parameters: where an owner makes the new ones of what it owns: before the training those
            that it begins with, and then for ever its own.
        cpu_ns: processor time of the sums so far.
    """

    def __init__(
        self,
        end: End,
        members: Sequence[str],
        owners: Sequence[int],
        units: Sequence[Unit],
        board: Board,
        *,
        came: Callable[[Unit], None],
        coded: PayloadOf | None = None,
    ) -> None:
        job, layout = end.job, end.layout
        check_ranks(layout, "push_ranks", job.push_ranks)
        self._end = end
        self._board = board
        self._came = came
        self._members = members
        place = members.index(job.host)
        self._before = members[place - 1]
        self._after = members[(place + 1) % len(members)]
        self._state = RingState(layout, owners, place, len(members), units)
        self._units = units
        self.parameters = Arena(layout, units)
        for chunk in self._chunks():
            self.parameters.values_of(chunk)[:] = end.arena.values_of(chunk)
        self._added = Arena(layout, units)
        self._sums = sums_of(job, layout, end.arena, self._added, self._state.owned)
        self._new = parameters_of(job, layout, end.arena, self.parameters, coded)
        self._unit_missing = [len(unit.chunks) for unit in layout.units]
        self._counting = Lock()
        self._queue = SendQueue(send_limit=job.send_limit_bytes)
        self._transfers = Transfers(job.all_iterations)
        self._to_come = job.all_iterations * len(units)  # units, in all rounds
        self._over_at = 0
        self._sums_sent = 0
        self._pushed_at: list[int] = []  # per round, ns
        self._threads: list[Thread] = []
        self._links: Links | None = None
        self._connection: Connection | None = None
        self.cpu_ns = 0

    def open(self, reduced: Callable[[Chunk, int], None]) -> None:
        """Connect to the neighbours, and let the threads run.

        Args:
            reduced: called with each owned chunk whose gradients are all added up, in the worker's
                own memory, and the number of its round: new parameters are to be made of it, and
                said to `publish`. It is called by different threads.

        Raises:
            WorkloadError: a neighbour does not come or answer.
        """
        self._reduced = reduced
        if len(self._members) == 1:
            return
        self._links = meet(self._end, to=[self._after], of=[self._before])
        self._connection = self._links.connection(to=self._after, of=self._before)
        self._connection.transfers = self._transfers
        for body in (self._receive, self._send):
            thread = Thread(target=body, daemon=True)
            thread.start()
            self._threads.append(thread)

    @property
    def moved(self) -> int:
        """Payload bytes received and sent so far."""
        return self._connection.moved if self._connection else 0

    # -- called by the main thread ---------------------------------------------------------------

    def wait_for_push(self, number: int) -> int | None:
        """Wait until the kernel has taken all sums of a round; when it had (ns).

        None: none is sent.
        """
        if not self._state.sums:
            return None
        self._board.wait(lambda: len(self._pushed_at) > number, "the gradients to be sent")
        return self._pushed_at[number]

    def wait_for_end(self) -> int:
        """Wait until the parameters of the last round have come; return when they had (ns)."""
        self._board.wait(lambda: not self._to_come, "the parameters of the last iteration")
        return self._over_at

    def fail(self, why: str) -> None:
        """Tell the next member, who tells the next one."""
        self._last_word(f"{self._end.job.host} gave up: {why}")

    def close(self) -> list[ConnectionEnd]:
        """End, when all has come and been given: return the counters of the connections."""
        if self._end.job.goes_on and self._connection:
            # The next member cannot know how many rounds there are.
            end = Frame(FrameType.DONE, self._end.job.worker)
            self._queue.put([Parcel(end.pack())], _LAST)
        self._queue.close()
        for thread in self._threads:
            thread.join()
        return self._links.close() if self._links else []

    def digest(self) -> str:
        """SHA-256 of the parameters of all units that travel this way, once all have come."""
        hasher = hashlib.sha256()
        for chunk in self._chunks():
            hasher.update(self._end.arena.bytes_of(chunk))
        return hasher.hexdigest()

    def _chunks(self) -> Iterator[Chunk]:
        return (chunk for unit in self._units for chunk in unit.chunks)

    @property
    def spans(self) -> Transfers:
        """When which chunk came and went, once it is closed; by round, and not by iteration."""
        return self._transfers

    # -- called by any thread --------------------------------------------------------------------

    def give(self, unit: Unit, number: int) -> None:
        """Take over a unit's gradient of a round."""
        for chunk in unit.chunks:
            complete, waited = self._state.given(chunk)
            if waited:
                self._add(chunk)
            if complete:
                self._pass_on(chunk, number)

    def publish(self, chunk: Chunk, number: int) -> None:
        """Take over new parameters, which are in `parameters`: the worker's, and those to go on."""
        for one in self._new.made(chunk):
            self._parameters_go_on(one, number)
            self._count(one)

    def _parameters_go_on(self, chunk: Chunk, number: int) -> None:
        if self._state.passes_parameters(chunk):
            parcels = self._new.parcels(chunk, number)
            self._queue.put(parcels, 2 * self._end.job.push_ranks[chunk.unit])

    def _count(self, chunk: Chunk) -> None:
        unit = self._end.layout.units[chunk.unit]
        with self._counting:
            missing = self._unit_missing[unit.number] - 1
            self._unit_missing[unit.number] = missing or len(unit.chunks)
        if missing:
            return
        self._came(unit)
        with self._board.changed:
            self._to_come -= 1
            if not self._to_come:
                self._over_at = time.monotonic_ns()
                self._board.changed.notify_all()

    def _add(self, chunk: Chunk) -> None:
        if not self._sums.adds(chunk):
            return
        begin = time.thread_time_ns()
        own = self._end.arena.values_of(chunk)
        np.add(self._added.values_of(chunk), own, out=own)
        took = time.thread_time_ns() - begin
        with self._counting:
            self.cpu_ns += took

    def _pass_on(self, chunk: Chunk, number: int) -> None:
        if self._state.owned(chunk):
            self._reduced(chunk, number)
        else:
            parcels = self._sums.parcels(chunk, number)
            self._queue.put(parcels, 2 * self._end.job.push_ranks[chunk.unit] + 1)

    def _last_word(self, text: str) -> None:
        self._queue.drop()  # else there is no room for it
        if self._connection:
            self._connection.send_error(text, ERROR_PATIENCE)

    # -- the threads -----------------------------------------------------------------------------

    def _receive(self) -> None:
        """Receive all that is to come, or tell all what is wrong."""
        assert self._connection
        error: WorkloadError
        try:
            job = self._end.job
            rounds: Iterable[int] = (
                count() if job.goes_on else range(job.all_iterations * self._state.arrivals)
            )
            for _ in rounds:
                if self._receive_chunk(self._connection):
                    return
        except PeerError as found:
            error = found  # it names who said so
        except Disconnected as found:
            error = Disconnected(f"{self._before} {found}")
        except WorkloadError as found:
            error = WorkloadError(f"{self._before}: {found}")
        else:
            return
        self._last_word(str(error))
        self._board.fail(error)

    def _receive_chunk(self, connection: Connection) -> bool:
        """Receive a frame; whether it was the last one."""
        frame = connection.receive()
        number, state = frame.iteration, self._state
        if frame.type is FrameType.GRADIENT:
            chunk = self._sums.find(frame)
            state.check_sum(chunk, number)
            for one in self._sums.receive(connection, chunk, frame):
                if state.sum_came(one):
                    self._add(one)
                    self._pass_on(one, number)
        elif frame.type is FrameType.PARAMETERS:
            chunk = self._new.find(frame)
            state.check_parameters(chunk, number)
            goes_on = state.passes_parameters(chunk)
            for one in self._new.receive(connection, chunk, frame, goes_on=goes_on):
                state.parameters_came(one)
                self._parameters_go_on(one, number)
                self._count(one)
        elif frame.type is not FrameType.DONE or not self._end.job.goes_on:
            raise FrameError(f"unexpected {frame.type.name} frame of round {number}")
        return frame.type is FrameType.DONE

    def _send(self) -> None:
        assert self._connection
        send_from(self._queue, [self._connection], self._on_sent)

    def _on_sent(self, sent: Sent) -> None:
        # A round's sums have all been sent before the next one's first is made.
        self._sums_sent += sent.units
        if self._sums_sent >= self._state.sums:
            self._sums_sent -= self._state.sums
            with self._board.changed:
                self._pushed_at.append(time.monotonic_ns())
                self._board.changed.notify_all()
