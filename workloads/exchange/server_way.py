"""A worker's way to one parameter server: gradients of some units go there, parameters come back.

Threads: per flow, a receiver writes parameters into the arena and a sender empties the send queue.
The main thread waits for both at the `Board`, which knows when nothing moves any more.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from threading import Thread

from workloads.codecs.coded import CodedPayloads, payloads_of
from workloads.errors import FrameError, WorkloadError
from workloads.exchange.board import Board
from workloads.exchange.exchange import End
from workloads.exchange.join import join
from workloads.process.process_records import ConnectionEnd
from workloads.schedule.flows import unit_flows
from workloads.schedule.units import Chunk, Unit, check_ranks
from workloads.transport.connection import (
    Connection,
    Disconnected,
    PeerError,
    send_errors,
    send_from,
)
from workloads.transport.memory import Arena
from workloads.transport.send_queue import Parcel, SendQueue
from workloads.transport.sockets import tcp_state
from workloads.transport.spans import Spans, Transfers
from workloads.transport.wire import Frame, FrameType, pack_begin


class ServerWay:
    """Connections to a parameter server, and the units that travel on them.

    Args:
        end: what the worker's end of the exchange works with.
        server: the server's host.
        units: of which this worker gives gradients to that server, and gets parameters back.
        board: where waits are, and what fails is noted.
        came: called by a receiver with each unit whose parameters have come, and how long it took
            to decode them (ns).
        into: where these are written; None: where the gradients are.

    Attributes:
        last: the last iteration, where the server says so; None: it has not yet.
    """

    def __init__(
        self,
        end: End,
        server: str,
        units: Sequence[Unit],
        board: Board,
        came: Callable[[Unit, int], None],
        *,
        into: Arena | None = None,
    ) -> None:
        job, layout = end.job, end.layout
        check_ranks(layout, "push_ranks", job.push_ranks)
        self._end = end
        self._board = board
        self._came = came
        several = len(job.members.servers) > 1
        self._name = f"the parameter server {server}" if several else "the parameter server"
        # Another seed for each worker: their errors must not be the same.
        seed = job.seed + 1 + job.worker
        pushes, self._payloads = (
            payloads_of(codec, job.model, layout, arena, seed)
            for codec, arena in (
                (job.schedule.push_codec, end.arena),
                (job.schedule.pull_codec, end.arena if into is None else into),
            )
        )
        self._frames = pushes.frames(FrameType.GRADIENT)
        self._ranks = job.push_ranks
        flows = range(len(job.flow_dscp))
        allowed = 0 if job.turns else None
        self._queues = tuple(
            SendQueue(job.window_bytes, job.send_limit_bytes, allowed) for _ in flows
        )
        self._unit_flow = unit_flows(layout, len(flows))
        here = {unit.number for unit in units}
        carried = [self._unit_flow[number] for number in here]
        self._flow_units = tuple(map(carried.count, flows))
        # Whether a unit's next one is an answer; None: it does not come here.
        self._answers = [False if unit.number in here else None for unit in layout.units]
        self._units = layout.units
        self._tensors = {unit.tensor for unit in units}
        self._versions = [0] * len(layout.chunks)  # parameters received, per chunk
        self._chunks = [chunk.number for unit in units for chunk in unit.chunks]
        self._unit_missing = [len(unit.chunks) for unit in layout.units]
        self._iteration = 0  # the main thread's
        self._released = -1
        self._released_at = 0
        self.last: int | None = None
        self._done = 0  # flows on which the server has said so
        self._over_at = 0
        self._not_sent = list(self._flow_units)  # units of an iteration's push, per flow
        self._pushes = [0] * len(flows)  # iterations, per flow
        self._sent_at: list[int] = []  # per iteration, ns
        self._transfers = [Transfers(job.all_iterations) for _ in flows]
        self._connections = join(job, layout, end.records, server, self._name)
        for connection, transfers in zip(self._connections, self._transfers, strict=True):
            connection.transfers = transfers
        self._threads: list[Thread] = []

    def start(self) -> None:
        """Let the threads run."""
        for flow, connection in enumerate(self._connections):
            for body in (self._receive, self._send):
                thread = Thread(
                    target=self._guarded, args=(partial(body, flow, connection),), daemon=True
                )
                thread.start()
                self._threads.append(thread)

    def keep_payloads(self) -> None:
        """Keep coded parameters as they come, undecoded; call it before `start`."""
        if isinstance(self._payloads, CodedPayloads):
            self._payloads.undecoded = lambda _unit: True

    @property
    def moved(self) -> int:
        """Payload bytes received and sent so far."""
        return sum(connection.moved for connection in self._connections)

    # -- called by the main thread ---------------------------------------------------------------

    def wait_for_release(self, iteration: int) -> int:
        """Wait until the server releases an iteration; return when it did (ns)."""
        self._board.wait(lambda: self._released >= iteration, "the step barrier")
        return self._released_at

    def wait_for_more(self, iteration: int) -> bool:
        """Wait until the server begins to answer for an iteration, or ends before it."""
        self._board.wait(
            lambda: self.last is not None or self._board.begun(iteration),
            "its next or last iteration",
        )
        return self.last is None or iteration <= self.last

    def begin(self, iteration: int) -> None:
        """Begin an iteration; with a step barrier, when it is released: ask for all tensors."""
        self._iteration = iteration
        if self._end.job.schedule.barrier:
            self._queues[0].put([self._pulls(iteration)])
        self._lift_windows()

    def wait_for_push(self, iteration: int) -> int | None:
        """Wait until the kernel has taken an iteration's gradients; when it had (ns).

        None: none goes this way.
        """
        if not self._chunks:
            return None
        self._board.wait(lambda: len(self._sent_at) > iteration, "the push to be sent")
        return self._sent_at[iteration]

    def wait_for_end(self) -> int:
        """Wait until the server has applied the last iteration of all workers.

        A slower worker may need long for it; the server knows when nothing moves any more.

        Returns:
            When it said so (ns).
        """
        everywhere = len(self._connections)
        self._board.wait(lambda: self._done == everywhere, "the end of the training", math.inf)
        return self._over_at

    def fail(self, why: str) -> None:
        """Tell the server on every flow."""
        send_errors(self._connections, why)

    def close(self) -> list[ConnectionEnd]:
        """End, when all has come and been sent: disconnect, and return the counters."""
        for queue in self._queues:
            queue.close()
        for thread in self._threads:
            thread.join()
        states = [ConnectionEnd(**tcp_state(*one.sockets)) for one in self._connections]
        for connection in self._connections:
            connection.close()
        return states

    @property
    def received(self) -> Spans:
        """When which chunk came, once it is closed."""
        return Spans.joined(one.received for one in self._transfers)

    @property
    def sent(self) -> Spans:
        """When which chunk went, once it is closed."""
        return Spans.joined(one.sent for one in self._transfers)

    # -- called by any thread --------------------------------------------------------------------

    def kept(self, unit: Unit) -> memoryview:
        """A unit's coded parameters as they came last, if `keep_payloads` was called."""
        assert isinstance(self._payloads, CodedPayloads)
        return self._payloads.payloads[unit.number]

    def prepare(self, unit: Unit, iteration: int) -> None:
        """Encode a unit's gradient."""
        self._frames.prepare(unit, iteration)

    def give(self, unit: Unit, iteration: int) -> None:
        """Queue a unit's gradient."""
        self._queues[self._unit_flow[unit.number]].put(
            self._frames.of(unit, self._end.job.worker, iteration),
            self._ranks[unit.number],
            unit.length,
        )

    def _lift_windows(self) -> None:
        """From the last iteration on, for its pushes are not answered."""
        job = self._end.job
        last = self.last if job.goes_on else job.all_iterations - 1
        if last is not None and self._iteration >= last:
            for queue in self._queues:
                queue.lift_window()

    def _pulls(self, iteration: int) -> Parcel:
        """Ask for all tensors at once: many frames, one send."""
        job, here = self._end.job, self._tensors
        order = job.pulls[iteration % len(job.pulls)]
        return Parcel(
            b"".join(
                Frame(FrameType.PULL, job.worker, iteration, tensor).pack()
                for tensor in order
                if tensor in here
            )
        )

    # -- the threads -----------------------------------------------------------------------------

    def _guarded(self, body: Callable[[], None]) -> None:
        try:
            body()
        except PeerError as error:
            self._board.fail(PeerError(f"{self._name} gave up: {error}"))
        except Disconnected as error:
            self._board.fail(Disconnected(f"{self._name} {error}"))
        except WorkloadError as error:
            self._board.fail(WorkloadError(f"{self._name}: {error}"))

    def _send(self, flow: int, connection: Connection) -> None:
        send_from(self._queues[flow], [connection], lambda sent: self._on_sent(flow, sent.units))

    def _on_sent(self, flow: int, units: int) -> None:
        """Note that the kernel took the ends of `units` units of gradients on a flow."""
        self._not_sent[flow] -= units
        if units and not self._not_sent[flow]:
            self._not_sent[flow] = self._flow_units[flow]
            with self._board.changed:
                self._pushes[flow] += 1
                # By flow: one may say so when another one's next iteration is on.
                pushes = zip(self._pushes, self._flow_units, strict=True)
                if min(whole for whole, carried in pushes if carried) > len(self._sent_at):
                    self._sent_at.append(time.monotonic_ns())
                    self._board.changed.notify_all()

    def _receive(self, flow: int, connection: Connection) -> None:
        """Receive from one flow until the server says on it that training is done."""
        arena, places = self._payloads.arena, self._payloads.places()
        begin, iteration = b"", 0  # of the parameters that have come last
        while True:
            frame = connection.receive_known(begin, places)
            if isinstance(frame, Chunk):
                self._expect(frame, flow, iteration)
                connection.receive_chunk(frame, arena, iteration)
                self._arrived(frame, flow)
            elif frame.type is FrameType.PARAMETERS:
                chunk, iteration = self._payloads.find(frame), frame.iteration
                self._expect(chunk, flow, iteration)
                self._payloads.receive(connection, chunk, frame)
                self._arrived(chunk, flow)
                begin = pack_begin(frame.type, frame.worker, iteration)
            elif frame.type is FrameType.RELEASE and self._may_begin(flow, frame.iteration):
                self._release()
            elif frame.type is FrameType.LAST and flow == 0 and self.last is None:
                with self._board.changed:
                    self.last = frame.iteration
                    self._board.changed.notify_all()
                self._lift_windows()
            elif frame.type is FrameType.DONE and self._is_over(frame.iteration):
                with self._board.changed:
                    self._over_at = time.monotonic_ns()
                    self._done += 1
                    self._board.changed.notify_all()
                return
            else:
                raise FrameError(
                    f"unexpected {frame.type.name} frame of iteration {frame.iteration}"
                )

    def _may_begin(self, flow: int, iteration: int) -> bool:
        return flow == 0 and iteration == self._released + 1

    def _is_over(self, iteration: int) -> bool:
        return all(self._versions[chunk] == iteration + 1 for chunk in self._chunks)

    def _release(self) -> None:
        """An iteration is released: where workers take turns, push it."""
        with self._board.changed:
            self._released_at = time.monotonic_ns()
            self._released += 1
            self._board.changed.notify_all()
        for queue, units in zip(self._queues, self._flow_units, strict=True):
            queue.allow(units)

    def _expect(self, chunk: Chunk, flow: int, iteration: int) -> None:
        """Check and note that a chunk's parameters of an iteration begin to arrive."""
        number, tensor, offset, _, _, unit = chunk
        if self._unit_flow[unit] != flow or self._answers[unit] is None:
            raise FrameError(f"tensor {tensor} at offset {offset} on flow {flow}")
        version = self._versions[number]
        if iteration != version:
            if iteration == version - 1:
                raise FrameError(f"tensor {tensor} at offset {offset} sent twice")
            raise FrameError(f"PARAMETERS frame of iteration {iteration}")
        self._versions[number] = version + 1

    def _arrived(self, chunk: Chunk, flow: int) -> None:
        """Note that they have arrived."""
        _, _, _, _, _, number = chunk
        unit = self._units[number]
        missing = self._unit_missing[number] - 1
        self._unit_missing[number] = missing or len(unit.chunks)
        if missing:
            return
        if self._answers[number]:  # all but the first time it comes as the answer to its push
            self._queues[flow].acknowledged(self._ranks[number], unit.length)
        self._answers[number] = True
        self._came(unit, self._payloads.decoding_ns[number])
