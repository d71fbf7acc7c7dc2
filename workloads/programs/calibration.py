"""A calibration: how much of the workload's own traffic gets through, both directions at once.

The parameter server sends parameters to every worker, and every worker its gradient to the server,
cut as the job's schedule says, in one flow each, as fast as the network takes them, for some
seconds. The server sums and applies what arrives. Frames, sockets and arithmetic are those of a
training; there is no computation on the workers and no step barrier, so this is the most that a
training can ask of the machine. Every process notes how many bytes reach it, in windows of 0.1 s on
the monotonic clock, and for how long what it sends was on its way: a sender that wakes up late
leaves the network to others, which is no fault of the network's.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import ClassVar

from workloads.errors import FrameError, WorkloadError
from workloads.exchange.join import join
from workloads.process import checks
from workloads.process.events import announce
from workloads.process.job import Job
from workloads.process.process_records import ConnectionEnd, ConnectionRecord
from workloads.process.records import Records, resources_used
from workloads.process.traffic_records import (
    ReleasedRecord,
    TrafficServerEnd,
    TrafficWorkerEnd,
    WindowRecord,
)
from workloads.process.training import ServerJob, WorkerJob
from workloads.programs.peers import Peer, accept_workers
from workloads.programs.program import Program
from workloads.schedule.units import Chunk, Layout
from workloads.training.contributions import OfAll
from workloads.training.update import Sgd
from workloads.transport.connection import Connection, Disconnected, send_errors
from workloads.transport.frames import UnitFrames
from workloads.transport.memory import Arena
from workloads.transport.send_queue import Parcel, SendQueue
from workloads.transport.sockets import kept_settings, tcp_state
from workloads.transport.wire import Frame, FrameType

WINDOW_NS = 100_000_000
FINISH_SECONDS = 1.0
# Kept in the queue, so that `take` finds as much as it may return.
_AHEAD_BYTES = 256 * 1024


@dataclass(frozen=True, kw_only=True)
class TrafficServerJob(ServerJob):
    """What a parameter server is told, and for how long traffic is exchanged."""

    keys: ClassVar[Mapping[str, checks.Check]] = {**ServerJob.keys, "seconds": checks.positive}

    seconds: float


@dataclass(frozen=True, kw_only=True)
class TrafficWorkerJob(WorkerJob):
    """What a worker is told, and for how long traffic is exchanged."""

    keys: ClassVar[Mapping[str, checks.Check]] = {**WorkerJob.keys, "seconds": checks.positive}

    seconds: float


TrafficJob = TrafficServerJob | TrafficWorkerJob


class TrafficServer(Program[TrafficServerJob]):
    """The parameter server of an exchange of traffic."""

    opens = "listening"

    def read(self, job: Job) -> TrafficServerJob:
        """Check the section of a parameter server, with how long it lasts."""
        return TrafficServerJob.of(job)

    def run(self, job: TrafficServerJob, records: Records) -> None:
        """Exchange traffic; see `CalibrationServer.run`."""
        CalibrationServer(job, records).run()


class TrafficWorker(Program[TrafficWorkerJob]):
    """A worker of an exchange of traffic."""

    def read(self, job: Job) -> TrafficWorkerJob:
        """Check the section of a worker, with how long it lasts."""
        return TrafficWorkerJob.of(job)

    def run(self, job: TrafficWorkerJob, records: Records) -> None:
        """Exchange traffic; see `CalibrationWorker.run`."""
        CalibrationWorker(job, records).run()


class CalibrationServer:
    """The parameter server of one calibration."""

    def __init__(self, job: TrafficServerJob, records: Records) -> None:
        self._job = job
        self._records = records
        self._layout = job.layout
        self._parameters = Arena(self._layout)
        self._gradients = [Arena(self._layout) for _ in job.workers]
        self._contributions = OfAll(self._layout, self._gradients)
        self._update = Sgd(self._parameters, len(job.workers), job.learning_rate)
        self._ready: SimpleQueue[Chunk] = SimpleQueue()
        self._applied = 0

    def run(self) -> None:
        """Exchange traffic with all workers until the time is over.

        Raises:
            WorkloadError: a connection failed; the workers have been told.
        """
        peers = accept_workers(self._job, self._layout, self._gradients)
        for peer in peers:
            settings = kept_settings(*peer.connections[0].sockets)
            self._records.write(ConnectionRecord(peer.number, 0, **settings))
        try:
            self._exchange(peers)
        except WorkloadError as error:
            for peer in peers:
                send_errors(peer.connections, str(error))
            raise
        self._records.write(
            TrafficServerEnd(
                **resources_used(),
                applied_bytes=self._applied,
                connections=[
                    ConnectionEnd(worker=peer.number, **tcp_state(*peer.connections[0].sockets))
                    for peer in peers
                ],
            )
        )

    def _exchange(self, peers: Sequence[Peer]) -> None:
        for peer in peers:
            peer.connections[0].send([Parcel(Frame(FrameType.RELEASE, peer.number).pack())])
        released = time.monotonic_ns()
        self._records.write(ReleasedRecord(released))
        until = released + round(self._job.seconds * 1e9)
        Thread(target=self._aggregate, daemon=True).start()
        bodies: list[tuple[str, Callable[[], None]]] = []
        for peer in peers:
            link = _Link(self._job, peer.connections[0], self._layout, peer.number)
            send = link.sender(FrameType.PARAMETERS, self._parameters, until)
            receive = link.receiver(FrameType.GRADIENT, peer.gradient, self._delivered, until)
            bodies += [(f"{peer.name}: ", send), (f"{peer.name}: ", receive)]
        exchange(bodies, [peer.connections[0] for peer in peers], self._records, until, self._job)

    def _delivered(self, chunk: Chunk) -> None:
        """Every n-th delivery of a chunk is work for the sum: as much as in a training."""
        if self._contributions.delivered(chunk):
            self._ready.put(chunk)

    def _aggregate(self) -> None:
        while True:
            chunk = self._ready.get()
            self._update.apply(chunk, self._contributions.of(chunk, 0))
            self._applied += chunk.length


class CalibrationWorker:
    """A worker of one calibration."""

    def __init__(self, job: TrafficWorkerJob, records: Records) -> None:
        self._job = job
        self._records = records
        self._layout = job.layout
        self._arena = Arena(self._layout)

    def run(self) -> None:
        """Exchange traffic with the parameter server until the time is over.

        Raises:
            WorkloadError: the connection failed; the parameter server has been told.
        """
        job = self._job
        connection = join(job, self._layout, self._records, job.members.servers[0])[0]
        try:
            self._exchange(connection)
        except WorkloadError as error:
            connection.send_error(str(error))
            raise WorkloadError(f"the parameter server: {error}") from None
        end = ConnectionEnd(**tcp_state(*connection.sockets))
        self._records.write(TrafficWorkerEnd(**resources_used(), connection=end))
        connection.close()

    def _exchange(self, connection: Connection) -> None:
        connection.receiving.settimeout(self._job.silence_seconds)
        frame = connection.receive()
        if frame.type is not FrameType.RELEASE:
            raise FrameError(f"{frame.type.name} frame, expected RELEASE")
        connection.receiving.settimeout(None)
        until = time.monotonic_ns() + round(self._job.seconds * 1e9)
        link = _Link(self._job, connection, self._layout, self._job.worker)
        bodies = [
            ("", link.sender(FrameType.GRADIENT, self._arena, until)),
            ("", link.receiver(FrameType.PARAMETERS, self._arena, lambda _: None, until)),
        ]
        exchange(bodies, [connection], self._records, until, self._job)


class _Link:
    """What the two threads of one connection do."""

    def __init__(
        self, job: TrafficJob, connection: Connection, layout: Layout, worker: int
    ) -> None:
        self._job = job
        self._connection = connection
        self._layout = layout
        self._worker = worker

    def sender(self, kind: FrameType, arena: Arena, until_ns: int) -> Callable[[], None]:
        """Send frames of that kind until the time, then say that this was all."""

        def body() -> None:
            # The receiver sees it, too, and may first find the peer's last word, which says why.
            with suppress(Disconnected):
                self._send(self._units(kind, arena), until_ns)

        return body

    def _send(self, units: Iterator[list[Parcel]], until_ns: int) -> None:
        queue, queued = SendQueue(send_limit=self._job.send_limit_bytes), 0
        while time.monotonic_ns() < until_ns:
            while queued < _AHEAD_BYTES:
                parcels = next(units)
                queue.put(parcels)
                queued += sum(len(parcel.body) for parcel in parcels if parcel.body)
            queued -= self._connection.send(queue.take()).payload
        self._connection.send([Parcel(Frame(FrameType.DONE, self._worker).pack())])

    def _units(self, kind: FrameType, arena: Arena) -> Iterator[list[Parcel]]:
        """The frames of one unit after the other, round after round, without end."""
        frames = UnitFrames(self._layout, arena, kind)
        for number in itertools.count():
            for unit in self._layout.units:
                yield frames.of(unit, self._worker, number)

    def receiver(
        self, kind: FrameType, arena: Arena, on_chunk: Callable[[Chunk], None], until_ns: int
    ) -> Callable[[], None]:
        """Receive frames of that kind until the other side says that this was all.

        After the time it may also just end.
        """

        def body() -> None:
            try:
                while self._receive(kind, arena, on_chunk):
                    pass
            except Disconnected:
                # On a slow link the peer does not finish what it was at: see `exchange`.
                if time.monotonic_ns() < until_ns:
                    raise

        return body

    def _receive(self, kind: FrameType, arena: Arena, on_chunk: Callable[[Chunk], None]) -> bool:
        """Receive a frame; whether more are to come."""
        frame = self._connection.receive()
        if frame.type is FrameType.DONE:
            return False
        if frame.type is not kind or frame.worker != self._worker:
            raise FrameError(f"unexpected {frame.type.name} frame of worker {frame.worker}")
        chunk = self._layout.find(frame.tensor, frame.offset, frame.length)
        self._connection.receive_chunk(chunk, arena)
        on_chunk(chunk)
        return True


def exchange(
    bodies: Sequence[tuple[str, Callable[[], None]]],
    connections: Sequence[Connection],
    records: Records,
    until_ns: int,
    job: TrafficJob,
) -> None:
    """Run each body on its own thread, and note what arrives until the time is over.

    Then they have a moment to finish what they are at, and on slow links no more than that: of
    what they still want to send, only what the sockets hold is sent.

    Args:
        bodies: what to run, each with the prefix of its error's text.
        connections: whose received bytes are noted.
        records: where.
        until_ns: end of the time.
        job: says how long what the sockets hold may take.

    Raises:
        WorkloadError: of the body that failed first, or because one does not end.
    """
    ended: SimpleQueue[WorkloadError | None] = SimpleQueue()
    failed = Event()

    announce("calibrating", seconds=job.seconds)

    def guarded(name: str, body: Callable[[], None]) -> None:
        try:
            body()
            ended.put(None)
        except WorkloadError as error:
            ended.put(WorkloadError(f"{name}{error}"))
            failed.set()

    for named_body in bodies:
        Thread(target=guarded, args=named_body, daemon=True).start()
    _note_windows(connections, records, until_ns, failed)
    running = len(bodies)
    for seconds in (FINISH_SECONDS, job.silence_seconds):
        deadline = time.monotonic() + seconds
        with suppress(Empty):
            while running:
                error = ended.get(timeout=max(0.0, deadline - time.monotonic()))
                if error is not None:
                    raise error
                running -= 1
        if running:
            for connection in connections:
                connection.stop_sending()
    if running:
        raise WorkloadError(f"the exchange of traffic did not end within {seconds:g} s")


def _note_windows(
    connections: Sequence[Connection], records: Records, until_ns: int, failed: Event
) -> None:
    """Write down what each connection received and how busy it was, until one failed.

    The kernel's count is exact where a count of whole frames is as coarse as 256 KiB. Its time in
    which a connection had something to send counts from tick to tick, and is right on average.
    """

    def counted() -> list[tuple[int, int]]:
        """Per connection: bytes received, microseconds in which the network could send for it."""
        counts = []
        for one in connections:
            state = tcp_state(*one.sockets)
            busy = state.get("busy_us", 0) - state.get("receiver_limited_us", 0)
            counts.append((state.get("bytes_received", one.received), busy))
        return counts

    begin, before = time.monotonic_ns(), counted()
    while begin < until_ns and not failed.is_set():
        boundary = (begin // WINDOW_NS + 1) * WINDOW_NS
        failed.wait(max(0.0, (boundary - time.monotonic_ns()) / 1e9))
        # The time that it is, not the time that it should be: a busy machine wakes this up late.
        end, now = time.monotonic_ns(), counted()
        counts = [after[0] - earlier[0] for earlier, after in zip(before, now, strict=True)]
        busy = [after[1] - earlier[1] for earlier, after in zip(before, now, strict=True)]
        records.write(WindowRecord(begin, end, counts, busy))
        begin, before = end, now
