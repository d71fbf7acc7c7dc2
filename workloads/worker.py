"""A worker: pulls the parameters, computes layer by layer, pushes each layer's gradient.

Threads: the main thread computes; a receiver writes parameters into the arena and a sender empties
the send queue. The main thread waits for both in `Inbox`, which knows when nothing moves any more.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread

import numpy as np

from workloads.compute import Clock, Objective, Pacer
from workloads.errors import WorkloadError
from workloads.events import announce
from workloads.inbox import Inbox
from workloads.job import WorkerJob
from workloads.join import join
from workloads.layout import Arena, Layout
from workloads.models import Layer
from workloads.network import tcp_state
from workloads.records import Records, resources_used
from workloads.transport import (
    Disconnected,
    Parcel,
    PeerError,
    SendQueue,
    send_from,
)
from workloads.wire import Frame, FrameType

_ORDER_STREAM = 3  # keeps these random numbers apart from others of the same seed


def pull_order(job: WorkerJob, iteration: int, tensors: int) -> list[int]:
    """Return the order in which tensors are pulled: a permutation from seed, repeat, worker and
    iteration, the same under every schedule whose order is "random"."""
    key = [job.seed, _ORDER_STREAM, job.repeat, job.worker, iteration]
    return [int(tensor) for tensor in np.random.default_rng(key).permutation(tensors)]


class Worker:
    """One worker's training run."""

    def __init__(self, job: WorkerJob, records: Records, clock: Clock) -> None:
        self._job = job
        self._records = records
        self._clock = clock
        self._layout = Layout(job.model, job.rates, job.time)
        self._arena = Arena(self._layout)
        self._objective = Objective(job.seed, job.worker)
        self._pacer = Pacer(clock)
        layers = job.model.layers
        self._forward = [self._stretched(job.device.forward_seconds, x) for x in layers]
        self._backward = [self._stretched(job.device.backward_seconds, x) for x in layers]

    def _stretched(self, seconds: Callable[[Layer, int], float], layer: Layer) -> int:
        return round(seconds(layer, self._job.batch) * self._job.time * 1e9)

    def run(self) -> None:
        """Train.

        Raises:
            WorkloadError: the training failed; the parameter server has been told.
        """
        job = self._job
        connection = join(job, self._layout, self._records)
        inbox = Inbox(self._layout, self._arena, connection, job.silence_seconds)
        queue = SendQueue()
        iteration = 0
        try:
            receiver = _start(inbox.receive, inbox)
            sender = _start(lambda: send_from(queue, connection, inbox.on_sent), inbox)
            for iteration in range(job.all_iterations):
                self._train(iteration, inbox, queue)
            inbox.wait_for_end()
        except (PeerError, Disconnected) as error:
            raise WorkloadError(f"iteration {iteration}: {error}") from None
        except WorkloadError as error:
            text = f"iteration {iteration}: {error}"
            connection.send_error(text)
            raise WorkloadError(text) from None
        queue.close()
        receiver.join()
        sender.join()
        self._records.write("end", **resources_used(), **tcp_state(*connection.sockets))
        connection.close()

    def _train(self, iteration: int, inbox: Inbox, queue: SendQueue) -> None:
        started = inbox.wait_for_release(iteration)
        queue.put([self._pulls(iteration)])
        forward_done = self._run_forward(inbox)
        backward_done = self._run_backward(iteration, queue)
        self._records.write(
            "iteration",
            iteration=iteration,
            started_ns=started,
            pull_done_ns=inbox.pull_done(),
            forward_done_ns=forward_done,
            backward_done_ns=backward_done,
            push_sent_ns=inbox.wait_for_push(iteration),
        )
        announce("iteration", iteration=iteration)

    def _pulls(self, iteration: int) -> Parcel:
        """Ask for all tensors at once: many frames, one send."""
        order = pull_order(self._job, iteration, len(self._layout.tensor_slices))
        worker = self._job.worker
        return Parcel(
            b"".join(Frame(FrameType.PULL, worker, iteration, tensor).pack() for tensor in order)
        )

    def _run_forward(self, inbox: Inbox) -> int:
        """Each layer after the one before and after its parameters' arrival."""
        for layer, duration in enumerate(self._forward):
            self._pacer.plan(inbox.wait_for_layer(layer), duration)
            self._pacer.wait()
        return self._clock.now()

    def _run_backward(self, iteration: int, queue: SendQueue) -> int:
        """From the last layer to the first; a layer's gradient leaves when its time is over."""
        for layer, duration in reversed(list(enumerate(self._backward))):
            self._pacer.plan(0, duration)
            tensors = self._layout.layer_tensors[layer]
            for tensor in tensors:
                self._objective.to_gradient(self._arena.tensor(tensor))
            self._pacer.wait()
            queue.put(
                Parcel(
                    Frame(
                        FrameType.GRADIENT,
                        self._job.worker,
                        iteration,
                        tensor,
                        piece.offset,
                        piece.length,
                    ).pack(),
                    self._arena.slice_bytes(piece),
                )
                for tensor in tensors
                for piece in self._layout.tensor_slices[tensor]
            )
        return self._clock.now()


def _start(body: Callable[[], None], inbox: Inbox) -> Thread:
    def guarded() -> None:
        try:
            body()
        except PeerError as error:
            inbox.fail(PeerError(f"the parameter server gave up: {error}"))
        except Disconnected as error:
            inbox.fail(Disconnected(f"the parameter server {error}"))
        except WorkloadError as error:
            inbox.fail(WorkloadError(f"the parameter server: {error}"))

    thread = Thread(target=guarded, daemon=True)
    thread.start()
    return thread
