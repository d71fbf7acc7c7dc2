"""What took how long: the spans that a process keeps in memory and writes down when all is over.

Noting one is a look at the clock and three integers in an array; nothing is formatted or written
while anything is measured. Spans of the last KEPT_ITERATIONS are kept, so memory is bounded: 24
bytes each, one per chunk, direction and connection.

    layout  (parameter server)  layers: names; slices: per chunk, [layer, bytes], in arena order;
            slice_flows: per chunk, the number of its flow
    spans   one per iteration; every list is flat: number, begin (ns after `origin_ns`), length (ns)
        worker             waited, forward, backward: by layer; received, sent: by chunk
        parameter server   received, sent: per worker, by chunk; applied: by chunk

`waited` has the layers whose parameters came later than the worker asked for them. A chunk is
received from when its header is read to its last byte, and sent while the kernel takes it: what is
sent in one system call has one span. That is when the sender decided, and buffers and queues are
between it and the receiver: both ends are kept.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from workloads.models import Model
from workloads.records import Records
from workloads.schedule.units import Layout

KEPT_ITERATIONS = 20


class Spans:
    """Spans of one kind; only one thread may note them.

    Args:
        iterations: of the whole training; where a worker goes on after them, its last ones stay.
    """

    def __init__(self, iterations: int) -> None:
        self._first = first_kept(iterations)
        self._entries: dict[int, array[int]] = {}  # by iteration

    @property
    def iterations(self) -> set[int]:
        """Those of which spans are kept."""
        return set(self._entries)

    def note(self, iteration: int, number: int, begin: int, end: int) -> None:
        """Keep one span.

        Args:
            iteration: that it belongs to.
            number: of the layer or the chunk.
            begin: monotonic ns.
            end: monotonic ns.
        """
        if iteration >= self._first:
            entries = self._entries.get(iteration)
            if entries is None:
                entries = self._begin(iteration)
            entries.extend((number, begin, end))

    def _begin(self, iteration: int) -> array[int]:
        entries = self._entries[iteration] = array("q")
        if len(self._entries) > KEPT_ITERATIONS:
            oldest = min(self._entries)
            del self._entries[oldest]
            self._first = oldest + 1
        return entries

    @classmethod
    def joined(cls, parts: Iterable[Spans]) -> Spans:
        """All spans of some that different threads have noted, once they have ended."""
        whole = cls(0)
        for part in parts:
            for iteration, entries in part._entries.items():
                whole._entries.setdefault(iteration, array("q")).extend(entries)
        return whole

    def of(self, iteration: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        """The spans of an iteration: int64 [spans, 3], of number, begin and end."""
        return np.array(self._entries.get(iteration, ()), np.int64).reshape(-1, 3)


class Transfers:
    """Spans of the chunks that crossed a connection; each direction has a thread of its own.

    Args:
        iterations: of the whole training.
    """

    def __init__(self, iterations: int) -> None:
        self.received = Spans(iterations)
        self.sent = Spans(iterations)

    def note_sent(self, chunks: Iterable[tuple[int, int]], begin: int) -> None:
        """Note that the kernel has taken chunks, each (iteration, number), since `begin` (ns)."""
        end = time.monotonic_ns()
        note = self.sent.note
        for iteration, number in chunks:
            note(iteration, number, begin, end)


def first_kept(iterations: int) -> int:
    """The first of so many iterations whose spans are kept."""
    return max(0, iterations - KEPT_ITERATIONS)


def write_layout(records: Records, model: Model, layout: Layout, unit_flow: Sequence[int]) -> None:
    """Write down what the numbers of layers and chunks stand for.

    Args:
        records: of the parameter server.
        model: what is trained.
        layout: of its parameters.
        unit_flow: per unit, the flow on which it travels.

    Raises:
        WorkloadError: the records cannot be written.
    """
    records.write(
        "layout",
        layers=[layer.name for layer in model.layers],
        slices=[[layout.tensor_layers[chunk.tensor], chunk.length] for chunk in layout.chunks],
        slice_flows=[unit_flow[chunk.unit] for chunk in layout.chunks],
    )


def write_spans(
    records: Records, iterations: int, kinds: Mapping[str, Spans | list[Spans]]
) -> None:
    """Write one record per kept iteration.

    Args:
        records: of this process.
        iterations: of the whole training; those of a worker that went on are written as well.
        kinds: by name; several of a kind are written as a list of lists.

    Raises:
        WorkloadError: the records cannot be written.
    """
    kept = set(range(first_kept(iterations), iterations))
    for value in kinds.values():
        for each in value if isinstance(value, list) else [value]:
            kept |= each.iterations
    for iteration in sorted(kept):
        found = {
            name: spans.of(iteration)
            if isinstance(spans, Spans)
            else [each.of(iteration) for each in spans]
            for name, spans in kinds.items()
        }
        begins = [
            int(spans[:, 1].min())
            for value in found.values()
            for spans in (value if isinstance(value, list) else [value])
            if len(spans)
        ]
        origin = min(begins, default=0)
        records.write(
            "spans",
            iteration=iteration,
            origin_ns=origin,
            **{
                name: [_flat(each, origin) for each in value]
                if isinstance(value, list)
                else _flat(value, origin)
                for name, value in found.items()
            },
        )


def _flat(spans: np.ndarray[Any, np.dtype[np.int64]], origin: int) -> list[int]:
    number, begin, end = spans.T
    flat: list[int] = np.stack((number, begin - origin, end - begin), axis=1).ravel().tolist()
    return flat
