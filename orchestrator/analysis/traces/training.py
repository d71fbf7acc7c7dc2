"""A trial as a trace that Perfetto and chrome://tracing open.

One process is the network (iterations, and how full its bottleneck is), one the parameter server,
one each worker. Times are microseconds of the testbed's own clock since the first release: emulated
ones, D times the real system's. The format is the JSON of Chrome's Trace Event Format.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from typing import Any

from orchestrator.analysis.measures.utilisation import BIN_NS, WORDS, Full, utilisation
from orchestrator.analysis.reading.spans import Span, TrialSpans, WorkerSpans
from orchestrator.records.trial import TrialRecord
from orchestrator.spec import WAYS, Way, rate_text
from workloads.schedule.schedule import MAX_FLOWS

Event = dict[str, Any]

_NETWORK, _SERVER = 1, 2  # numbers of processes; workers follow
_COMPUTE, _STALLS, _PULLED, _PUSHED = 1, 2, 3, 4  # tracks of a worker
_APPLIED = 1  # track of the parameter server; two for each worker follow
_FLOW = 1_000_000  # further lanes of a track have separate tracks: what is on them overlaps


def trace(spans: TrialSpans, full: Mapping[Way, Full]) -> dict[str, Any]:
    """A trial's trace, ready to be dumped as JSON.

    Args:
        spans: of the trial.
        full: what 100 % of the bottleneck is.
    """
    start = spans.iterations[0].released_ns
    events = [
        *_network(spans, full, start),
        *_server(spans, start),
        *(
            event
            for number, worker in enumerate(spans.workers)
            for event in _worker(spans, worker, _SERVER + 1 + number, start)
        ),
    ]
    return {"traceEvents": events, "displayTimeUnit": "ms", "otherData": about(spans, full)}


def about(spans: TrialSpans, full: Mapping[Way, Full]) -> dict[str, Any]:
    """What was traced, in words and figures."""
    trial = spans.trial.trial
    return {
        **trial.choices,
        "repeat": trial.repeat,
        "R": trial.scale.rates,
        "D": trial.scale.time,
        "workers": list(trial.workers),
        "batch": trial.batch,
        "switch": trial.switch,
        "clock": "emulated microseconds since the first release: D times the real system's",
        "utilisation": {
            WORDS[way]: f"payload per {BIN_NS // 1_000_000} emulated ms; 100 % is"
            f" {rate_text(full[way].bits_per_sec)} at {', '.join(full[way].ports)}"
            for way in WAYS
        },
    }


def _network(spans: TrialSpans, full: Mapping[Way, Full], start: int) -> Iterator[Event]:
    trial = spans.trial.trial
    scale = f"R = {trial.scale.rates:g}, D = {trial.scale.time:g}"
    tracks = {1: "iterations, as the parameter server applies them", 2: "iterations, as measured"}
    yield from _named(_NETWORK, f"network: {trial.choices.sentence}, {scale}", tracks)
    for iteration in spans.iterations:
        number = iteration.iteration
        yield {
            **_complete(_NETWORK, 1, start, iteration.released_ns, iteration.next_release_ns),
            "name": f"{_kind(trial, number)} {number}",
        }
    moments = pairwise(spans.trial.course.moments())
    for number, (begin, end) in zip(trial.measured, moments, strict=True):
        yield {**_complete(_NETWORK, 2, start, begin, end), "name": f"iteration {number}"}
    begin, end = kept(spans)
    for way in WAYS:
        ports = ", ".join(full[way].ports)
        values = utilisation(spans, way, full[way], begin, end)
        before = None
        for number, value in enumerate([*values.round(1).tolist(), 0.0]):
            if value != before:
                yield {
                    "name": f"{WORDS[way]}: utilisation of {ports}, %",
                    "ph": "C",
                    "pid": _NETWORK,
                    "ts": _microseconds(begin + number * BIN_NS - start),
                    "args": {"percent": value},
                }
            before = value


def _kind(trial: TrialRecord, number: int) -> str:
    if number in trial.measured:
        return "iteration"
    return "warm-up" if number < trial.warm_up else "cool-down"


def kept(spans: TrialSpans) -> tuple[int, int]:
    """From when to when there are spans (ns): of a long training, only the last iterations'."""
    every = [span for worker in spans.workers for span in (*worker.received, *worker.forward)]
    return min(span.begin for span in every), spans.iterations[-1].next_release_ns


