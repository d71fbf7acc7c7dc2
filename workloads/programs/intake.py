"""The parameter server's receiving end: what workers ask for and push, checked frame by frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from queue import SimpleQueue

from workloads.errors import FrameError
from workloads.programs.iteration_log import IterationLog, Logs
from workloads.programs.peers import Peer
from workloads.schedule.synchronisation import Synchronisation
from workloads.schedule.units import Chunk, Unit
from workloads.training.contributions import Contributions
from workloads.transport.frames import Payloads
from workloads.transport.wire import Frame, FrameType, pack_begin

Push = tuple[Chunk, int, int]
"""A chunk that can be applied, the worker that delivered it (last), and the iteration."""


class Intake:
    """Receives what workers send; a thread per worker and flow calls `receive`.

    Args:
        payloads: per worker, how its gradient travels, and where it is written.
        units: per worker, those of which it gets parameters from this server.
        unit_flow: per unit, the flow on which it travels.
        synchronisation: says whether workers ask, and for which iterations.
        contributions: told what has been delivered.
        logs: where pushes are noted.
        answer: called with a worker, a unit that it has asked for, and the iteration.

    Attributes:
        ready: chunks to apply.
    """

    def __init__(
        self,
        payloads: Sequence[Payloads],
        *,
        units: Sequence[Sequence[Unit]],
        unit_flow: Sequence[int],
        synchronisation: Synchronisation,
        contributions: Contributions,
        logs: Logs,
        answer: Callable[[Peer, Unit, int], None],
    ) -> None:
        self._layout = payloads[0].layout
        self._payloads = payloads
        self._places = payloads[0].places()  # of all: they have one layout and one codec
        self._here = [{unit.number for unit in each} for each in units]
        self._unit_flow = unit_flow
        self._synchronisation = synchronisation
        self._contributions = contributions
        self._logs = logs
        self._answer = answer
        self.ready: SimpleQueue[Push] = SimpleQueue()

    def receive(self, peer: Peer, flow: int) -> None:
        """Receive from a worker's flow until it disconnects.

        Raises:
            WorkloadError: it disconnected, or sent what it may not.
        """
        connection = peer.connections[flow]
        may_pull = self._synchronisation.asked and not flow
        payloads, places = self._payloads[peer.number], self._places
        begin, iteration, log = b"", 0, self._logs[0]  # of the gradients that have come last
        while True:
            frame = connection.receive_known(begin, places)
            if isinstance(frame, Chunk):
                self._expect(peer, flow, frame, iteration)
                connection.receive_chunk(frame, payloads.arena, iteration)
                self._arrived(peer, frame, frame.length, log)
                self._delivered(peer, frame, iteration)
                continue
            if frame.worker != peer.number:
                raise FrameError(f"{frame.type.name} frame of worker {frame.worker}")
            if frame.type is FrameType.GRADIENT:
                chunk = payloads.find(frame)
                iteration = frame.iteration
                self._expect(peer, flow, chunk, iteration)
                log = self._logs[iteration]
                log.push_begins(peer.number)
                in_place = payloads.receive(connection, chunk, frame)
                self._arrived(peer, chunk, frame.length, log)
                for each in in_place:
                    self._delivered(peer, each, iteration)
                begin = pack_begin(frame.type, frame.worker, iteration)
            elif frame.type is FrameType.PULL and may_pull:
                self._answer_pull(peer, frame)
            else:
                raise FrameError(f"unexpected {frame.type.name} frame")

    def _answer_pull(self, peer: Peer, pull: Frame) -> None:
        here = self._here[peer.number]
        units = [one for one in self._layout.units_of(pull.tensor) if one.number in here]
        if pull.length:
            raise FrameError(f"PULL frame with a payload of {pull.length} bytes")
        # Who asks does so behind a barrier that all have in common, whoever is in step with whom.
        if not self._synchronisation.may_start(0, pull.iteration):
            raise FrameError(f"PULL frame of iteration {pull.iteration}")
        if not units:
            raise FrameError(f"tensor {pull.tensor} does not go from this server to this worker")
        if peer.answered[units[0].number] > pull.iteration:
            raise FrameError(f"tensor {pull.tensor} pulled twice")
        for unit in units:
            self._answer(peer, unit, pull.iteration)

    def _expect(self, peer: Peer, flow: int, chunk: Chunk, iteration: int) -> None:
        """Check and note that a chunk of an iteration's push begins to arrive."""
        number, tensor, offset, _, _, unit = chunk
        if self._unit_flow[unit] != flow:
            raise FrameError(f"tensor {tensor} at offset {offset} on flow {flow}")
        delivered = peer.delivered[number]
        if iteration != delivered or peer.answered[unit] == delivered:
            raise _out_of_turn(chunk, iteration, delivered)
        peer.delivered[number] = delivered + 1

    def _arrived(self, peer: Peer, chunk: Chunk, length: int, log: IterationLog) -> None:
        """Note that a chunk has arrived, in a payload of that length (bytes)."""
        _, _, _, _, _, unit = chunk
        missing = peer.missing[unit] - 1
        peer.missing[unit] = missing or len(self._layout.units[unit].chunks)
        log.pushed(peer.number, length, not missing)

    def _delivered(self, peer: Peer, chunk: Chunk, iteration: int) -> None:
        """Note that a chunk's gradient is in its place."""
        if self._contributions.delivered(chunk):
            self.ready.put((chunk, peer.number, iteration))


def _out_of_turn(chunk: Chunk, iteration: int, delivered: int) -> FrameError:
    """What is wrong with a push of a chunk that was delivered in that many iterations."""
    if iteration == delivered - 1:
        return FrameError(f"tensor {chunk.tensor} at offset {chunk.offset} pushed twice")
    if iteration != delivered:
        return FrameError(f"GRADIENT frame of iteration {iteration}")
    return FrameError(f"tensor {chunk.tensor} pushed before it was pulled")
