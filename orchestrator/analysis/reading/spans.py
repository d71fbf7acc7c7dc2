"""What took how long in a trial, as its processes kept it (`workloads.process.span_records`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import NamedTuple

from orchestrator.analysis.reading.records import Trial
from orchestrator.errors import InputError, Problem, RunError
from orchestrator.records.directory import TrialDirectory
from orchestrator.records.files import read_events
from workloads.library import HYBRID, SPLIT
from workloads.process import process_records
from workloads.process.process_records import LayoutRecord, PsIteration, PsSpans


class Span(NamedTuple):
    """One layer's or one slice's time.

    Attributes:
        iteration: counted from 0, warm-up and cool-down included.
        number: of the layer or slice.
        begin: monotonic ns.
        end: monotonic ns.
    """

    iteration: int
    number: int
    begin: int
    end: int


class SliceSize(NamedTuple):
    """A slice of the model: the layer that it belongs to, and its payload in (emulated) bytes."""

    layer: int
    bytes: int


@dataclass(frozen=True)
class WorkerSpans:
    """What one worker did, in order of time.

    Attributes:
        name: of its host.
        waited: by layer: from when the forward pass asked for its parameters until they were there.
        forward: by layer.
        backward: by layer.
        received: by slice: from its header to its last byte.
        sent: by slice: while the kernel took it.
        barrier: from the end of a backward pass to the beginning of the next iteration or the end
            of the training, by the iteration that was over (twice); empty without a step barrier.
    """

    name: str
    waited: tuple[Span, ...]
    forward: tuple[Span, ...]
    backward: tuple[Span, ...]
    received: tuple[Span, ...]
    sent: tuple[Span, ...]
    barrier: tuple[Span, ...]


@dataclass(frozen=True)
class TrialSpans:
    """What took how long in a trial.

    Attributes:
        trial: its other records.
        iterations: those that exchanged, as the first parameter server saw them.
        layers: names, in the order of the model.
        slices: by number.
        slice_lanes: by number, the lane on which the slice travels, both ways: what is on one
            does not overlap.
        lanes: names of the lanes: of servers and flows, where there are several; else empty.
        workers: in worker order.
        received: by the parameter servers from each worker, by slice.
        sent: by the parameter servers to each worker, by slice.
        applied: by slice.
    """

    trial: Trial
    iterations: tuple[PsIteration, ...]
    layers: tuple[str, ...]
    slices: tuple[SliceSize, ...]
    slice_lanes: tuple[int, ...]
    lanes: tuple[str, ...]
    workers: tuple[WorkerSpans, ...]
    received: tuple[tuple[Span, ...], ...]
    sent: tuple[tuple[Span, ...], ...]
    applied: tuple[Span, ...]


def read_spans(place: TrialDirectory, trial: Trial) -> TrialSpans:
    """Read the spans of a finished trial from its directory.

    Raises:
        InputError: its processes kept none.
        RunError: a record is missing or broken.
    """
    servers = trial.trial.servers
    if not servers:
        why = "it had no parameter server, whose spans a trace is made of"
        raise InputError([Problem(str(place.path), why, "choose another trial")])
    if trial.trial.communication.exchange in (HYBRID, SPLIT):
        why = "a trace is of pulls and pushes, and its workers also send to each other"
        raise InputError([Problem(str(place.path), why, "choose another trial")])
    workers = len(trial.trial.workers)
    lines: list[PsSpans] = []
    server_of: dict[int, int] = {}  # by the number of a slice
    for place_of_server, name in enumerate(servers):
        path = place.process(name)
        own = tuple(read_events(path).all(PsSpans))
        for line in own:
            if not len(line.received) == len(line.sent) == workers:
                raise RunError(f"{path}: the spans of iteration {line.iteration} lack a worker")
            server_of |= dict.fromkeys(line.applied[::3], place_of_server)
        lines += own
    if not lines:
        hint = "run it again"
        raise InputError([Problem(str(place.path), "recorded by a version without spans", hint)])
    events = read_events(place.process(servers[0]))
    layout = events.one(LayoutRecord)
    flows = max(layout.slice_flows, default=0) + 1
    # A server counts the exchanges.
    rounds = trial.trial.rounds
    begins = [replace(line, iteration=rounds.first(line.iteration)) for line in lines]
    ends = [replace(line, iteration=rounds.last(line.iteration)) for line in lines]
    spans = TrialSpans(
        trial=trial,
        iterations=tuple(
            replace(one, iteration=rounds.last(one.iteration)) for one in events.all(PsIteration)
        ),
        layers=tuple(layout.layers),
        slices=tuple(SliceSize(*size) for size in layout.slices),
        slice_lanes=tuple(
            server_of.get(number, 0) * flows + flow
            for number, flow in enumerate(layout.slice_flows)
        ),
        lanes=_lanes(servers, flows),
        workers=tuple(_worker(place, name, trial) for name in trial.trial.workers),
        received=tuple(
            _spans((line, line.received[number]) for line in ends) for number in range(workers)
        ),
        sent=tuple(
            _spans((line, line.sent[number]) for line in begins) for number in range(workers)
        ),
        applied=_spans((line, line.applied) for line in ends),
    )
    _check(place.path, spans)
    return spans


def _lanes(servers: Sequence[str], flows: int) -> tuple[str, ...]:
    """A name for each server and flow, as far as there are several."""
    named = [""] if len(servers) == 1 else servers
    of_flows = [""] if flows == 1 else [f"flow {flow}" for flow in range(flows)]
    return tuple(", ".join(filter(None, both)) for both in product(named, of_flows))


def _worker(place: TrialDirectory, name: str, trial: Trial) -> WorkerSpans:
    path = place.process(name)
    events = read_events(path)
    lines = tuple(events.all(process_records.WorkerSpans))
    if not lines:
        raise RunError(f"{path}: no records of event 'spans', at least 1 expected")
    barrier = trial.trial.communication.barrier
    times = tuple(events.all(process_records.WorkerIteration)) if barrier else ()
    iterations = {line.iteration for line in lines}
    return WorkerSpans(
        name=name,
        waited=_spans((line, line.waited) for line in lines),
        forward=_spans((line, line.forward) for line in lines),
        backward=_spans((line, line.backward) for line in lines),
        received=_spans((line, line.received) for line in lines),
        sent=_spans((line, line.sent) for line in lines),
        barrier=tuple(
            Span(time.iteration, time.iteration, time.backward_done_ns, time.ended_ns)
            for time in times
            if time.iteration in iterations
        ),
    )


def _spans(
    lines: Iterable[tuple[process_records.WorkerSpans | PsSpans, Sequence[int]]],
) -> tuple[Span, ...]:
    """From flat lists of number, begin and length to spans, in order of time."""
    spans = [
        Span(line.iteration, number, line.origin_ns + begin, line.origin_ns + begin + length)
        for line, flat in lines
        for number, begin, length in zip(flat[::3], flat[1::3], flat[2::3], strict=False)
    ]
    return tuple(sorted(spans, key=lambda span: (span.begin, span.end)))


def _check(directory: Path, spans: TrialSpans) -> None:
    """Check that every number refers to an entry."""
    layers, slices = len(spans.layers), len(spans.slices)
    by_layer = [each for w in spans.workers for each in (w.waited, w.forward, w.backward)]
    by_slice = [each for w in spans.workers for each in (w.received, w.sent)]
    by_slice += [*spans.received, *spans.sent, spans.applied]
    for groups, count in ((by_layer, layers), (by_slice, slices)):
        numbers = {span.number for group in groups for span in group}
        if numbers and not 0 <= min(numbers) <= max(numbers) < count:
            raise RunError(f"{directory}: spans of a layer or slice that its layout does not have")
    if len(spans.slice_lanes) != slices or any(lane < 0 for lane in spans.slice_lanes):
        raise RunError(f"{directory}: a slice without a flow")
    if any(not 0 <= size.layer < layers for size in spans.slices):
        raise RunError(f"{directory}: a slice of a layer that its layout does not have")
