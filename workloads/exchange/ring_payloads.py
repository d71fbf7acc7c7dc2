"""What goes round a ring: chunks as they are, or units that a codec codes.

**As they are**, each chunk goes on by itself. **Coded**, a unit goes on when all of it is there. A
sum is decoded, the own gradient is added, and the result is encoded again, hop by hop, by a codec
of each member's own. Where a codec says that payloads add up, the payload of the own gradient is
added to the one that came, and the owner alone decodes. Parameters are encoded once, by their
owner, who takes over what the others get: they pass the payload on as it came.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any, Protocol

import numpy as np

from workloads.codecs.codec import bytes_of
from workloads.codecs.coded import CodedFrames, CodedPayloads, payloads_of
from workloads.errors import WorkloadError
from workloads.process.training import WorkerJob
from workloads.schedule.units import Chunk, Layout, Unit
from workloads.transport.connection import Connection
from workloads.transport.memory import Arena
from workloads.transport.send_queue import Parcel
from workloads.transport.wire import Frame, FrameType, pack_begin, pack_place

PayloadOf = Callable[[Unit], memoryview]
"""A unit's payload, coded."""


class Sums(Protocol):
    """Sums of gradients, from one member's own memory to the next one's memory of sums."""

    def find(self, frame: Frame) -> Chunk:
        """Return the chunk that a frame announces.

        Raises:
            FrameError: there is none, or it has another length.
        """

    def receive(self, connection: Connection, chunk: Chunk, frame: Frame) -> Sequence[Chunk]:
        """Receive what the frame carries; return the chunks that are all there by it."""

    def adds(self, chunk: Chunk) -> bool:
        """Whether what came of a chunk is values, to be added to the own gradient."""

    def parcels(self, chunk: Chunk, number: int) -> Sequence[Parcel]:
        """What goes on of a chunk, now that all up to this member is there."""


class Parameters(Protocol):
    """New parameters, from their owner to all others' own memories."""

    def find(self, frame: Frame) -> Chunk:
        """As for sums."""

    def receive(
        self, connection: Connection, chunk: Chunk, frame: Frame, *, goes_on: bool
    ) -> Sequence[Chunk]:
        """Receive what the frame carries; return the chunks that are all there by it."""

    def made(self, chunk: Chunk) -> Sequence[Chunk]:
        """Take over what an owner has made of a chunk; return the chunks that are taken over."""

    def parcels(self, chunk: Chunk, number: int) -> Sequence[Parcel]:
        """What goes on with a chunk that was received, or made."""


class _Places:
    """Frames of chunks as they are."""

    def __init__(self, worker: int, layout: Layout, kind: FrameType) -> None:
        self._worker = worker
        self._layout = layout
        self._kind = kind
        self._places = [
            pack_place(chunk.tensor, chunk.offset, chunk.length) for chunk in layout.chunks
        ]

    def find(self, frame: Frame) -> Chunk:
        """The chunk of that place and length."""
        return self._layout.find(frame.tensor, frame.offset, frame.length)

    def parcel(self, arena: Arena, chunk: Chunk, number: int) -> Parcel:
        """A chunk of a memory; what ends with it is counted where it is a sum."""
        head = pack_begin(self._kind, self._worker, number) + self._places[chunk.number]
        ends = int(self._kind is FrameType.GRADIENT)
        return Parcel(head, arena.bytes_of(chunk), 0, number, chunk.number, ends)


class PlainSums(_Places):
    """Sums as they are."""

    def __init__(self, worker: int, layout: Layout, own: Arena, sums: Arena) -> None:
        super().__init__(worker, layout, FrameType.GRADIENT)
        self._own = own
        self._sums = sums

    def receive(self, connection: Connection, chunk: Chunk, frame: Frame) -> Sequence[Chunk]:
        """Into its place."""
        connection.receive_chunk(chunk, self._sums, frame.iteration)
        return (chunk,)

    def adds(self, chunk: Chunk) -> bool:
        """Always."""
        del chunk
        return True

    def parcels(self, chunk: Chunk, number: int) -> Sequence[Parcel]:
        """The chunk."""
        return (self.parcel(self._own, chunk, number),)


