"""The worker's side of its connections to the parameter server: how it gets in."""

from __future__ import annotations

from contextlib import suppress

from workloads.process.process_records import ConnectionRecord
from workloads.process.records import Records
from workloads.process.training import WorkerJob
from workloads.schedule.units import Layout
from workloads.transport.connection import Connection, Disconnected
from workloads.transport.send_queue import Parcel
from workloads.transport.sockets import (
    connect,
    kept_settings,
    limit_not_sent,
    mark,
    set_send_buffer,
)
from workloads.transport.wire import FrameType, greeting


def join(
    job: WorkerJob,
    layout: Layout,
    records: Records,
    server: str,
    who: str = "the parameter server",
) -> tuple[Connection, ...]:
    """Open a worker's connections to a server, two per flow, and say on each what it is.

    Args:
        job: what the worker is told.
        layout: how the model is cut.
        records: where the connections' settings are written.
        server: the name of its host.
        who: it is, for messages.

    Raises:
        WorkloadError: the parameter server does not answer, or the own address cannot be used.
    """
    connections = []
    peer = job.peers[server]
    # All before the first word: a server that refuses the one says so on it, and stops listening.
    for flow, dscp in enumerate(job.flow_dscp):
        receiving, sending = (
            connect(job.bind, peer.endpoint, job.buffers, job.silence_seconds, who=who)
            for _ in range(2)
        )
        if peer.send_buffer_bytes is not None:
            set_send_buffer(sending, peer.send_buffer_bytes)
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