def _server(spans: TrialSpans, start: int) -> Iterator[Event]:
    several = len(spans.trial.trial.servers) > 1
    tracks = _by_lane(spans, _APPLIED, "applied") if several else {_APPLIED: "applied"}
    for number, worker in enumerate(spans.workers):
        sent, received = _APPLIED + 1 + 2 * number, _APPLIED + 2 + 2 * number
        tracks |= _by_lane(spans, sent, f"to {worker.name} (handed to the kernel)")
        tracks |= _by_lane(spans, received, f"from {worker.name} (received)")
    name = f"parameter server{'s' if several else ''} {', '.join(spans.trial.trial.servers)}"
    yield from _named(_SERVER, name, tracks)
    on_tracks = _transfers if several else _slices
    yield from on_tracks(spans, spans.applied, (_SERVER, _APPLIED), start)
    for number, (to, come) in enumerate(zip(spans.sent, spans.received, strict=True)):
        yield from _transfers(spans, to, (_SERVER, _APPLIED + 1 + 2 * number), start)
        yield from _transfers(spans, come, (_SERVER, _APPLIED + 2 + 2 * number), start)


def _worker(spans: TrialSpans, worker: WorkerSpans, pid: int, start: int) -> Iterator[Event]:
    tracks = {
        _COMPUTE: "forward and backward",
        _STALLS: "stalls",
        **_by_lane(spans, _PULLED, "pulled (received)"),
        **_by_lane(spans, _PUSHED, "pushed (handed to the kernel)"),
    }
    yield from _named(pid, f"worker {worker.name}", tracks)
    for track, prefix, what in (
        (_COMPUTE, "forward", worker.forward),
        (_COMPUTE, "backward", worker.backward),
        (_STALLS, "waits for", worker.waited),
    ):
        for span in what:
            yield {
                **_complete(pid, track, start, span.begin, span.end),
                "name": f"{prefix} {spans.layers[span.number]}",
                "cat": prefix,
                "args": {"iteration": span.iteration},
            }
    for span in worker.barrier:
        yield {
            **_complete(pid, _STALLS, start, span.begin, span.end),
            "name": "waits for the step barrier",
            "cat": "waits for",
            "args": {"iteration": span.iteration},
        }
    yield from _transfers(spans, worker.received, (pid, _PULLED), start)
    yield from _transfers(spans, worker.sent, (pid, _PUSHED), start)


def _by_lane(spans: TrialSpans, track: int, name: str) -> dict[int, str]:
    """The tracks of a direction, by number: one per lane."""
    lanes = sorted(set(spans.slice_lanes))
    if len(lanes) == 1:
        return {track: name}
    return {track + _FLOW * lane: f"{name}, {spans.lanes[lane]}" for lane in lanes}


def _transfers(
    spans: TrialSpans, transferred: Sequence[Span], track: tuple[int, int], start: int
) -> Iterator[Event]:
    """Slices on the tracks of their lanes."""
    pid, first = track
    for lane in sorted(set(spans.slice_lanes)):
        of_lane = [span for span in transferred if spans.slice_lanes[span.number] == lane]
        yield from _slices(spans, of_lane, (pid, first + _FLOW * lane), start)


def _slices(
    spans: TrialSpans, sent: Sequence[Span], track: tuple[int, int], start: int
) -> Iterator[Event]:
    """One event per slice, but one for all that the kernel took in one call."""
    for (begin, end), group in groupby(sent, key=lambda span: (span.begin, span.end)):
        together = tuple(group)
        first = together[0]
        more = f" and {len(together) - 1} more" if len(together) > 1 else ""
        yield {
            **_complete(*track, start, begin, end),
            "name": f"{spans.layers[spans.slices[first.number].layer]}{more}",
            "args": {
                "iteration": first.iteration,
                "slice": first.number
                if len(together) == 1
                else ", ".join(str(span.number) for span in together),
                "bytes": sum(spans.slices[span.number].bytes for span in together),
            },
        }


def _complete(pid: int, track: int, start: int, begin: int, end: int) -> Event:
    return {
        "ph": "X",
        "pid": pid,
        "tid": track,
        "ts": _microseconds(begin - start),
        "dur": _microseconds(end - begin),
    }


def _microseconds(nanoseconds: int) -> float:
    return nanoseconds / 1000


def _named(pid: int, name: str, tracks: Mapping[int, str]) -> Iterator[Event]:
    yield {"ph": "M", "name": "process_name", "pid": pid, "args": {"name": name}}
    yield {"ph": "M", "name": "process_sort_index", "pid": pid, "args": {"sort_index": pid}}
    for number, track in tracks.items():
        common = {"ph": "M", "pid": pid, "tid": number}
        yield {**common, "name": "thread_name", "args": {"name": track}}
        place = number % _FLOW * MAX_FLOWS + number // _FLOW  # the flows of a track side by side
        yield {**common, "name": "thread_sort_index", "args": {"sort_index": place}}
