"""What processes say afterwards about which slice and which layer took when."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.unit.workloads.in_process import model_of, train
from workloads.process.process_records import PsSpans
from workloads.process.records import Records
from workloads.process.span_records import write_spans
from workloads.schedule.library import get_schedule
from workloads.schedule.units import CHUNK_BYTES, Layout
from workloads.transport.spans import KEPT_ITERATIONS, Spans

MODEL = model_of([[CHUNK_BYTES // 2, 10], [], [70_000]])
WORKERS = ("worker0", "worker1", "worker2")


def spans_of(folder: Path, process: str) -> list[dict[str, Any]]:
    lines = map(json.loads, (folder / f"{process}.jsonl").read_text().splitlines())
    return [line for line in lines if line["event"] == "spans"]


def triples(flat: list[int]) -> list[tuple[int, int, int]]:
    assert len(flat) % 3 == 0
    return list(zip(flat[::3], flat[1::3], flat[2::3], strict=True))


def numbers(flat: list[int]) -> list[int]:
    return sorted(flat[::3])


@pytest.mark.parametrize("name", ["none", "p3", "planned-order", "geryon"])
def test_every_slice_and_every_layer_has_its_spans(tmp_path: Path, name: str) -> None:
    schedule = get_schedule(name)
    ps = train(tmp_path, MODEL, schedule, iterations=2)
    layout = Layout(MODEL, 1, 1, schedule.slice_bytes)
    every = [chunk.number for chunk in layout.chunks]
    (told,) = [line for line in ps if line["event"] == "layout"]
    assert told["layers"] == ["layer0", "layer1", "layer2"]
    assert told["slices"] == [[layout.tensor_layers[s.tensor], s.length] for s in layout.chunks]
    server = spans_of(tmp_path, "ps")
    assert [line["iteration"] for line in server] == [0, 1]
    for line in server:
        assert numbers(line["applied"]) == every
        for direction in ("received", "sent"):
            assert [numbers(flat) for flat in line[direction]] == [every] * 3
    for worker in WORKERS:
        for line in spans_of(tmp_path, worker):
            assert numbers(line["received"]) == numbers(line["sent"]) == every
            assert line["forward"][::3] == [0, 1, 2]
            assert line["backward"][::3] == [2, 1, 0]
            assert set(line["waited"][::3]) <= {0, 2}


def test_what_is_sent_before_it_is_received_and_received_before_it_is_applied(
    tmp_path: Path,
) -> None:
    train(tmp_path, MODEL, get_schedule("fifo"), iterations=2)
    server = spans_of(tmp_path, "ps")
    for number, worker in enumerate(WORKERS):
        for here, there in zip(spans_of(tmp_path, worker), server, strict=True):
            for sender, receiver in (
                (moments(there, there["sent"][number]), moments(here, here["received"])),
                (moments(here, here["sent"]), moments(there, there["received"][number])),
                (moments(there, there["received"][number]), moments(there, there["applied"])),
            ):
                assert sender.keys() == receiver.keys()
                assert all(sender[key][0] <= receiver[key][1] for key in sender)


def moments(line: dict[str, Any], flat: list[int]) -> dict[int, tuple[int, int]]:
    """Begin and end (ns) by number."""
    assert all(begin >= 0 and length >= 0 for _, begin, length in triples(flat))
    return {
        number: (line["origin_ns"] + begin, line["origin_ns"] + begin + length)
        for number, begin, length in triples(flat)
    }


def test_computing_and_waiting_take_turns(tmp_path: Path) -> None:
    train(tmp_path, MODEL, get_schedule("none"), layer_seconds=[0.03, 0.0, 0.0])
    for worker in WORKERS:
        for line in spans_of(tmp_path, worker):
            spans = sorted(
                span
                for kind in ("waited", "forward", "backward")
                for span in moments(line, line[kind]).values()
            )
            assert all(first[1] <= second[0] for first, second in pairwise(spans))
    # Nothing has come when the first iteration begins.
    assert spans_of(tmp_path, "worker0")[0]["waited"]


def test_only_the_last_iterations_are_kept(tmp_path: Path) -> None:
    iterations = KEPT_ITERATIONS + 5
    spans = Spans(iterations)
    for iteration in range(iterations):
        spans.note(iteration, 7, 1000 * iteration, 1000 * iteration + 50)
    with Records(tmp_path / "p.jsonl", "p") as records:
        kinds: dict[str, Spans | list[Spans]] = {
            "received": [spans, Spans(iterations)],
            "sent": [],
            "applied": spans,
        }
        write_spans(records, PsSpans, iterations, kinds)
    lines = spans_of(tmp_path, "p")
    assert [line["iteration"] for line in lines] == list(range(5, iterations))
    assert lines[0] == {
        "event": "spans",
        "process": "p",
        "iteration": 5,
        "origin_ns": 5000,
        "received": [[7, 0, 50], []],
        "sent": [],
        "applied": [7, 0, 50],
    }


def test_nothing_noted_is_written_as_nothing(tmp_path: Path) -> None:
    with Records(tmp_path / "p.jsonl", "p") as records:
        write_spans(records, PsSpans, 1, {"received": [], "sent": [], "applied": Spans(1)})
    assert spans_of(tmp_path, "p")[0]["applied"] == []
