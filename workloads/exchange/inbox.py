"""What a worker waits for: parameters, the step barrier, its own sender."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from threading import Condition

from workloads.errors import FrameError, WorkloadError
from workloads.schedule.flows import flow_units, unit_flows
from workloads.schedule.units import Unit
from workloads.transport.connection import Connection
from workloads.transport.frames import Payloads
from workloads.transport.wire import Frame, FrameType


class Inbox:
    """What has arrived from the parameter server, and been sent to it; safe between threads.

    Args:
        payloads: how parameters travel, and where they are written.
        connections: received from, one per flow, with a receiver thread each.
        silence: seconds without any traffic after which a wait is given up.
        on_unit: called when a whole unit has arrived.
        on_release: called when the parameter server releases an iteration.
        on_last: called when it has said which iteration is the last one.

    Attributes:
        last: the last iteration, where the parameter server says so; None: it has not yet.
    """

    def __init__(
        self,
        payloads: Payloads,
        connections: Sequence[Connection],
        silence: float,
        *,
        on_unit: Callable[[Unit], None] = lambda _: None,
        on_release: Callable[[], None] = lambda: None,
        on_last: Callable[[], None] = lambda: None,
    ) -> None:
        layout = self._layout = payloads.layout
        self._payloads = payloads
        self._connections = connections
        self._unit_flow = unit_flows(layout, len(connections))
        self._flow_units = flow_units(self._unit_flow, len(connections))
        self._silence = silence
        self._on_unit = on_unit
        self._on_release = on_release
        self._on_last = on_last
        self.last: int | None = None
        self._changed = Condition()
        self._failure: WorkloadError | None = None
        self._iteration = -1
        self._released_at = 0
        self._done = 0  # flows on which the parameter server has said so
        self._over_at = 0
        self._versions = [0] * len(layout.chunks)  # parameters received, per chunk
        self._unit_missing = [len(unit.chunks) for unit in layout.units]
        self._layer_units = [
            sum(len(layout.tensor_units[tensor]) for tensor in tensors)
            for tensors in layout.layer_tensors
        ]
        self._layer_missing = list(self._layer_units)
        self._layer_versions = [0] * len(self._layer_units)
        self._arrived_at = [0] * len(self._layer_units)  # ns
        self._not_sent = list(self._flow_units)  # units of an iteration's push, per flow
        self._pushes = [0] * len(connections)  # iterations, per flow
        self._sent_at: list[int] = []  # per iteration, ns

    # -- called by the receiver and the sender ---------------------------------------------------

    def receive(self, flow: int) -> None:
        """Receive from one flow until the parameter server says on it that training is done."""
        connection = self._connections[flow]
        while True:
            frame = connection.receive()
            if frame.type is FrameType.PARAMETERS:
                self._receive_chunk(connection, flow, frame)
            elif frame.type is FrameType.RELEASE and self._may_begin(flow, frame.iteration):
                self._release()
            elif frame.type is FrameType.LAST and flow == 0 and self.last is None:
                with self._changed:
                    self.last = frame.iteration
                    self._changed.notify_all()
                self._on_last()
            elif frame.type is FrameType.DONE and self._is_over(frame.iteration):
                with self._changed:
                    self._over_at = time.monotonic_ns()
                    self._done += 1
                    self._changed.notify_all()
                return
            else:
                raise FrameError(
                    f"unexpected {frame.type.name} frame of iteration {frame.iteration}"
                )

    def _may_begin(self, flow: int, iteration: int) -> bool:
        return flow == 0 and iteration == self._iteration + 1

    def _is_over(self, iteration: int) -> bool:
        return all(version == iteration + 1 for version in self._versions)

    def _release(self) -> None:
        with self._changed:
            self._released_at = time.monotonic_ns()
            self._iteration += 1
            self._changed.notify_all()
        self._on_release()

    def _receive_chunk(self, connection: Connection, flow: int, frame: Frame) -> None:
        chunk = self._payloads.find(frame)
        if self._unit_flow[chunk.unit] != flow:
            raise FrameError(f"tensor {chunk.tensor} at offset {chunk.offset} on flow {flow}")
        version = self._versions[chunk.number]
        if frame.iteration != version:
            if frame.iteration == version - 1:
                raise FrameError(f"tensor {chunk.tensor} at offset {chunk.offset} sent twice")
            raise FrameError(f"PARAMETERS frame of iteration {frame.iteration}")
        self._versions[chunk.number] = version + 1
        self._payloads.receive(connection, chunk, frame)
        missing = self._unit_missing[chunk.unit] - 1
        unit = self._layout.units[chunk.unit]
        self._unit_missing[chunk.unit] = missing or len(unit.chunks)
        if not missing:
            self._on_unit(unit)
            self._count(self._layout.tensor_layers[unit.tensor])

    def _count(self, layer: int) -> None:
        """Count a unit of a layer, which may come on several flows."""
        with self._changed:
            self._layer_missing[layer] -= 1
            if not self._layer_missing[layer]:
                self._layer_missing[layer] = self._layer_units[layer]
                self._layer_versions[layer] += 1
                self._arrived_at[layer] = time.monotonic_ns()
                self._changed.notify_all()

    def on_sent(self, flow: int, units: int) -> None:
        """Note that the kernel took the ends of `units` units of gradients on a flow."""
        self._not_sent[flow] -= units
        if units and not self._not_sent[flow]:
            self._not_sent[flow] = self._flow_units[flow]
            with self._changed:
                self._pushes[flow] += 1
                # By flow: one may say so when another one's next iteration is on.
                pushes = zip(self._pushes, self._flow_units, strict=True)
                if min(whole for whole, carried in pushes if carried) > len(self._sent_at):
                    self._sent_at.append(time.monotonic_ns())
                    self._changed.notify_all()

    def fail(self, error: WorkloadError) -> None:
        """Let the main thread raise this error."""
        with self._changed:
            self._failure = self._failure or error
            self._changed.notify_all()

    # -- called by the main thread ---------------------------------------------------------------

    def wait_for_release(self, iteration: int) -> int:
        """Wait until an iteration is released; return when it was (ns)."""
        self._wait(lambda: self._iteration >= iteration, "the step barrier")
        return self._released_at

    def wait_for_more(self, iteration: int) -> bool:
        """Wait until the parameter server begins to answer for an iteration, or ends before it."""
        self._wait(
            lambda: self.last is not None or any(v > iteration for v in self._layer_versions),
            "its next or last iteration",
        )
        return self.last is None or iteration <= self.last

    def wait_for_layer(self, layers: Sequence[int], iteration: int) -> tuple[int, int]:
        """Wait until one of the layers has its parameters of an iteration.

        Returns:
            The first of them that has, and when its last came (ns; 0: it has no parameters).
        """

        def here() -> Iterator[int]:
            return (
                layer
                for layer in layers
                if self._layer_versions[layer] > iteration or not self._layer_units[layer]
            )

        names = ", ".join(map(str, layers))
        self._wait(lambda: any(True for _ in here()), f"the parameters of layer {names}")
        layer = next(here())
        return layer, self._arrived_at[layer]

    def wait_for_push(self, iteration: int) -> int:
        """Wait until the kernel has taken an iteration's gradients; return when it had (ns)."""
        self._wait(lambda: len(self._sent_at) > iteration, "the push to be sent")
        return self._sent_at[iteration]

    def wait_for_end(self) -> int:
        """Wait until the parameter server has applied the last iteration of all workers.

        A slower worker may need long for it; the server knows when nothing moves any more.

        Returns:
            When it said so (ns).
        """
        everywhere = len(self._connections)
        self._wait(lambda: self._done == everywhere, "the end of the training", math.inf)
        return self._over_at

    def _wait(self, ready: Callable[[], bool], what: str, silence: float = 0.0) -> None:
        silence = silence or self._silence
        moved, moved_at = -1, time.monotonic()
        with self._changed:
            while not ready():
                if self._failure:
                    raise self._failure
                if not self._changed.wait(min(1.0, silence / 4)):
                    now = sum(connection.moved for connection in self._connections)
                    if now != moved:
                        moved, moved_at = now, time.monotonic()
                    elif time.monotonic() - moved_at > silence:
                        raise WorkloadError(
                            f"nothing moved for {silence:g} s while waiting for {what}"
                        )
