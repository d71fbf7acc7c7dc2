"""A worker: pulls the parameters, computes layer by layer, pushes each layer's gradient.

Threads: the main thread computes; per flow, a receiver writes parameters into the arena and a
sender empties the send queue. The main thread waits for both in `Inbox`, which knows when nothing
moves any more.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from threading import Thread

from workloads.codecs.coded import payloads_of
from workloads.errors import WorkloadError
from workloads.models.graphs import graph_of
from workloads.process.events import announce
from workloads.process.job import Job
from workloads.process.process_records import (
    ConnectionEnd,
    WorkerEnd,
    WorkerIteration,
    WorkerSpans,
)
from workloads.process.records import Records, TrainingCpu, resources_used
from workloads.process.span_records import write_spans
from workloads.process.training import WorkerJob
from workloads.programs.inbox import Inbox
from workloads.programs.join import join
from workloads.programs.program import Program
from workloads.schedule.flows import flow_units, unit_flows
from workloads.schedule.units import Unit, check_ranks
from workloads.training.clock import Clock, SystemClock
from workloads.training.emulated import Emulated, Objective
from workloads.transport.connection import (
    Connection,
    Disconnected,
    Parcel,
    PeerError,
    SendQueue,
    send_errors,
    send_from,
)
from workloads.transport.memory import Arena
from workloads.transport.sockets import tcp_state
from workloads.transport.spans import Spans, Transfers
from workloads.transport.wire import Frame, FrameType


class WorkerProgram(Program[WorkerJob]):
    """A worker of a training."""

    def read(self, job: Job) -> WorkerJob:
        """Check the section of a worker."""
        return WorkerJob.of(job)

    def run(self, job: WorkerJob, records: Records) -> None:
        """Train; see `Worker.run`."""
        Worker(job, records, SystemClock()).run()


class Worker:
    """One worker's training run."""

    def __init__(self, job: WorkerJob, records: Records, clock: Clock) -> None:
        self._job = job
        self._records = records
        self._clock = clock
        self._layout = job.layout
        self._arena = Arena(self._layout)
        (self._payloads,) = payloads_of(job.schedule.codec, self._layout, self._arena)
        self._gradients = self._payloads.frames(FrameType.GRADIENT)
        self._compute = Emulated(
            job.model,
            job.device,
            batch=job.batch,
            stretch=job.time,
            layout=self._layout,
            arena=self._arena,
            objective=Objective(job.seed, job.worker),
            clock=clock,
        )
        layers = job.model.layers
        granted = 0 if job.turns else None
        self._queues = tuple(
            SendQueue(job.window_bytes, job.batch_bytes, granted) for _ in job.flow_dscp
        )
        self._unit_flow = unit_flows(self._layout, len(job.flow_dscp))
        self._flow_units = flow_units(self._unit_flow, len(job.flow_dscp))
        self._graph = graph_of(job.model)
        self._needed_by: list[list[int]] = [[] for _ in layers]
        for layer, inputs in enumerate(self._graph):
            for before in inputs:
                self._needed_by[before].append(layer)
        self._ranks = job.push_ranks
        check_ranks(self._layout, "push_ranks", job.push_ranks)
        self._answers = [False] * len(self._layout.units)  # whether a unit's next one is an answer
        self._spans = {
            kind: Spans(job.all_iterations) for kind in ("waited", "forward", "backward")
        }
        self._transfers = [Transfers(job.all_iterations) for _ in job.flow_dscp]
        self._iteration = 0

    def run(self) -> None:
        """Train.

        Raises:
            WorkloadError: the training failed; the parameter server has been told.
        """
        job = self._job
        connections = join(job, self._layout, self._records)
        for connection, transfers in zip(connections, self._transfers, strict=True):
            connection.transfers = transfers
        cpu = TrainingCpu()
        inbox = Inbox(
            self._payloads,
            connections,
            job.silence_seconds,
            on_unit=self._answered,
            on_release=self._released,
            on_last=lambda: self._lift_windows(inbox),
        )
        try:
            threads = [
                _start(body, inbox)
                for flow, ends in enumerate(zip(self._queues, connections, strict=True))
                for body in (partial(inbox.receive, flow), partial(_send, *ends, flow, inbox))
            ]
            trained: dict[str, int] = {}
            for iteration in self._iterations(inbox):
                before, trained = trained, self._train(iteration, inbox, trained)
                if before:
                    self._note(before, inbox)
            inbox.wait_for_push(self._iteration)
            over = inbox.wait_for_end()
            if job.schedule.barrier:
                _end(trained, over)
            self._note(trained, inbox)
        except (PeerError, Disconnected) as error:
            raise WorkloadError(f"iteration {self._iteration}: {error}") from None
        except WorkloadError as error:
            text = f"iteration {self._iteration}: {error}"
            send_errors(connections, text)
            raise WorkloadError(text) from None
        for queue in self._queues:
            queue.close()
        for thread in threads:
            thread.join()
        used = resources_used()  # before the spans, which are no part of the training
        training_cpu = cpu.used(self._compute.cpu_ns)
        self._write_spans()
        states = [ConnectionEnd(**tcp_state(*connection.sockets)) for connection in connections]
        again = sum(state.retransmits for state in states)
        self._records.write(
            WorkerEnd(**used, training_cpu=training_cpu, retransmits=again, connections=states)
        )
        for connection in connections:
            connection.close()

    def _iterations(self, inbox: Inbox) -> Iterator[int]:
        """Those that were asked for, and with a pace of its own more, until all have done them."""
        for number in count():
            if number >= self._job.all_iterations and not (
                self._job.goes_on and inbox.wait_for_more(number)
            ):
                return
            self._iteration = number
            yield number

    def _lift_windows(self, inbox: Inbox) -> None:
        """From the last iteration on, for its pushes are not answered."""
        last = inbox.last if self._job.goes_on else self._job.all_iterations - 1
        if last is not None and self._iteration >= last:
            for queue in self._queues:
                queue.lift_window()

    def _train(self, iteration: int, inbox: Inbox, before: dict[str, int]) -> dict[str, int]:
        """One forward and backward pass; returns its times (ns).

        Args:
            before: those of the one before, which a step barrier ends; empty: there is none.
        """
        schedule = self._job.schedule
        if schedule.barrier:
            started = inbox.wait_for_release(iteration)
            self._queues[0].put([self._pulls(iteration)])
            if before:
                _end(before, started)
        else:
            started = self._clock.now()
        self._lift_windows(inbox)
        pull_done = self._run_forward(iteration, started, inbox)
        forward_done = self._clock.now()
        self._run_backward(iteration)
        backward_done = self._clock.now()
        trained = {
            "iteration": iteration,
            "started_ns": started,
            "pull_done_ns": pull_done,
            "forward_done_ns": forward_done,
            "backward_done_ns": backward_done,
        }
        if not schedule.barrier:
            _end(trained, backward_done)
        return trained

    def _note(self, trained: dict[str, int], inbox: Inbox) -> None:
        """Write an iteration down, an iteration later: its push may overlap with what follows."""
        pushed = inbox.wait_for_push(trained["iteration"])
        self._records.write(WorkerIteration(**trained, push_sent_ns=pushed))

    def _write_spans(self) -> None:
        transfers = {
            "received": Spans.joined(one.received for one in self._transfers),
            "sent": Spans.joined(one.sent for one in self._transfers),
        }
        kinds = {**self._spans, **transfers}
        write_spans(self._records, WorkerSpans, self._job.all_iterations, kinds)

    def _pulls(self, iteration: int) -> Parcel:
        """Ask for all tensors at once: many frames, one send."""
        job = self._job
        order = job.pulls[iteration % len(job.pulls)]
        return Parcel(
            b"".join(
                Frame(FrameType.PULL, job.worker, iteration, tensor).pack() for tensor in order
            )
        )

    def _run_forward(self, iteration: int, started: int, inbox: Inbox) -> int:
        """Each layer after those that it needs and after its parameters' arrival, one at a time.

        Returns:
            When the last parameters came (ns).
        """
        last = 0
        needed = [len(inputs) for inputs in self._graph]
        ready = [layer for layer, inputs in enumerate(needed) if not inputs]
        while ready:
            asked = self._clock.now()
            layer, arrived = inbox.wait_for_layer(ready, iteration)
            begin = self._clock.now()
            if arrived > asked:
                self._spans["waited"].note(iteration, layer, asked, begin)
            last = max(last, arrived)
            ended = self._compute.forward(layer, max(started, arrived))
            self._spans["forward"].note(iteration, layer, begin, ended)
            ready.remove(layer)
            for after in self._needed_by[layer]:
                needed[after] -= 1
                if not needed[after]:
                    insort(ready, after)
        return last

    def _run_backward(self, iteration: int) -> None:
        """From the last layer to the first; a layer's gradient leaves when its time is over."""
        for layer in reversed(range(len(self._graph))):
            begin = self._clock.now()
            ended = self._compute.backward(layer)
            self._spans["backward"].note(iteration, layer, begin, ended)
            for tensor in self._layout.layer_tensors[layer]:
                for unit in self._layout.tensor_units[tensor]:
                    self._push(iteration, unit)

    def _push(self, iteration: int, unit: Unit) -> None:
        self._queues[self._unit_flow[unit.number]].put(
            self._gradients.of(unit, self._job.worker, iteration),
            self._ranks[unit.number],
            unit.length,
        )

    def _released(self) -> None:
        """The parameter server has released an iteration: where workers take turns, push it."""
        for queue, units in zip(self._queues, self._flow_units, strict=True):
            queue.grant(units)

    def _answered(self, unit: Unit) -> None:
        """A unit has come; all but the first time as the answer to its push."""
        if self._answers[unit.number]:
            queue = self._queues[self._unit_flow[unit.number]]
            queue.returned(self._ranks[unit.number], unit.length)
        self._answers[unit.number] = True


def _end(trained: dict[str, int], ended_ns: int) -> None:
    """Note when an iteration ended, and tell whoever follows."""
    trained["ended_ns"] = ended_ns
    announce("iteration", **{key: trained[key] for key in ("iteration", "started_ns", "ended_ns")})


def _send(queue: SendQueue, connection: Connection, flow: int, inbox: Inbox) -> None:
    send_from(queue, [connection], lambda sent: inbox.on_sent(flow, sent.units))


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
