"""How a process writes its spans down, once all is over.

    layout  (parameter server)  layers: names; slices: per chunk, [layer, bytes], in arena order;
            slice_flows: per chunk, the number of its flow
    spans   one per iteration; every list is flat: number, begin (ns after `origin_ns`), length (ns)
        worker             waited, forward, backward: by layer; received, sent: by chunk
        parameter server   received, sent: per worker, by chunk; applied: by chunk

`waited` has the layers whose parameters came later than the worker asked for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workloads.models.profiles import Model
from workloads.process.process_records import LayoutRecord, PsSpans, WorkerSpans
from workloads.process.records import Records
from workloads.schedule.units import Layout
from workloads.transport.spans import Spans, first_kept


def write_layout(records: Records, model: Model, layout: Layout, unit_flow: Sequence[int]) -> None:
    """Write down what the numbers of layers and chunks mean.

    Args:
        records: of the parameter server.
        model: what is trained.
        layout: of its parameters.
        unit_flow: per unit, the flow on which it travels.

    Raises:
        WorkloadError: the records cannot be written.
    """
    records.write(
        LayoutRecord(
            layers=[layer.name for layer in model.layers],
            slices=[(layout.tensor_layers[chunk.tensor], chunk.length) for chunk in layout.chunks],
            slice_flows=[unit_flow[chunk.unit] for chunk in layout.chunks],
        )
    )


def write_spans(
    records: Records,
    kind: type[PsSpans | WorkerSpans],
    iterations: int,
    kinds: Mapping[str, Spans | list[Spans]],
) -> None:
    """Write one record per kept iteration.

    Args:
        records: of this process.
        kind: of record: the process's.
        iterations: of the whole training; those of a worker that went on are written as well.
        kinds: by name; several of a kind are written as a list of lists.

    Raises:
        WorkloadError: the records cannot be written.
    """
    kept_iterations = set(range(first_kept(iterations), iterations))
    for value in kinds.values():
        for each in value if isinstance(value, list) else [value]:
            kept_iterations |= each.iterations
    for iteration in sorted(kept_iterations):
        kept_spans = {
            name: spans.of(iteration)
            if isinstance(spans, Spans)
            else [each.of(iteration) for each in spans]
            for name, spans in kinds.items()
        }
        begins = [
            int(spans[:, 1].min())
            for value in kept_spans.values()
            for spans in (value if isinstance(value, list) else [value])
            if len(spans)
        ]
        origin = min(begins, default=0)
        flat: dict[str, Any] = {
            name: [_flat(each, origin) for each in value]
            if isinstance(value, list)
            else _flat(value, origin)
            for name, value in kept_spans.items()
        }
        records.write(kind(iteration=iteration, origin_ns=origin, **flat))


def _flat(spans: np.ndarray[Any, np.dtype[np.int64]], origin: int) -> list[int]:
    number, begin, end = spans.T
    flat: list[int] = np.stack((number, begin - origin, end - begin), axis=1).ravel().tolist()
    return flat
