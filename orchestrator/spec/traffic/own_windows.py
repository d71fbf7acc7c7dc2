"""Whether socket buffers of an experiment's own fit the queues on their ways (pure).

Buffers of any size can be run: what they do to a queue may be the question. But a figure from a
queue that drops is another one than people expect, so a note tells them before the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from orchestrator.spec.traffic.demands import Demands
from orchestrator.spec.traffic.graph import Port
from orchestrator.spec.traffic.windows import (
    KEPT,
    SocketBuffers,
    on_the_way_bytes,
    queue_share_bytes,
    shared_windows,
)
from orchestrator.spec.values.units import size_text


class _Overrun(NamedTuple):
    """A queue that the windows which cross it do not fit in.

    Attributes:
        times: how much too large a window is.
        rate_bps: of the port; of equal ones the slowest queues first.
        text: what is wrong, and what would work.
    """

    times: float
    rate_bps: int
    text: str


def overrun(networks: Iterable[Demands], buffers: SocketBuffers) -> str:
    """In a line which queue overflows most with these buffers, and what fits; empty: none does.

    Args:
        networks: one, or those of a sweep's points.
        buffers: what `auto` makes of a way fits it.
    """
    if buffers.send is None:
        return ""
    overruns = [one for demands in networks for one in _overruns(demands, buffers)]
    return max(overruns, key=lambda one: (one.times, -one.rate_bps)).text if overruns else ""


def _overruns(demands: Demands, buffers: SocketBuffers) -> Iterator[_Overrun]:
    for demand, crossed in demands.paths.items():
        # A window is what the sender may keep and the receiver has announced.
        sent = buffers.send_bytes(demands, demand)
        window = min(KEPT * sent, buffers.receive_bytes(demands))
        waiting = window - KEPT * on_the_way_bytes(demands, demand)
        for port in crossed:
            share = KEPT * queue_share_bytes(demands, port)
            # Where no more can come than goes, nothing waits; a host is faster than its link.
            feeding = demands.feeding.get(port, ())
            queues = not feeding or sum(one.rate_bps for one in feeding) > port.rate_bps
            if queues and waiting > share:
                yield _Overrun(
                    waiting / share, port.rate_bps, _text(demands, port, sent, window, waiting)
                )


def _text(demands: Demands, port: Port, sent: int, window: int, waiting: int) -> str:
    count = len(demands.through(port))
    workers = "one worker" if count == 1 else f"{count} workers"
    fits = KEPT * queue_share_bytes(demands, port) + window - waiting
    least = waiting * shared_windows(demands, port)
    return (
        f"socket_buffers: with a send buffer of {size_text(sent)} the TCP windows of {workers} "
        f"overrun the queue of {port}, {size_text(port.queue_bytes)}, which then drops packets "
        f"(send: at most {fits // KEPT // 1024} KiB; or a queue of at least {-(-least // 1024)} "
        "KiB)"
    )
