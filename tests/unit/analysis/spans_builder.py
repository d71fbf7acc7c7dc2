"""Synthetic spans: workers that share a bottleneck equally, and push what backward has finished."""

from __future__ import annotations

from collections.abc import Sequence

from workloads.models.profiles import Model
from workloads.process.process_records import LayoutRecord, PsSpans, WorkerSpans
from workloads.schedule.units import Layout

PHASE = 0.42  # of an iteration: what a pull or a push of the whole model takes
COMPUTE = 0.12


def layout_record(model: Model, layout: Layout) -> LayoutRecord:
    return LayoutRecord(
        layers=[layer.name for layer in model.layers],
        slices=[(layout.tensor_layers[piece.tensor], piece.length) for piece in layout.chunks],
        slice_flows=[0] * len(layout.chunks),
    )


def spans_records(
    model: Model, layout: Layout, worker: int, iteration: int, times: tuple[int, int]
) -> WorkerSpans:
    """A worker's record of an iteration that begins and ends then (ns)."""
    begin, end = times
    length = end - begin
    per_byte = PHASE * length / layout.bytes
    layer_ns = round(COMPUTE * length / 3 / len(model.layers))
    count = len(layout.chunks)
    received, arrived = [], [0] * len(model.layers)
    now = 0.0
    for position in range(count):
        # Another order for each worker and iteration, that meets every slice.
        piece = layout.chunks[(position * _step(count) + 17 * worker + 5 * iteration) % count]
        took = piece.length * per_byte
        received += [piece.number, round(now), round(took)]
        now += took
        layer = layout.tensor_layers[piece.tensor]
        arrived[layer] = max(arrived[layer], round(now))
    waited: list[int] = []
    forward: list[int] = []
    backward: list[int] = []
    sent: list[int] = []
    done = 0
    for layer in range(len(model.layers)):
        if arrived[layer] > done:
            waited += [layer, done, arrived[layer] - done]
            done = arrived[layer]
        forward += [layer, done, layer_ns]
        done += layer_ns
    free = 0.0
    for layer in reversed(range(len(model.layers))):
        backward += [layer, done, 2 * layer_ns]
        done += 2 * layer_ns
        for tensor in layout.layer_tensors[layer]:
            for piece in layout.tensor_chunks[tensor]:
                free = max(free, done)
                sent += [piece.number, round(free), round(piece.length * per_byte)]
                free += piece.length * per_byte
    return WorkerSpans(
        iteration=iteration,
        origin_ns=begin,
        waited=waited,
        forward=forward,
        backward=backward,
        received=received,
        sent=sent,
    )


def server_record(workers: list[WorkerSpans], delay: int = 1000) -> PsSpans:
    """The parameter server's record of an iteration, from those of all workers."""
    pushed = [
        _later(record.sent, delay + record.origin_ns - workers[0].origin_ns) for record in workers
    ]
    return PsSpans(
        iteration=workers[0].iteration,
        origin_ns=workers[0].origin_ns,
        received=pushed,
        sent=[record.received for record in workers],
        applied=_later(pushed[-1], delay),
    )


def _later(flat: Sequence[int], delay: int) -> list[int]:
    return [value + delay if index % 3 == 1 else value for index, value in enumerate(flat)]


def _step(count: int) -> int:
    """A number that has no divisor in common with `count`."""
    return next(step for step in (37, 41, 43, 47, 1) if count % step)
