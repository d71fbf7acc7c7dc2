"""The worker's side of its connections to the parameter server: how it gets in."""

from __future__ import annotations

from contextlib import suppress

from workloads.job import WorkerJob
from workloads.layout import Layout
from workloads.network import CONNECT_SECONDS, bound_unsent, connect, kept_settings
from workloads.records import Records
from workloads.transport import Connection, Disconnected, Parcel
from workloads.wire import Frame, FrameType


def join(job: WorkerJob, layout: Layout, records: Records) -> Connection:
    """Open the two connections of a worker and say on each what it is.

    Raises:
        WorkloadError: the parameter server does not answer, or the own address cannot be used.
    """
    patience = min(CONNECT_SECONDS, job.silence_seconds)
    # Both before the first word: a server that refuses the one says so on it, and stops listening.
    receiving = connect(job.bind, job.server, job.buffers, patience)
    sending = connect(job.bind, job.server, job.buffers, patience)
    bound_unsent(sending, job.unsent_bytes)
    records.write("connection", worker=job.worker, **kept_settings(receiving, sending))
    digest = layout.digest
    for kind, sock in ((FrameType.LISTEN, receiving), (FrameType.HELLO, sending)):
        greeting = Frame(kind, job.worker, length=len(digest)).pack() + digest
        # The receiver sees it, too, and may first find the server's last word, which says why.
        with suppress(Disconnected):
            Connection(sock).send([Parcel(greeting)])
    return Connection(receiving, sending)
