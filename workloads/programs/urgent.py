"""Urgent tensors: how long the most urgent unit waits behind a full queue.

The worker's send queue is kept full of units of no urgency, and every now and then, after gaps that
the seed decides, one that is more urgent than all others is put into it. Queue, sender and socket
are those of a training under the job's schedule. Written down are when each urgent unit became
ready, at which byte of the connection's stream it begins, when which bytes left the worker's
interface, and when the unit arrived at the parameter server. `orchestrator.analysis` says what that
means.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Sequence
from threading import Thread

from workloads.errors import FrameError, JobError, WorkloadError
from workloads.exchange.join import join
from workloads.process.events import announce
from workloads.process.job import Job
from workloads.process.process_records import ConnectionRecord
from workloads.process.records import Records
from workloads.process.traffic_records import ArrivedRecord, PacketsRecord, UrgentRecord
from workloads.programs.calibration import TrafficServerJob, TrafficWorkerJob
from workloads.programs.peers import Peer, accept_workers
from workloads.programs.program import Program
from workloads.schedule.units import Unit
from workloads.transport.capture import Capture
from workloads.transport.connection import Connection, Sent, send_from
from workloads.transport.frames import UnitFrames
from workloads.transport.memory import Arena
from workloads.transport.send_queue import Parcel, SendQueue
from workloads.transport.sockets import kept_settings
from workloads.transport.wire import Frame, FrameType, greeting

GAP_SECONDS = (0.03, 0.06)
"""Between urgent units, of the real system: some twenty to fifty slices of P3's at 1 Gbit/s."""
_AHEAD_UNITS = 32  # that wait in the queue at all times
_URGENT, _PATIENT = 0, 1  # ranks


class UrgentServer(Program[TrafficServerJob]):
    """The parameter server: receives what one worker sends."""

    opens = "listening"

    def read(self, job: Job) -> TrafficServerJob:
        """Check the section of an exchange of traffic with one worker."""
        traffic_job = TrafficServerJob.of(job)
        if len(traffic_job.workers) != 1:
            raise JobError(["section.workers: must be one"])
        return traffic_job

    def run(self, job: TrafficServerJob, records: Records) -> None:
        """Receive until the worker says that this was all; see `_Receiver.run`."""
        _Receiver(job, records).run()


class UrgentWorker(Program[TrafficWorkerJob]):
    """The worker: one connection's sender under the job's schedule."""

    def read(self, job: Job) -> TrafficWorkerJob:
        """Check the section of an exchange of traffic."""
        return TrafficWorkerJob.of(job)

    def run(self, job: TrafficWorkerJob, records: Records) -> None:
        """Send until the time is over; see `_Sender.run`."""
        _Sender(job, records).run()


class _Receiver:
    """The parameter server's end of one measurement."""

    def __init__(self, job: TrafficServerJob, records: Records) -> None:
        self._job = job
        self._records = records
        self._layout = job.layout

    def run(self) -> None:
        """Receive until the worker says that this was all.

        Raises:
            WorkloadError: the connection failed; the worker has been told.
        """
        (peer,) = accept_workers(self._job, self._layout, [Arena(self._layout)])
        connection = peer.connections[0]
        settings = kept_settings(*connection.sockets)
        self._records.write(ConnectionRecord(peer.number, 0, **settings))
        connection.receiving.settimeout(self._job.silence_seconds)
        try:
            connection.send([Parcel(Frame(FrameType.RELEASE).pack())])
            announce("measuring", seconds=self._job.seconds)
            self._receive(peer, connection)
            connection.send([Parcel(Frame(FrameType.DONE).pack())])
        except WorkloadError as error:
            connection.send_error(str(error))
            raise WorkloadError(f"{peer.name}: {error}") from None

    def _receive(self, peer: Peer, connection: Connection) -> None:
        while (frame := connection.receive()).type is not FrameType.DONE:
            begins = time.monotonic_ns()
            if frame.type is not FrameType.GRADIENT:
                raise FrameError(f"unexpected {frame.type.name} frame")
            chunk = self._layout.find(frame.tensor, frame.offset, frame.length)
            connection.receive_chunk(chunk, peer.gradient)
            if frame.iteration:
                ends = time.monotonic_ns()
                self._records.write(ArrivedRecord(frame.iteration, frame.offset, begins, ends))


