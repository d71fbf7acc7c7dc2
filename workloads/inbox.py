"""What a worker waits for: parameters, the step barrier, its own sender."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from threading import Condition

from workloads.errors import FrameError, WorkloadError
from workloads.layout import Arena, Layout, Unit
from workloads.transport import Connection
from workloads.wire import Frame, FrameType


class Inbox:
    """What has arrived from the parameter server, and been sent to it; safe between threads.

    Args:
        layout: of the parameters.
        arena: where they are written.
        connection: received from.
        silence: seconds without any traffic after which a wait is given up.
        on_unit: called when a whole unit has arrived.
        on_release: called when the parameter server releases an iteration.
    """

    def __init__(
        self,
        layout: Layout,
        arena: Arena,
        connection: Connection,
        silence: float,
        *,
        on_unit: Callable[[Unit], None] = lambda _: None,
        on_release: Callable[[], None] = lambda: None,
    ) -> None:
        self._layout = layout
        self._arena = arena
        self._connection = connection
        self._silence = silence
        self._on_unit = on_unit
        self._on_release = on_release
        self._changed = Condition()
        self._failure: WorkloadError | None = None
        self._iteration = -1
        self._released_at = 0
        self._done = False
        self._versions = [0] * len(layout.slices)  # parameters received, per slice
        self._unit_missing = [len(unit.slices) for unit in layout.units]
        self._layer_slices = [
            sum(len(layout.tensor_slices[tensor]) for tensor in tensors)
            for tensors in layout.layer_tensors
        ]
        self._layer_missing = list(self._layer_slices)
        self._layer_versions = [0] * len(self._layer_slices)
        self._arrived_at = [0] * len(self._layer_slices)  # ns
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
            elif frame.type is FrameType.DONE and self._is_over(frame.iteration):
                with self._changed:
                    self._done = True
                    self._changed.notify_all()
            else:
                raise FrameError(
                    f"unexpected {frame.type.name} frame of iteration {frame.iteration}"
                )

    def _is_over(self, iteration: int) -> bool:
        return all(version == iteration + 1 for version in self._versions)

    def _release(self) -> None:
        with self._changed:
            self._released_at = time.monotonic_ns()
            self._iteration += 1
            self._changed.notify_all()
        self._on_release()

    def _receive_slice(self, frame: Frame) -> None:
        piece = self._layout.find(frame.tensor, frame.offset, frame.length)
        version = self._versions[piece.number]
        if frame.iteration != version:
            if frame.iteration == version - 1:
                raise FrameError(f"tensor {piece.tensor} at offset {piece.offset} sent twice")
            raise FrameError(f"PARAMETERS frame of iteration {frame.iteration}")
        self._versions[piece.number] += 1
        self._connection.receive_payload(self._arena.slice_bytes(piece))
        unit = self._layout.units[piece.unit]
        self._unit_missing[unit.number] -= 1
        if not self._unit_missing[unit.number]:
            self._unit_missing[unit.number] = len(unit.slices)
            self._on_unit(unit)
        layer = self._layout.tensor_layers[piece.tensor]
        self._layer_missing[layer] -= 1
        if not self._layer_missing[layer]:
            with self._changed:
                self._layer_missing[layer] = self._layer_slices[layer]
                self._layer_versions[layer] += 1
                self._arrived_at[layer] = time.monotonic_ns()
                self._changed.notify_all()

    def on_sent(self, _: int, payload: int) -> None:
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

    def wait_for_layer(self, layers: Sequence[int], iteration: int) -> tuple[int, int]:
        """Wait until one of the layers has its parameters of an iteration.

        Returns:
            The first of them that has, and when its last came (ns; 0: it has no parameters).
        """

        def here() -> Iterator[int]:
            return (
                layer
                for layer in layers
                if self._layer_versions[layer] > iteration or not self._layer_slices[layer]
            )

        names = ", ".join(map(str, layers))
        self._wait(lambda: any(True for _ in here()), f"the parameters of layer {names}")
        layer = next(here())
        return layer, self._arrived_at[layer]

    def wait_for_push(self, iteration: int) -> int:
        """Wait until the kernel has taken an iteration's gradients; return when it had (ns)."""
        self._wait(lambda: len(self._sent_at) > iteration, "the push to be sent")
        return self._sent_at[iteration]

    def wait_for_end(self) -> None:
        """Wait until the parameter server has applied the last iteration of all workers.

        A slower worker may need long for it; the server knows when nothing moves any more.
        """
        self._wait(lambda: self._done, "the end of the training", math.inf)

    def _wait(self, ready: Callable[[], bool], what: str, silence: float = 0.0) -> None:
        silence = silence or self._silence
        moved, moved_at = -1, time.monotonic()
        with self._changed:
            while not ready():
                if self._failure:
                    raise self._failure
                if not self._changed.wait(min(1.0, silence / 4)):
                    now = self._connection.moved
                    if now != moved:
                        moved, moved_at = now, time.monotonic()
                    elif time.monotonic() - moved_at > silence:
                        raise WorkloadError(
                            f"nothing moved for {silence:g} s while waiting for {what}"
                        )
