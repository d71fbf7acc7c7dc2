"""The worker's side of its connections to the parameter server: how it gets in."""

from __future__ import annotations

from contextlib import suppress

from workloads.process.process_records import ConnectionRecord
from workloads.process.records import Records
from workloads.process.training import WorkerJob
from workloads.schedule.units import Layout
from workloads.transport.connection import Connection, Disconnected, Parcel
from workloads.transport.sockets import connect, kept_settings, limit_not_sent, mark
from workloads.transport.wire import FrameType, greeting


def join(job: WorkerJob, layout: Layout, records: Records) -> tuple[Connection, ...]:
    """Open the connections of a worker, two per flow, and say on each what it is.

    Raises:
        WorkloadError: the parameter server does not answer, or the own address cannot be used.
    """
    connections = []
    # All before the first word: a server that refuses the one says so on it, and stops listening.
    for flow, dscp in enumerate(job.flow_dscp):
        receiving = connect(job.bind, job.server, job.buffers, job.silence_seconds)
        sending = connect(job.bind, job.server, job.buffers, job.silence_seconds)
        limit_not_sent(sending, job.not_sent_limit_bytes)
        mark(sending, dscp)
        settings = kept_settings(receiving, sending)
        records.write(ConnectionRecord(job.worker, flow, **settings))
        connections.append(Connection(receiving, sending))
    for flow, connection in enumerate(connections):
        for kind, sock in (
            (FrameType.LISTEN, connection.receiving),
            (FrameType.HELLO, connection.sending),
        ):
            first = greeting(kind, job.worker, flow, layout.digest)
            # The receiver sees it, too, and may first find the server's last word, which says why.
            with suppress(Disconnected):
                Connection(sock).send([Parcel(first)])
    return tuple(connections)