class Stream(Connection):
    """A connection that knows at which byte of its stream each frame of interest begins."""

    def __init__(self, connection: Connection, handed: int) -> None:
        """Take over a connection of which `handed` bytes have been given to the kernel."""
        super().__init__(*connection.sockets)
        self._handed = handed
        self.begins: dict[bytes, int | None] = {}

    def send(self, parcels: Sequence[Parcel]) -> Sent:
        """As any connection does, and note where the frames asked for in `begins` begin."""
        for parcel in parcels:
            if parcel.head in self.begins:
                self.begins[parcel.head] = self._handed
            self._handed += len(parcel.head) + len(parcel.body or b"")
        return super().send(parcels)


class _Sender:
    """The worker's end of one measurement."""

    def __init__(self, job: TrafficWorkerJob, records: Records) -> None:
        self._job = job
        self._records = records
        self._layout = job.layout
        self._frames = UnitFrames(self._layout, Arena(self._layout), FrameType.GRADIENT)
        self._queue = SendQueue(job.window_bytes, job.send_limit_bytes)
        self._patient = itertools.cycle(self._layout.units)
        self._queued = 0  # bytes of patient units that have not been sent
        self._filling = True
        self._ahead = _AHEAD_UNITS * max(unit.length for unit in self._layout.units)

    def run(self) -> None:
        """Send until the time is over.

        Raises:
            WorkloadError: the connection failed, or packets cannot be captured.
        """
        job = self._job
        # Before the connection: its first packet says where its sequence numbers begin.
        capture = Capture(job.bind, job.server.port)
        try:
            connection = join(job, self._layout, self._records, job.members.servers[0])[0]
            self._send(connection)
            self._write_packets(capture, connection)
        finally:
            capture.close()
        connection.close()

    def _send(self, connection: Connection) -> None:
        connection.receiving.settimeout(self._job.silence_seconds)
        _expect(connection, FrameType.RELEASE)
        hello = greeting(FrameType.HELLO, self._job.worker, 0, self._layout.digest)
        stream = Stream(connection, len(hello))
        self._refill()
        sender = Thread(target=send_from, args=(self._queue, [stream], self._on_sent), daemon=True)
        sender.start()
        ready = self._put_urgent(stream)
        self._filling = False
        self._queue.close()
        sender.join(self._job.silence_seconds)
        if sender.is_alive():
            raise WorkloadError("the queue is not sent to its end")
        stream.send([Parcel(Frame(FrameType.DONE, self._job.worker).pack())])
        _expect(connection, FrameType.DONE)
        for number, (head, moment) in enumerate(ready.items(), start=1):
            begins = stream.begins[head]
            assert begins is not None  # all has been sent
            self._records.write(UrgentRecord(number, moment, begins))

    def _put_urgent(self, stream: Stream) -> dict[bytes, int]:
        """Put urgent units until the time is over; when each was ready (ns), by its first head."""
        job = self._job
        gaps = random.Random(f"{job.seed} {job.repeat}")
        unit = max(self._layout.units, key=lambda unit: unit.length)
        ready: dict[bytes, int] = {}
        until = time.monotonic() + job.seconds
        while True:
            gap = gaps.uniform(*GAP_SECONDS) * job.time
            if time.monotonic() + gap > until:
                return ready
            time.sleep(gap)
            parcels = self._parcels(unit, len(ready) + 1)
            stream.begins[parcels[0].head] = None
            ready[parcels[0].head] = time.monotonic_ns()
            self._queue.put(parcels, _URGENT, unit.length)

    def _parcels(self, unit: Unit, number: int) -> list[Parcel]:
        """The frames of a unit; `number` tells the urgent ones, counted from 1."""
        return self._frames.of(unit, self._job.worker, number)

    def _refill(self) -> None:
        while self._filling and self._queued < self._ahead:
            unit = next(self._patient)
            self._queue.put(self._parcels(unit, 0), _PATIENT, unit.length)
            self._queued += unit.length

    def _on_sent(self, sent: Sent) -> None:
        # Urgent bytes are subtracted, too, and were never added: it is that much fuller.
        self._queued -= sent.payload
        self._refill()

    def _write_packets(self, capture: Capture, connection: Connection) -> None:
        """Write down what has left of the stream, and where its sequence numbers begin."""
        port = connection.sending.getsockname()[1]
        packets = [packet for packet in capture.packets() if packet.port == port]
        data = [packet for packet in packets if packet.length and not packet.syn]
        self._records.write(
            PacketsRecord(
                lost=capture.lost(),
                syn_sequence=next((packet.sequence for packet in packets if packet.syn), None),
                left_ns=[packet.left_ns for packet in data],
                sequence=[packet.sequence for packet in data],
                length=[packet.length for packet in data],
            )
        )


def _expect(connection: Connection, kind: FrameType) -> None:
    frame = connection.receive()
    if frame.type is not kind:
        raise FrameError(f"{frame.type.name} frame, expected {kind.name}")
