"""The parameter server: holds the parameters, answers pulls, sums pushed gradients, keeps the step.

Threads: per worker and flow a receiver and a sender, and one that aggregates. The main thread
accepts the workers, then follows: it writes the records, and gives up when something failed or
nothing moves.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Lock, Thread

from workloads.aggregation import Aggregation, initialise
from workloads.errors import FrameError, WorkloadError
from workloads.events import announce
from workloads.flows import flow_bytes, unit_flows
from workloads.job import ServerJob
from workloads.layout import Arena, Layout, Slice, Unit, check_ranks
from workloads.network import kept_settings, tcp_state
from workloads.peers import Peer, accept_workers
from workloads.process_records import (
    ConnectionEnd,
    ConnectionRecord,
    PsEnd,
    PsSpans,
    ScheduleRecord,
)
from workloads.progress import IterationLog, Logs
from workloads.records import Records, TrainingCpu, resources_used
from workloads.spans import Spans, Transfers, write_layout, write_spans
from workloads.staleness import Paces
from workloads.transport import Disconnected, Parcel, PeerError, send_errors, send_from
from workloads.wire import Frame, FrameType, pack_begin

_AHEAD = -1  # rank of what goes before all parameters


class ParameterServer:
    """One training run, from the first worker's connection to the last one's end."""

    def __init__(self, job: ServerJob, records: Records) -> None:
        self._job = job
        self._records = records
        self._layout = Layout(job.model, job.rates, job.time, job.schedule.slice_bytes)
        self._parameters = Arena(self._layout)
        initialise(self._parameters, self._layout, job.seed)
        self._gradients = [Arena(self._layout) for _ in job.workers]
        self._aggregation = Aggregation(self._parameters, self._gradients, job.learning_rate)
        self._peers: tuple[Peer, ...] = ()
        self._logs = Logs(len(job.workers), self._layout.bytes)
        self._current = 0
        check_ranks(self._layout, "answer_ranks", *job.answer_ranks)
        self._unit_flow = unit_flows(self._layout, len(job.flow_dscp))
        self._flow_bytes = flow_bytes(self._layout, self._unit_flow, len(job.flow_dscp))
        self._unit_missing = [len(unit.slices) for unit in self._layout.units]
        self._counting = Lock()
        self._deliveries = [0] * len(self._layout.slices)  # per slice: workers that delivered it
        self._ready: SimpleQueue[tuple[Slice, int]] = SimpleQueue()  # and who delivered it last
        self._paces: Paces | None = None
        if not job.schedule.bulk_synchronous:
            workers, units = len(job.workers), len(self._layout.units)
            self._paces = Paces(
                workers, units, job.schedule.staleness, job.all_iterations, goes_on=job.goes_on
            )
        self._events: SimpleQueue[IterationLog | WorkloadError | None] = SimpleQueue()  # None: over
        self._transfers = [
            [Transfers(job.all_iterations) for _ in job.flow_dscp] for _ in job.workers
        ]
        # Per worker, if each has a pace of its own: the slowest one's last iterations stay, too.
        self._applied_spans = [Spans(job.all_iterations) for _ in job.workers]
        self._finished = False

    def run(self) -> None:
        """Train.

        Raises:
            WorkloadError: the training failed; the workers have been told.
        """
        self._records.write(ScheduleRecord.of(self._job.schedule))
        self._peers = accept_workers(self._job, self._layout, self._gradients)
        for peer, transfers in zip(self._peers, self._transfers, strict=True):
            for flow, connection in enumerate(peer.connections):
                connection.transfers = transfers[flow]
                settings = kept_settings(*connection.sockets)
                self._records.write(ConnectionRecord(peer.number, flow, **settings))
        try:
            self._train()
        except WorkloadError as error:
            for peer in self._peers:
                send_errors(peer.connections, str(error))
            raise

    # -- an iteration ----------------------------------------------------------------------------

    @property
    def _log(self) -> IterationLog:
        """Of the oldest iteration that is not over."""
        return self._logs[self._current]

    def _begin(self, iteration: int) -> int:
        """Start an iteration on all workers, and return the time.

        With a step barrier they are released and ask for the parameters. Without one they get those
        of the first iteration now, and all others unit by unit, as they are applied.
        """
        self._current = iteration
        self._log.released = time.monotonic_ns()
        if self._job.schedule.barrier:
            for peer in self._peers:
                self._tell(peer, FrameType.RELEASE, iteration)
        elif iteration == 0:
            for unit in self._layout.units:
                self._answer_all(unit, iteration)
        return self._log.released

    def _tell(self, peer: Peer, kind: FrameType, iteration: int) -> None:
        """Tell a worker; that all is over on every flow, for its receivers wait on each."""
        frame = Frame(kind, peer.number, iteration).pack()
        for queue in peer.queues if kind is FrameType.DONE else peer.queues[:1]:
            queue.put([Parcel(frame, to=peer.number)], rank=_AHEAD)

    def _aggregate(self) -> None:
        """Apply slices as they get complete.

        No slice of an iteration is complete before all of the one before are: a worker's first push
        of it comes after its forward pass, which needs all of them.
        """
        last = self._job.all_iterations - 1
        for number in range(last + 1):
            log = self._logs[number]
            for _ in self._layout.slices:
                piece, _ = self._ready.get()
                begin = time.monotonic_ns()
                self._aggregation.apply(piece)
                self._applied_spans[0].note(log.number, piece.number, begin, time.monotonic_ns())
                if log.number < last and not self._job.schedule.barrier:
                    self._applied(piece, log.number)
            self._end(log)
        self._over([last for _ in self._peers])

    def _end(self, log: IterationLog) -> None:
        """End an iteration that every worker has finished."""
        log.applied = time.monotonic_ns()
        if log.number + 1 < self._job.all_iterations:
            log.next_release = self._begin(log.number + 1)
        else:
            log.next_release = log.applied
        self._events.put(log)

    def _over(self, last: Sequence[int]) -> None:
        """End the training: every worker has finished its last iteration."""
        self._finished = True
        for peer in self._peers:
            self._tell(peer, FrameType.DONE, last[peer.number])
        self._events.put(None)

    def _aggregate_apart(self, paces: Paces) -> None:
        """Apply every push by itself, in the order of arrival.

        Others' parameters are sent while they are changed: a slice may be of two versions.
        """
        turn = 0
        if self._job.turns:
            self._give_turn(turn)
        missing = [[len(unit.slices) for unit in self._layout.units] for _ in self._peers]
        done = [[0] * len(self._layout.units) for _ in self._peers]
        told: dict[int, int] = {}
        ended = 0
        while not (self._tell_last(paces, told) and paces.over):
            piece, worker = self._ready.get()
            unit = self._layout.units[piece.unit]
            iteration = done[worker][unit.number]
            begin = time.monotonic_ns()
            self._aggregation.apply_one(piece, worker)
            self._applied_spans[worker].note(iteration, piece.number, begin, time.monotonic_ns())
            missing[worker][unit.number] -= 1
            if missing[worker][unit.number]:
                continue
            missing[worker][unit.number] = len(unit.slices)
            done[worker][unit.number] += 1
            for answer in paces.applied(worker, unit.number, iteration):
                peer = self._peers[answer.worker]
                self._answer(peer, self._layout.units[answer.unit], answer.iteration)
            if self._job.turns and done[worker].count(iteration + 1) == len(done[worker]):
                turn += 1
                self._give_turn(turn)
            while ended < min(paces.finished, self._job.all_iterations):
                self._end(self._logs[ended])
                ended += 1
        self._over([told[peer.number] for peer in self._peers])

    def _tell_last(self, paces: Paces, told: dict[int, int]) -> bool:
        """Tell workers that go on which iteration is their last one; whether all have been told."""
        for number, last in enumerate(paces.last):
            if last is not None and number not in told:
                told[number] = last
                if self._job.goes_on:
                    self._tell(self._peers[number], FrameType.LAST, last)
        return len(told) == len(self._peers)

    def _give_turn(self, turn: int) -> None:
        """Let the next worker push an iteration; turns are counted from 0."""
        iteration, number = divmod(turn, len(self._peers))
        if iteration < self._job.all_iterations:
            self._tell(self._peers[number], FrameType.RELEASE, iteration)

    def _applied(self, piece: Slice, iteration: int) -> None:
        """Answer all pushes of a unit once all of it is applied."""
        unit = self._layout.units[piece.unit]
        self._unit_missing[unit.number] -= 1
        if not self._unit_missing[unit.number]:
            self._unit_missing[unit.number] = len(unit.slices)
            self._answer_all(unit, iteration + 1)

    def _answer_all(self, unit: Unit, iteration: int) -> None:
        for peer in self._peers:
            self._answer(peer, unit, iteration)

    def _answer(self, peer: Peer, unit: Unit, iteration: int) -> None:
        number = peer.number
        peer.answered[unit.number] += 1
        begin = pack_begin(FrameType.PARAMETERS, number, iteration)
        values = self._parameters.slice_bytes
        peer.queues[self._unit_flow[unit.number]].put(
            [
                Parcel(begin + piece.place, values(piece), number, iteration, piece.number)
                for piece in unit.slices
            ],
            self._job.answer_ranks[number][unit.number],
        )

    def _receive_from(self, peer: Peer, flow: int) -> None:
        connection = peer.connections[flow]
        may_pull = self._job.schedule.barrier and not flow
        while True:
            try:
                frame = connection.receive()
            except Disconnected:
                if self._finished:
                    return
                raise
            if frame.worker != peer.number:
                raise FrameError(f"{frame.type.name} frame of worker {frame.worker}")
            if frame.type is FrameType.GRADIENT:
                self._take_in(peer, flow, frame)
            elif frame.type is FrameType.PULL and may_pull:
                self._answer_pull(peer, frame)
            else:
                raise FrameError(f"unexpected {frame.type.name} frame")

    def _answer_pull(self, peer: Peer, pull: Frame) -> None:
        units = self._layout.units_of(pull.tensor)
        if pull.length:
            raise FrameError(f"PULL frame with a payload of {pull.length} bytes")
        if pull.iteration != self._current:
            raise FrameError(f"PULL frame of iteration {pull.iteration}")
        if peer.answered[units[0].number] > pull.iteration:
            raise FrameError(f"tensor {pull.tensor} pulled twice")
        for unit in units:
            self._answer(peer, unit, pull.iteration)

    def _take_in(self, peer: Peer, flow: int, push: Frame) -> None:
        piece = self._layout.find(push.tensor, push.offset, push.length)
        if self._unit_flow[piece.unit] != flow:
            raise FrameError(f"tensor {piece.tensor} at offset {piece.offset} on flow {flow}")
        delivered = peer.delivered[piece.number]
        if push.iteration == delivered - 1:
            raise FrameError(f"tensor {piece.tensor} at offset {piece.offset} pushed twice")
        if push.iteration != delivered:
            raise FrameError(f"GRADIENT frame of iteration {push.iteration}")
        if peer.answered[piece.unit] == delivered:
            raise FrameError(f"tensor {piece.tensor} pushed before it was pulled")
        peer.delivered[piece.number] += 1
        log = self._logs[push.iteration]
        log.push_begins(peer.number)
        peer.connections[flow].receive_slice(piece, peer.gradient, push.iteration)
        log.pushed(peer.number, piece.length)
        if self._paces is not None:
            self._ready.put((piece, peer.number))
            return
        with self._counting:
            self._deliveries[piece.number] += 1
            complete = self._deliveries[piece.number] == len(self._peers)
            if complete:
                self._deliveries[piece.number] = 0
        if complete:
            self._ready.put((piece, peer.number))

    def _send_from(self, peer: Peer, flow: int) -> None:
        """Send what stands in the queue of a flow: to the worker, or to all that share it."""
        totals = [0] * len(self._peers)

        def on_sent(worker: int, payload: int) -> None:
            # By the count of bytes, not by the current iteration: this thread may run so late that
            # the worker has used the bytes and the next iteration is on.
            self._logs[totals[worker] // self._flow_bytes[flow]].sent(worker, payload)
            totals[worker] += payload

        send_from(peer.queues[flow], [each.connections[flow] for each in self._peers], on_sent)

    # -- the main thread follows -----------------------------------------------------------------

    def _train(self) -> None:
        cpu = TrainingCpu()
        self._begin(0)
        if self._paces is None:
            Thread(target=self._aggregate, daemon=True).start()
        else:
            Thread(target=self._aggregate_apart, args=[self._paces], daemon=True).start()
        ends = [(peer, flow) for peer in self._peers for flow in range(len(peer.queues))]
        first_of = {id(peer.queues[flow]): (peer, flow) for peer, flow in reversed(ends)}
        threads = [
            (peer, self._start(self._send_from, peer, flow)) for peer, flow in first_of.values()
        ]
        threads += [(peer, self._start(self._receive_from, peer, flow)) for peer, flow in ends]
        self._follow()
        for peer, flow in ends:
            peer.queues[flow].close()
        for peer, thread in threads:
            thread.join(self._job.silence_seconds)
            if thread.is_alive():
                raise WorkloadError(f"{peer.name}: does not end")
        training_cpu = cpu.used(self._aggregation.cpu_ns)
        digest = hashlib.sha256(self._parameters.bytes).hexdigest()
        used = resources_used()  # before the spans, which are no part of the training
        self._write_spans()
        received, sent = self._logs.payload
        behind = None if self._paces is None else dict(sorted(self._paces.behind.items()))
        self._records.write(
            PsEnd(
                **used,
                training_cpu=training_cpu,
                parameters_sha256=digest,
                staleness=behind,
                payload_in=received,
                payload_out=sent,
                connections=[
                    ConnectionEnd(worker=peer.number, flow=flow, **tcp_state(*connection.sockets))
                    for peer in self._peers
                    for flow, connection in enumerate(peer.connections)
                ],
            )
        )

    def _write_spans(self) -> None:
        write_layout(self._records, self._job.model, self._layout, self._unit_flow)
        kinds: dict[str, Spans | list[Spans]] = {
            "received": [Spans.joined(one.received for one in each) for each in self._transfers],
            "sent": [Spans.joined(one.sent for one in each) for each in self._transfers],
            "applied": Spans.joined(self._applied_spans),
        }
        write_spans(self._records, PsSpans, self._job.all_iterations, kinds)

    def _start(self, body: Callable[[Peer, int], None], peer: Peer, flow: int) -> Thread:
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

    def _fail(self, peer: Peer, why: str) -> None:
        self._events.put(WorkloadError(f"iteration {self._log.number}: {peer.name}: {why}"))

    def _follow(self) -> None:
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
                now = sum(one.moved for peer in self._peers for one in peer.connections)
                if now != moved:
                    moved, moved_at = now, time.monotonic()
                elif time.monotonic() - moved_at > silence:
                    log = self._log
                    raise WorkloadError(
                        f"iteration {log.number}: nothing moved for {silence:g} s; waiting for "
                        f"{log.missing(self._job.workers) or 'what workers have begun since'}"
                    ) from None
                continue
            if event is None:
                return
            if isinstance(event, WorkloadError):
                raise event
            # It is, or a sender thread has yet to say so.
            if not event.all_sent.wait(silence):
                raise WorkloadError(f"iteration {event.number}: not all parameters were sent")
            self._records.write(event.record())
            announce(
                "iteration",
                iteration=event.number,
                released_ns=event.released,
                next_release_ns=event.next_release,
            )
