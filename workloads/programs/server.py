"""The parameter server: holds the parameters, answers pulls, applies pushed gradients, keeps step.

Threads: per worker and flow a receiver and a sender, and one that aggregates. The main thread
accepts the workers, then follows: it writes the records, and gives up when something failed or
nothing moves.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from workloads.codecs.coded import payloads_of
from workloads.errors import WorkloadError
from workloads.process.job import Job
from workloads.process.process_records import (
    ConnectionEnd,
    ConnectionRecord,
    PsEnd,
    PsSpans,
    TrainingCpuUse,
)
from workloads.process.records import Records, TrainingCpu, resources_used
from workloads.process.span_records import write_layout, write_spans
from workloads.process.training import ServerJob
from workloads.programs.computing import initial_parameters
from workloads.programs.follower import Follower
from workloads.programs.intake import Intake
from workloads.programs.iteration_log import IterationLog, Logs
from workloads.programs.peers import Peer, accept_workers
from workloads.programs.program import Program
from workloads.schedule.flows import unit_flows
from workloads.schedule.kinds import synchronisation_of
from workloads.schedule.owners import contributors, units_of
from workloads.schedule.synchronisation import Action, Answer, Release
from workloads.schedule.units import Chunk, Unit, check_ranks
from workloads.training.averaging import shared_update
from workloads.training.contributions import OfAll, OfEach
from workloads.training.update import Sgd
from workloads.transport.connection import Disconnected, Sent, send_errors, send_from
from workloads.transport.memory import Arena
from workloads.transport.send_queue import Parcel
from workloads.transport.sockets import kept_settings, tcp_state
from workloads.transport.spans import Spans, Transfers
from workloads.transport.wire import Frame, FrameType

_AHEAD = -1  # rank of what goes before all parameters


class ServerProgram(Program[ServerJob]):
    """The parameter server of a training."""

    opens = "listening"

    def read(self, job: Job) -> ServerJob:
        """Check the section of a parameter server."""
        return ServerJob.of(job)

    def run(self, job: ServerJob, records: Records) -> None:
        """Train; see `ParameterServer.run`."""
        ParameterServer(job, records).run()


class ParameterServer:
    """One training run, from the first worker's connection to the last one's end."""

    def __init__(self, job: ServerJob, records: Records) -> None:
        # What is averaged once in a while comes once a round.
        job = self._job = job.in_rounds()
        self._records = records
        layout = self._layout = job.layout
        check_ranks(layout, "answer_ranks", *job.answer_ranks)
        units = self._units = units_of(layout, job.members, job.host)
        # The synchronisation counts those that are here.
        self._place = {unit.number: place for place, unit in enumerate(units)}
        self._contributors = contributors(layout, job.members)
        # Where gradients are not applied together: who is in step with whom.
        self._parties = job.members.parties
        self._party_of = {
            worker: party for party, those in enumerate(self._parties) for worker in those
        }
        of_workers = [
            [unit for unit in units if number in self._contributors[unit.number]]
            for number in range(len(job.workers))
        ]
        self._parameters = initial_parameters(job, layout, units)
        self._gradients = [Arena(layout, pushed) for pushed in of_workers]
        self._peers: tuple[Peer, ...] = ()
        self._logs = Logs([len(pushed) for pushed in of_workers])
        self._unit_flow = unit_flows(layout, len(job.flow_dscp))
        self._synchronisation = synchronisation_of(
            job.schedule.synchronisation,
            workers=len(self._parties),
            units=len(units),
            iterations=job.all_iterations,
            staleness=job.schedule.staleness,
            turns=job.turns,
        )
        together = self._synchronisation.together
        self._contributions = (OfAll if together else OfEach)(
            layout, self._gradients, self._contributors
        )
        schedule = job.schedule
        pushes = [
            payloads_of(schedule.push_codec, job.model, layout, gradient, job.seed)
            for gradient in self._gradients
        ]
        # Where all get the same, each unit is encoded once; else each link has a codec of its own.
        answers = [
            payloads_of(schedule.pull_codec, job.model, layout, self._parameters, job.seed)
            for _ in (job.workers[:1] if together else job.workers)
        ]
        frames = [each.frames(FrameType.PARAMETERS, together=together) for each in answers]
        self._frames = frames * (len(job.workers) if together else 1)
        self._codecs_exact = pushes[0].exact and answers[0].exact
        self._update = shared_update(job, self._parameters, layout, units)
        self._pushes = pushes
        # Plain SGD leaves alone what no gradient touches; momentum does not.
        self._applies_sparse = isinstance(self._update, Sgd) and pushes[0].may_be_sparse
        if self._applies_sparse:
            for each in pushes:
                each.sparse = {}
        self._earlier_ns: int | None = 0  # that it had trained before it went on
        self._restore()
        self._intake = Intake(
            pushes,
            units=of_workers,
            unit_flow=self._unit_flow,
            synchronisation=self._synchronisation,
            contributions=self._contributions,
            logs=self._logs,
            answer=self._answer,
        )
        self._ended = 0  # iterations that every worker has finished
        self._began_ns = 0  # when all workers were there, and the first iteration began
        self._follower = Follower(job, records, self._oldest_log)
        self._transfers = [
            [Transfers(job.all_iterations) for _ in job.flow_dscp] for _ in job.workers
        ]
        # Per worker if they are not in step: the slowest one's last iterations stay, too.
        self._applied_spans = [Spans(job.all_iterations) for _ in job.workers]
        self._finished = False

    def run(self) -> None:
        """Train.

        Raises:
            WorkloadError: the training failed; the workers have been told.
        """
        self._peers = accept_workers(self._job, self._layout, self._gradients)
        for peer, transfers in zip(self._peers, self._transfers, strict=True):
            for flow, connection in enumerate(peer.connections):
                connection.transfers = transfers[flow]
                settings = kept_settings(*connection.sockets)
                self._records.write(ConnectionRecord(peer.number, flow, **settings))
        try:
            self._train()
        except WorkloadError as error:
            for peer in self._peers:
                send_errors(peer.connections, str(error))
            raise

    # -- one thread aggregates -------------------------------------------------------------------

    def _aggregate(self) -> None:
        """Apply chunks as they get ready, and do what the synchronisation says of their units."""
        synchronisation, ready = self._synchronisation, self._intake.ready
        update, contributions = self._update, self._contributions
        place, spans = self._place, self._applied_spans
        if synchronisation.together:
            spans = spans[:1] * len(spans)
        over = False
        while not over:
            chunk, worker, iteration = ready.get()
            begin = time.monotonic_ns()
            if self._applies_sparse:
                self._apply(chunk, worker)
            else:
                update.apply(chunk, contributions.of(chunk, worker))
            spans[worker].note(iteration, chunk.number, begin, time.monotonic_ns())
            if contributions.applied(chunk, worker):
                party = self._party_of[worker]
                self._go_on(synchronisation.applied(party, place[chunk.unit], iteration))
                over = synchronisation.over
        self._finished = True
        for peer in self._peers:
            last = synchronisation.last[self._party_of[peer.number]]
            self._tell(peer, FrameType.DONE, last or 0)
        self._follower.over()

    def _apply(self, chunk: Chunk, worker: int) -> None:
        """Apply a chunk; a unit that came sparse as a whole, with its first one."""
        workers = self._contributions.workers(chunk.unit, worker)
        sparse = [self._pushes[one].sparse or {} for one in workers]
        if chunk.unit not in sparse[0]:
            self._update.apply(chunk, self._contributions.of(chunk, worker))
            return
        unit = self._layout.units[chunk.unit]
        if chunk is unit.chunks[0] and isinstance(self._update, Sgd):
            self._update.apply_sparse(unit, [one[chunk.unit] for one in sparse])

    def _go_on(self, actions: Iterable[Action]) -> None:
        """Carry out what the synchronisation says, and log the iterations that have ended."""
        some = self._synchronisation.finished > self._ended
        ended = self._end_iterations() if some else []
        for action in actions:
            if isinstance(action, Answer):
                parties, place, iteration = action
                unit = self._units[place]
                for worker in self._contributors[unit.number]:
                    if self._party_of[worker] in parties:
                        self._answer(self._peers[worker], unit, iteration)
            else:
                kind = FrameType.RELEASE if isinstance(action, Release) else FrameType.LAST
                for party in action.workers:
                    for worker in self._parties[party]:
                        self._tell(self._peers[worker], kind, action.iteration)
        for log in ended:
            self._follower.ended(log)

    def _end_iterations(self) -> list[IterationLog]:
        """Note the time in the logs of iterations that every worker has finished by now."""
        ended = []
        while self._ended < min(self._synchronisation.finished, self._job.all_iterations):
            log = self._logs[self._ended]
            log.applied = log.next_release = time.monotonic_ns()
            self._ended += 1
            self._keep()
            self._logs[self._ended].released = log.next_release
            ended.append(log)
        return ended

    def _keep(self) -> None:
        """Write a checkpoint if one is due: all of an iteration is applied, and nothing after it.

        A gradient of the next one needs all of its parameters, of which the last ones are not sent.
        """
        checkpoints = self._job.checkpoints
        if checkpoints is None or not checkpoints.due(self._ended):
            return
        update = self._update
        arrays: dict[str, Any] = {
            f"state{number}": one.values for number, one in enumerate(update.states)
        }
        steps = np.array(sorted(update.steps.items()), np.int64).reshape(-1, 2)
        arrays |= {"parameters": self._parameters.values, "steps": steps}
        if self._earlier_ns is not None:
            now = self._logs[self._ended - 1].applied
            arrays["trained_ns"] = np.int64(self._earlier_ns + now - self._began_ns)
        checkpoints.write(self._job.host, self._ended, arrays)

    def _restore(self) -> None:
        """Continue from a checkpoint, if the job says so."""
        checkpoints, update = self._job.checkpoints, self._update
        if checkpoints is None or not checkpoints.after:
            return
        arrays = checkpoints.read(self._job.host)
        # Earlier versions did not write it.
        self._earlier_ns = int(arrays["trained_ns"]) if "trained_ns" in arrays else None
        arenas = {f"state{number}": one for number, one in enumerate(update.states)}
        for name, arena in {"parameters": self._parameters, **arenas}.items():
            arena.values[:] = arrays[name]
        update.steps.update(map(tuple, arrays["steps"].tolist()))

    def _tell(self, peer: Peer, kind: FrameType, iteration: int) -> None:
        """Tell a worker; that all is over on every flow, for its receivers wait on each."""
        frame = Frame(kind, peer.number, iteration).pack()
        for queue in peer.queues if kind is FrameType.DONE else peer.queues[:1]:
            queue.put([Parcel(frame, to=peer.number)], rank=_AHEAD)

    def _answer(self, peer: Peer, unit: Unit, iteration: int) -> None:
        number, worker = unit.number, peer.number
        peer.answered[number] += 1
        peer.queues[self._unit_flow[number]].put(
            self._frames[worker].of(unit, worker, iteration, to=worker),
            self._job.answer_ranks[worker][number],
            unit.length,
        )

    # -- threads of each worker and flow ---------------------------------------------------------

    def _receive_from(self, peer: Peer, flow: int) -> None:
        try:
            self._intake.receive(peer, flow)
        except Disconnected:
            if not self._finished:
                raise

    def _send_from(self, peer: Peer, flow: int) -> None:
        """Send what waits in the queue of a flow: to the worker, or to all that share it."""
        send_from(peer.queues[flow], [each.connections[flow] for each in self._peers], self._sent)

    def _sent(self, sent: Sent) -> None:
        # Not in the current iteration's log: this thread may run so late that the worker has used
        # the parameters and the next iteration is on.
        to, iteration, payload, units = sent
        self._logs[iteration].sent(to, payload, units)

    # -- the main thread follows -----------------------------------------------------------------

    def _oldest_log(self) -> IterationLog:
        """Of the oldest iteration that is not over, or of the last one."""
        return self._logs[min(self._ended, self._job.all_iterations - 1)]

    def _train(self) -> None:
        cpu = TrainingCpu()
        self._began_ns = self._logs[0].released = time.monotonic_ns()
        self._go_on(self._synchronisation.begin())
        self._follower.guard(self._aggregate)
        ends = [(peer, flow) for peer in self._peers for flow in range(len(peer.queues))]
        first_of = {id(peer.queues[flow]): (peer, flow) for peer, flow in reversed(ends)}
        start = self._follower.start
        threads = [(peer, start(self._send_from, peer, flow)) for peer, flow in first_of.values()]
        threads += [(peer, start(self._receive_from, peer, flow)) for peer, flow in ends]
        self._follower.follow(self._peers)
        for peer, flow in ends:
            peer.queues[flow].close()
        for peer, thread in threads:
            thread.join(self._job.silence_seconds)
            if thread.is_alive():
                raise WorkloadError(f"{peer.name}: does not end")
        self._write_end(cpu.used(self._update.cpu_ns))

    def _write_end(self, training_cpu: TrainingCpuUse) -> None:
        digest = hashlib.sha256(self._parameters.bytes).hexdigest()
        used = resources_used()  # before the spans, which are no part of the training
        write_layout(self._records, self._job.model, self._layout, self._unit_flow)
        kinds: dict[str, Spans | list[Spans]] = {
            "received": [Spans.joined(one.received for one in each) for each in self._transfers],
            "sent": [Spans.joined(one.sent for one in each) for each in self._transfers],
            "applied": Spans.joined(self._applied_spans),
        }
        write_spans(self._records, PsSpans, self._job.all_iterations, kinds)
        received, sent = self._logs.payload
        behind = self._synchronisation.behind
        self._records.write(
            PsEnd(
                **used,
                training_cpu=training_cpu,
                parameters_sha256=digest,
                exact=self._update.exact and self._codecs_exact,
                earlier_ns=self._earlier_ns,
                staleness=None if behind is None else dict(sorted(behind.items())),
                payload_in=received,
                payload_out=sent,
                connections=[
                    ConnectionEnd(worker=peer.number, flow=flow, **tcp_state(*connection.sockets))
                    for peer in self._peers
                    for flow, connection in enumerate(peer.connections)
                ],
            )
        )
