"""A worker: for every layer waits for its parameters, computes, and gives its gradient away.

What becomes of gradients, and where parameters come from, is for its exchange to know.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from workloads.errors import WorkloadError, raised_by
from workloads.exchange.averaging import Averaging
from workloads.exchange.exchange import End, Ended
from workloads.library import EXCHANGES
from workloads.process.events import announce
from workloads.process.job import Job
from workloads.process.process_records import WorkerEnd, WorkerIteration, WorkerSpans
from workloads.process.records import Records, TrainingCpu, resources_used
from workloads.process.span_records import write_spans
from workloads.process.training import WorkerJob
from workloads.programs.computing import compute_of, exchange_of, initialise
from workloads.programs.passes import Passes
from workloads.programs.program import Program
from workloads.training.clock import Clock, SystemClock
from workloads.transport.connection import Disconnected, PeerError
from workloads.transport.memory import Arena
from workloads.transport.spans import Spans


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
        self._exchange = exchange_of(job)
        if not self._exchange.brings_parameters:
            initialise(job, self._arena, self._layout)
        self._compute = compute_of(job, self._layout, self._arena, clock)
        if (kept := job.checkpoints) is not None and kept.after:
            self._compute.restore(kept.read(job.host), kept.after)
        self._spans = {
            kind: Spans(job.all_iterations) for kind in ("waited", "forward", "backward")
        }
        self._passes = Passes(self._exchange, self._layout, self._spans, clock)
        self._iteration = 0
        self._let_go = False  # whether the round's workers are let go together

    def run(self) -> None:
        """Train.

        Raises:
            WorkloadError: the training failed; others have been told.
        """
        with self._anybodys():
            self._exchange.open(End(self._job, self._layout, self._arena, self._records))
        cpu = TrainingCpu()
        try:
            with self._anybodys():
                ended = self._train_all()
        except (PeerError, Disconnected) as error:
            raise WorkloadError(f"iteration {self._iteration}: {error}") from None
        except WorkloadError as error:
            text = f"iteration {self._iteration}: {error}"
            self._exchange.fail(text)
            raise WorkloadError(text) from None
        used = resources_used()  # before the spans, which are no part of the training
        training_cpu = cpu.used(self._compute.cpu_ns + ended.cpu_ns)
        self._write_spans(ended)
        for evaluation in self._compute.evaluations():
            self._records.write(evaluation)
        states = ended.connections
        again = sum(state.retransmits for state in states)
        self._records.write(
            WorkerEnd(
                **used,
                training_cpu=training_cpu,
                retransmits=again,
                connections=states,
                parameters_sha256=ended.parameters_sha256,
                coding=self._compute.coding,
                steps=self._compute.steps,
            )
        )

    @contextmanager
    def _anybodys(self) -> Iterator[None]:
        """Name the code that raised if the exchange is user-defined."""
        name = self._job.schedule.exchange
        try:
            yield
        except (WorkloadError, MemoryError):
            raise
        except Exception as error:
            if name in EXCHANGES:
                raise
            inner = self._exchange.inner if isinstance(self._exchange, Averaging) else None
            why = raised_by(type(inner or self._exchange).wait, error)
            raise WorkloadError(f"exchange {name!r} raised {why}") from error

    def _train_all(self) -> Ended:
        trained: dict[str, Any] = {}
        rounds = self._job.rounds
        kept: deque[dict[str, Any]] = deque()  # iterations that are not written down yet
        for iteration in count():
            if not self._exchange.more(iteration):
                break
            self._iteration = iteration
            trained = self._train(iteration, trained)
            kept.append(trained)
            # What a round gave may leave until the next one has needed what came for it.
            while rounds.exchanges(iteration) and kept[0]["iteration"] < rounds.first(
                rounds.of(iteration)
            ):
                self._note(kept.popleft())
        ended = self._exchange.close() or Ended()
        if trained and "ended_ns" not in trained:
            _end(trained, ended.ended_ns or self._clock.now())
        for one in kept:
            self._note(one)
        return ended

    def _train(self, iteration: int, before: dict[str, Any]) -> dict[str, Any]:
        """One forward and backward pass; returns its times (ns).

        Args:
            before: those of the one before, which ends when workers that wait for each other are
                let go; empty: there is none.
        """
        checkpoints = self._job.checkpoints
        if checkpoints is not None and checkpoints.due(iteration):
            checkpoints.write(self._job.host, iteration, self._compute.state())
        released = self._exchange.begin(iteration)
        if released is not None and before:
            _end(before, released)
        started = self._clock.now() if released is None else released
        self._passes.begin(iteration, started)
        self._compute.forward(self._passes)
        forward_done = self._clock.now()
        self._compute.backward(self._passes)
        backward_done = self._clock.now()
        trained = {
            "iteration": iteration,
            "started_ns": started,
            "pull_done_ns": self._passes.pull_done,
            "forward_done_ns": forward_done,
            "backward_done_ns": backward_done,
            "loss": self._compute.loss,
        }
        rounds = self._job.rounds
        if rounds.begins(iteration):
            self._let_go = released is not None
        if not (self._let_go and rounds.exchanges(iteration)):
            _end(trained, backward_done)
        return trained

    def _note(self, trained: dict[str, Any]) -> None:
        """Write an iteration down, a round later: its push may overlap with what follows."""
        sent = self._exchange.sent(trained["iteration"])
        pushed = trained["backward_done_ns"] if sent is None else sent
        self._records.write(WorkerIteration(**trained, push_sent_ns=pushed))

    def _write_spans(self, ended: Ended) -> None:
        nothing = Spans(0)
        transfers = {"received": ended.received or nothing, "sent": ended.sent or nothing}
        kinds = {**self._spans, **transfers}
        write_spans(self._records, WorkerSpans, self._job.all_iterations, kinds)


def _end(trained: dict[str, Any], ended_ns: int) -> None:
    """Note when an iteration ended, and tell whoever follows."""
    trained["ended_ns"] = ended_ns
    announce("iteration", **{key: trained[key] for key in ("iteration", "started_ns", "ended_ns")})
