"""What a worker waits for: parameters, the step barrier, its own sender."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Condition

from workloads.errors import FrameError, WorkloadError
from workloads.layout import Arena, Layout
from workloads.transport import Connection
from workloads.wire import Frame, FrameType


class Inbox:
    """What has arrived from the parameter server, and been sent to it; safe between threads."""

    def __init__(self, layout: Layout, arena: Arena, connection: Connection, silence: float):
        self._layout = layout
        self._arena = arena
        self._connection = connection
        self._silence = silence
        self._changed = Condition()
        self._failure: WorkloadError | None = None
        self._iteration = -1
        self._released_at = 0
        self._done = False
        self._missing_slices: list[int] = []  # per layer
        self._arrived: bytearray = bytearray()  # per slice
        self._arrived_at: list[int] = []  # per layer, ns
        self._sent = 0
        self._sent_at: list[int] = []  # per iteration, ns

    # -- called by the receiver and the sender ---------------------------------------------------

    def receive(self) -> None:
        """Receive until the parameter server says that training is done."""
        while not self._done:
            frame = self._connection.receive()
            if frame.type is FrameType.PARAMETERS:
                self._receive_slice(frame)
            elif frame.type is FrameType.RELEASE and frame.iteration == self._iteration + 1:
                self._release()
            elif frame.type is FrameType.DONE and frame.iteration == self._iteration:
                with self._changed:
                    self._done = True
                    self._changed.notify_all()
            else:
                raise FrameError(
                    f"unexpected {frame.type.name} frame of iteration {frame.iteration}"
                )

    def _release(self) -> None:
        slices = self._layout.tensor_slices
        with self._changed:
            self._missing_slices = [
                sum(len(slices[tensor]) for tensor in tensors)
                for tensors in self._layout.layer_tensors
            ]
            self._arrived = bytearray(len(self._layout.slices))
            self._released_at = time.monotonic_ns()
            # A layer without parameters has everything from the start.
            self._arrived_at = [self._released_at] * len(self._missing_slices)
            self._iteration += 1
            self._changed.notify_all()

    def _receive_slice(self, frame: Frame) -> None:
        if frame.iteration != self._iteration:
            raise FrameError(f"PARAMETERS frame of iteration {frame.iteration}")
        piece = self._layout.find(frame.tensor, frame.offset, frame.length)
        if self._arrived[piece.number]:
            raise FrameError(f"tensor {piece.tensor} at offset {piece.offset} sent twice")
        self._arrived[piece.number] = 1
        self._connection.receive_payload(self._arena.slice_bytes(piece))
        layer = self._layout.tensor_layers[piece.tensor]
        self._missing_slices[layer] -= 1
        if not self._missing_slices[layer]:
            with self._changed:
                self._arrived_at[layer] = time.monotonic_ns()
                self._changed.notify_all()

    def on_sent(self, payload: int) -> None:
        """Note that the kernel took payload bytes of gradients."""
        self._sent += payload
        if self._sent % self._layout.bytes == 0:
            with self._changed:
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

    def wait_for_layer(self, layer: int) -> int:
        """Wait until a layer's parameters are here; return when the last came (ns)."""
        self._wait(lambda: not self._missing_slices[layer], f"the parameters of layer {layer}")
        return self._arrived_at[layer]

    def pull_done(self) -> int:
        """When the last parameters came (ns), once all layers have been waited for."""
        return max(self._arrived_at)

    def wait_for_push(self, iteration: int) -> int:
        """Wait until the kernel has taken an iteration's gradients; return when it had (ns)."""
        self._wait(lambda: len(self._sent_at) > iteration, "the push to be sent")
        return self._sent_at[iteration]

    def wait_for_end(self) -> None:
        """Wait until the parameter server has applied the last iteration."""
        self._wait(lambda: self._done, "the end of the training")

    def _wait(self, ready: Callable[[], bool], what: str) -> None:
        moved, moved_at = -1, time.monotonic()
        with self._changed:
            while not ready():
                if self._failure:
                    raise self._failure
                if not self._changed.wait(min(1.0, self._silence / 4)):
                    now = self._connection.moved
                    if now != moved:
                        moved, moved_at = now, time.monotonic()
                    elif time.monotonic() - moved_at > self._silence:
                        raise WorkloadError(
                            f"nothing moved for {self._silence:g} s while waiting for {what}"
                        )