class PlainParameters(_Places):
    """Parameters as they are; those that go on stay in `parameters`.

    The worker may compute the next gradient in its own memory meanwhile.
    """

    def __init__(self, worker: int, layout: Layout, own: Arena, parameters: Arena) -> None:
        super().__init__(worker, layout, FrameType.PARAMETERS)
        self._own = own
        self._parameters = parameters

    def receive(
        self, connection: Connection, chunk: Chunk, frame: Frame, *, goes_on: bool
    ) -> Sequence[Chunk]:
        """Into its place."""
        into = self._parameters if goes_on else self._own
        connection.receive_chunk(chunk, into, frame.iteration)
        return self.made(chunk) if goes_on else (chunk,)

    def made(self, chunk: Chunk) -> Sequence[Chunk]:
        """The chunk."""
        self._own.values_of(chunk)[:] = self._parameters.values_of(chunk)
        return (chunk,)

    def parcels(self, chunk: Chunk, number: int) -> Sequence[Parcel]:
        """The chunk."""
        return (self.parcel(self._parameters, chunk, number),)


class _Whole:
    """Tells when all chunks of a unit are done, whichever threads do them."""

    def __init__(self, layout: Layout) -> None:
        self._counting = Lock()
        self._chunks = [len(unit.chunks) for unit in layout.units]
        self._missing = list(self._chunks)

    def by(self, chunk: Chunk) -> bool:
        """Note that a chunk is done; whether all of its unit is now."""
        with self._counting:
            missing = self._missing[chunk.unit] - 1
            self._missing[chunk.unit] = missing or self._chunks[chunk.unit]
        return not missing


class CodedSums:
    """Sums that are coded anew at each hop."""

    def __init__(
        self, worker: int, layout: Layout, received: CodedPayloads, sent: CodedFrames
    ) -> None:
        self._worker = worker
        self._layout = layout
        self._received = received
        self._sent = sent
        self._whole = _Whole(layout)

    def find(self, frame: Frame) -> Chunk:
        """The chunk whose piece of a payload comes."""
        return self._received.find(frame)

    def receive(self, connection: Connection, chunk: Chunk, frame: Frame) -> Sequence[Chunk]:
        """Keep a piece; with the last one, decode the unit."""
        return self._received.receive(connection, chunk, frame)

    def adds(self, chunk: Chunk) -> bool:
        """Always: they are decoded."""
        del chunk
        return True

    def parcels(self, chunk: Chunk, number: int) -> Sequence[Parcel]:
        """With the last chunk, the unit, encoded."""
        if not self._whole.by(chunk):
            return ()
        unit = self._layout.units[chunk.unit]
        parcels = self._sent.parcels(unit, self._payload(unit), self._worker, number)
        # Sums are counted by chunks.
        return [parcel._replace(ends=1) for parcel in parcels]

    def _payload(self, unit: Unit) -> memoryview:
        return self._sent.encoded(unit)


class AddedSums(CodedSums):
    """Sums of payloads: no member but a unit's owner decodes.

    Args:
        owned: whether this member owns a chunk.
        kind: of the values, as parts travel that the codec leaves as they are.
    """

    def __init__(
        self,
        worker: int,
        layout: Layout,
        received: CodedPayloads,
        sent: CodedFrames,
        *,
        owned: Callable[[Chunk], bool],
        kind: np.dtype[np.floating[Any]],
    ) -> None:
        super().__init__(worker, layout, received, sent)
        self._owned = owned
        self._kind = kind
        received.undecoded = lambda unit: not owned(unit.chunks[0])

    def adds(self, chunk: Chunk) -> bool:
        """What its owner has decoded."""
        return self._owned(chunk)

    def _payload(self, unit: Unit) -> memoryview:
        own = self._sent.encoded(unit)
        came = self._received.payloads.pop(unit.number, None)
        if came is None:
            return own
        kind = np.dtype(np.float32) if self._sent.codes(unit) else self._kind
        if len(came) != len(own) or len(own) % kind.itemsize:
            raise WorkloadError(
                f"payloads of {len(came)} and {len(own)} bytes cannot be added, though the codec "
                "says that they add up"
            )
        return bytes_of(np.frombuffer(came, kind) + np.frombuffer(own, kind))


