"""A worker's end of the exchange with a parameter server, whose own end is a program.

Threads: per flow, a receiver writes parameters into the arena and a sender empties the send queue.
The worker waits for both in `Inbox`, which knows when nothing moves any more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from threading import Thread

from workloads.codecs.coded import payloads_of
from workloads.errors import WorkloadError
from workloads.exchange.demand import Demand, server_demands
from workloads.exchange.exchange import End, Ended, Exchange
from workloads.exchange.inbox import Inbox
from workloads.exchange.join import join
from workloads.models.profiles import Model
from workloads.process.process_records import ConnectionEnd
from workloads.schedule.flows import flow_units, unit_flows
from workloads.schedule.library import CHOICES
from workloads.schedule.members import Members
from workloads.schedule.units import Unit, check_ranks
from workloads.transport.connection import (
    Connection,
    Disconnected,
    Parcel,
    PeerError,
    SendQueue,
    send_errors,
    send_from,
)
from workloads.transport.sockets import tcp_state
from workloads.transport.spans import Spans, Transfers
from workloads.transport.wire import Frame, FrameType


class ParameterServerExchange(Exchange):
    """Pushes gradients to a parameter server, which answers with the parameters of all."""

    honours = CHOICES
    brings_parameters = True

    @classmethod
    def programs(cls, members: Members) -> Mapping[str, str]:
        """A server, and the workers."""
        servers = dict.fromkeys(members.servers, "server")
        return {**servers, **dict.fromkeys(members.workers, "worker")}

    @classmethod
    def demands(cls, members: Members, model: Model) -> Sequence[Demand]:
        """Every worker pulls all parameters, and pushes all gradients."""
        (server,) = members.servers
        return server_demands(server, members.workers, model.bytes)

    def open(self, end: End) -> None:
        """Connect, and let the threads run."""
        super().open(end)
        job, layout = end.job, end.layout
        check_ranks(layout, "push_ranks", job.push_ranks)
        schedule = job.schedule
        # Another seed for each worker: their errors must not be the same.
        seed = job.seed + 1 + job.worker
        pushes = payloads_of(schedule.push_codec, job.model, layout, end.arena, seed)
        answers = payloads_of(schedule.pull_codec, job.model, layout, end.arena, seed)
        self._frames = pushes.frames(FrameType.GRADIENT)
        self._ranks = job.push_ranks
        allowed = 0 if job.turns else None
        self._queues = tuple(
            SendQueue(job.window_bytes, job.send_limit_bytes, allowed) for _ in job.flow_dscp
        )
        self._unit_flow = unit_flows(layout, len(job.flow_dscp))
        self._flow_units = flow_units(self._unit_flow, len(job.flow_dscp))
        self._answers = [False] * len(layout.units)  # whether a unit's next one is an answer
        self._transfers = [Transfers(job.all_iterations) for _ in job.flow_dscp]
        self._iteration = 0
        self._connections = join(job, layout, end.records)
        for connection, transfers in zip(self._connections, self._transfers, strict=True):
            connection.transfers = transfers
        self._inbox = Inbox(
            answers,
            self._connections,
            job.silence_seconds,
            on_unit=self._answered,
            on_release=self._released,
            on_last=self._lift_windows,
        )
        self._threads = [
            self._start(body)
            for flow, ends in enumerate(zip(self._queues, self._connections, strict=True))
            for body in (partial(self._inbox.receive, flow), partial(self._send, *ends, flow))
        ]

    def more(self, iteration: int) -> bool:
        """Where workers go on until all have done theirs, the server says which is the last one."""
        return super().more(iteration) or (
            self.end.job.goes_on and self._inbox.wait_for_more(iteration)
        )

    def begin(self, iteration: int) -> int | None:
        """With a step barrier: wait for the release, and ask for all tensors."""
        self._iteration = iteration
        released = None
        if self.end.job.schedule.barrier:
            released = self._inbox.wait_for_release(iteration)
            self._queues[0].put([self._pulls(iteration)])
        self._lift_windows()
        return released

    def wait(self, layers: Sequence[int]) -> tuple[int, int]:
        """Wait until one of the layers has its parameters."""
        return self._inbox.wait_for_layer(layers, self._iteration)

    def prepare(self, unit: Unit) -> None:
        """Encode a unit's gradient."""
        self._frames.prepare(unit, self._iteration)

    def give(self, unit: Unit) -> None:
        """Queue a unit's gradient."""
        self._queues[self._unit_flow[unit.number]].put(
            self._frames.of(unit, self.end.job.worker, self._iteration),
            self._ranks[unit.number],
            unit.length,
        )

    def sent(self, iteration: int) -> int:
        """Wait until the kernel has taken an iteration's gradients."""
        return self._inbox.wait_for_push(iteration)

    def fail(self, why: str) -> None:
        """Tell the server on every flow."""
        send_errors(self._connections, why)

    def close(self) -> Ended:
        """Wait until the server has applied the last iteration of all workers, and disconnect."""
        self._inbox.wait_for_push(self._iteration)
        over = self._inbox.wait_for_end()
        for queue in self._queues:
            queue.close()
        for thread in self._threads:
            thread.join()
        states = [ConnectionEnd(**tcp_state(*one.sockets)) for one in self._connections]
        for connection in self._connections:
            connection.close()
        return Ended(
            over,
            states,
            received=Spans.joined(one.received for one in self._transfers),
            sent=Spans.joined(one.sent for one in self._transfers),
        )

    def _lift_windows(self) -> None:
        """From the last iteration on, for its pushes are not answered."""
        job = self.end.job
        last = self._inbox.last if job.goes_on else job.all_iterations - 1
        if last is not None and self._iteration >= last:
            for queue in self._queues:
                queue.lift_window()

    def _pulls(self, iteration: int) -> Parcel:
        """Ask for all tensors at once: many frames, one send."""
        job = self.end.job
        order = job.pulls[iteration % len(job.pulls)]
        return Parcel(
            b"".join(
                Frame(FrameType.PULL, job.worker, iteration, tensor).pack() for tensor in order
            )
        )

    def _released(self) -> None:
        """The parameter server has released an iteration: where workers take turns, push it."""
        for queue, units in zip(self._queues, self._flow_units, strict=True):
            queue.allow(units)

    def _answered(self, unit: Unit) -> None:
        """A unit has come; all but the first time as the answer to its push."""
        if self._answers[unit.number]:
            queue = self._queues[self._unit_flow[unit.number]]
            queue.acknowledged(self._ranks[unit.number], unit.length)
        self._answers[unit.number] = True

    def _send(self, queue: SendQueue, connection: Connection, flow: int) -> None:
        send_from(queue, [connection], lambda sent: self._inbox.on_sent(flow, sent.units))

    def _start(self, body: Callable[[], None]) -> Thread:
        def guarded() -> None:
            try:
                body()
            except PeerError as error:
                self._inbox.fail(PeerError(f"the parameter server gave up: {error}"))
            except Disconnected as error:
                self._inbox.fail(Disconnected(f"the parameter server {error}"))
            except WorkloadError as error:
                self._inbox.fail(WorkloadError(f"the parameter server: {error}"))

        thread = Thread(target=guarded, daemon=True)
        thread.start()
        return thread