class CodedParameters:
    """Parameters that their owner codes, and others pass on as they came.

    Args:
        coded: payloads of what the owner has made; None: it encodes it.
    """

    def __init__(
        self,
        worker: int,
        layout: Layout,
        received: CodedPayloads,
        made: CodedFrames,
        coded: PayloadOf | None,
    ) -> None:
        self._worker = worker
        self._layout = layout
        self._received = received
        self._made = made
        self._coded = coded or made.encoded
        self._whole = _Whole(layout)

    def find(self, frame: Frame) -> Chunk:
        """The chunk whose piece of a payload comes."""
        return self._received.find(frame)

    def receive(
        self, connection: Connection, chunk: Chunk, frame: Frame, *, goes_on: bool
    ) -> Sequence[Chunk]:
        """Keep a piece; with the last one, decode the unit into the worker's own memory."""
        del goes_on
        return self._received.receive(connection, chunk, frame)

    def made(self, chunk: Chunk) -> Sequence[Chunk]:
        """With the last chunk, take over what others will decode of the unit's payload."""
        if not self._whole.by(chunk):
            return ()
        unit = self._layout.units[chunk.unit]
        self._received.decode(unit, self._coded(unit))
        return unit.chunks

    def parcels(self, chunk: Chunk, number: int) -> Sequence[Parcel]:
        """With the first chunk, the unit's payload."""
        unit = self._layout.units[chunk.unit]
        if chunk is not unit.chunks[0]:
            return ()
        payload = self._received.payloads[unit.number]
        return self._made.parcels(unit, payload, self._worker, number)


def sums_of(
    job: WorkerJob, layout: Layout, own: Arena, sums: Arena, owned: Callable[[Chunk], bool]
) -> Sums:
    """How sums travel under a schedule.

    Args:
        job: the worker's.
        layout: of the model.
        own: the worker's own memory.
        sums: where sums come.
        owned: whether this member owns a chunk.
    """
    codec, seed = job.schedule.push_codec, job.seed + 1 + job.worker
    received = payloads_of(codec, job.model, layout, sums, seed)
    sent = payloads_of(codec, job.model, layout, own, seed).frames(FrameType.GRADIENT)
    if isinstance(received, CodedPayloads) and isinstance(sent, CodedFrames):
        if received.additive:
            kind = own.values.dtype
            return AddedSums(job.worker, layout, received, sent, owned=owned, kind=kind)
        return CodedSums(job.worker, layout, received, sent)
    return PlainSums(job.worker, layout, own, sums)


def parameters_of(
    job: WorkerJob,
    layout: Layout,
    own: Arena,
    parameters: Arena,
    coded: PayloadOf | None = None,
) -> Parameters:
    """How new parameters travel under a schedule.

    Args:
        job: the worker's.
        layout: of the model.
        own: the worker's own memory.
        parameters: where an owner makes new ones.
        coded: payloads of these, where somebody else has coded them; None: their owner does.
    """
    codec, seed = job.schedule.pull_codec, job.seed + 1 + job.worker
    received = payloads_of(codec, job.model, layout, own, seed)
    made = payloads_of(codec, job.model, layout, parameters, seed).frames(FrameType.PARAMETERS)
    if isinstance(received, CodedPayloads) and isinstance(made, CodedFrames):
        received.keeps = True
        return CodedParameters(job.worker, layout, received, made, coded)
    return PlainParameters(job.worker, layout, own, parameters)
