"""From the spans of a trial to its trace, how full the bottleneck was, and its figure."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from orchestrator.analysis.measures.utilisation import full
from orchestrator.analysis.reading.records import read_run
from orchestrator.analysis.reading.spans import Span, TrialSpans, read_spans
from orchestrator.analysis.render.canvas import style
from orchestrator.analysis.render.trace_figure import (
    ITERATIONS,
    compose_trace,
    draw_trace,
    drawn_iterations,
    lateness,
)
from orchestrator.analysis.traces.training import trace
from orchestrator.errors import InputError, RunError
from orchestrator.records.directory import TrialDirectory
from orchestrator.spec.files.experiment_file import ExperimentFile
from tests.unit.analysis.builder import write_run
from tests.unit.analysis.fake_trial import FakeTrial
from tests.unit.analysis.traced import Limits, rewritten, traced
from tests.unit.workloads.in_process import train
from workloads.models.profiles import load_model
from workloads.schedule.library import get_schedule
from workloads.schedule.schedule import Schedule
from workloads.transport.spans import KEPT_ITERATIONS


@pytest.fixture(scope="module")
def alexnet(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrialSpans, Limits]:
    return traced(tmp_path_factory.mktemp("alexnet"))


def tracks(document: dict[str, Any]) -> dict[tuple[int, int], list[dict[str, Any]]]:
    events_of: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for event in document["traceEvents"]:
        if event["ph"] == "X":
            events_of.setdefault((event["pid"], event["tid"]), []).append(event)
    return events_of


def named(document: dict[str, Any], kind: str) -> dict[tuple[int, int], str]:
    return {
        (event["pid"], event.get("tid", 0)): event["args"]["name"]
        for event in document["traceEvents"]
        if event["name"] == kind
    }


def test_processes_and_their_tracks(alexnet: tuple[TrialSpans, Limits]) -> None:
    document = trace(*alexnet)
    processes = [name for _, name in sorted(named(document, "process_name").items())]
    assert processes == [
        "network: alexnet under none, R = 8, D = 0.5",
        "parameter server ps",
        "worker worker0",
        "worker worker1",
        "worker worker2",
    ]
    names = named(document, "thread_name")
    assert set(tracks(document)) == set(names)
    assert [name for (pid, _), name in sorted(names.items()) if pid == 2] == [
        "applied",
        *(
            text
            for number in range(3)
            for text in (
                f"to worker{number} (handed to the kernel)",
                f"from worker{number} (received)",
            )
        ),
    ]
    assert [name for (pid, _), name in sorted(names.items()) if pid == 3] == [
        "forward and backward",
        "stalls",
        "pulled (received)",
        "pushed (handed to the kernel)",
    ]


def test_events_are_what_the_format_asks_for(alexnet: tuple[TrialSpans, Limits]) -> None:
    document = json.loads(json.dumps(trace(*alexnet)))
    assert isinstance(document["traceEvents"], list)
    for event in document["traceEvents"]:
        assert isinstance(event["name"], str)
        assert isinstance(event["pid"], int)
        assert event["ph"] in "XCM"
        if event["ph"] == "X":
            assert isinstance(event["tid"], int)
            assert event["dur"] >= 0
        if event["ph"] != "M":
            assert event["ts"] >= 0
        if event["ph"] == "C":
            assert all(isinstance(value, float) for value in event["args"].values())


def test_nothing_overlaps_on_a_track(alexnet: tuple[TrialSpans, Limits]) -> None:
    for events in tracks(trace(*alexnet)).values():
        ordered = sorted(events, key=lambda event: (event["ts"], event["dur"]))
        for before, after in pairwise(ordered):
            assert before["ts"] + before["dur"] <= after["ts"] + 0.002


def test_iterations_layers_and_stalls(alexnet: tuple[TrialSpans, Limits]) -> None:
    events = tracks(trace(*alexnet))
    iterations = [event["name"] for event in events[1, 1]]
    measured = [f"iteration {n}" for n in range(2, 7)]
    assert iterations == ["warm-up 0", "warm-up 1", *measured, "cool-down 7"]
    assert events[1, 1][0]["ts"] == 0
    assert [(e["name"], e["ts"]) for e in events[1, 1][2:-1]] == [
        (e["name"], e["ts"]) for e in events[1, 2]
    ]
    layers = [layer.name for layer in load_model("alexnet").layers]
    first = [e["name"] for e in events[3, 1] if e["args"]["iteration"] == 0]
    assert first == [f"forward {n}" for n in layers] + [f"backward {n}" for n in reversed(layers)]
    stalls = [event["name"] for event in events[3, 2] if event["args"]["iteration"] == 3]
    assert "waits for conv1" in stalls
    assert stalls[-1] == "waits for the step barrier"
    # The last iteration's lasts until the training is over.
    last = max(events[3, 2], key=lambda event: event["ts"])
    end = events[1, 1][-1]
    assert last["ts"] + last["dur"] == pytest.approx(end["ts"] + end["dur"], abs=0.01)


def test_times_are_emulated_and_it_says_so(alexnet: tuple[TrialSpans, Limits]) -> None:
    spans, limits = alexnet
    document = trace(spans, limits)
    about = document["otherData"]
    assert (about["R"], about["D"]) == (8, 0.5)
    assert (about["model"], about["schedule"], about["workers"]) == (
        "alexnet",
        "none",
        ["worker0", "worker1", "worker2"],
    )
    assert about["clock"].startswith("emulated microseconds since the first release")
    assert about["utilisation"]["pulls"] == (
        "payload per 10 emulated ms; 100 % is 119.6 Mbit/s at switch0->switch1"
    )
    length = tracks(document)[1, 2][-1]["dur"] / 1e6
    assert length == pytest.approx(3 / 0.24 * 0.5, rel=1e-6)


def test_slices_carry_all_bytes(alexnet: tuple[TrialSpans, Limits]) -> None:
    spans, limits = alexnet
    size = sum(slice_size.bytes for slice_size in spans.slices)
    events = tracks(trace(spans, limits))
    for track in [(3, 3), (3, 4), *((2, number) for number in range(1, 8))]:
        assert sum(event["args"]["bytes"] for event in events[track]) == 8 * size


def test_what_one_call_sent_is_one_event(tmp_path: Path) -> None:
    place = rewritten(tmp_path, "worker0", lambda record: record.update(sent=[4, 9, 5, 2, 9, 5]))
    run = read_run(tmp_path)
    spans = read_spans(TrialDirectory(place), run.trainings[0])
    events = tracks(trace(spans, full(run.experiment, 8)))[3, 4]
    first = spans.layers[spans.slices[4].layer]
    assert {(event["name"], event["args"]["slice"]) for event in events} == {
        (f"{first} and 1 more", "4, 2")
    }
    assert events[0]["dur"] == 0.005


def test_after_the_longest_cool_down_there_are_spans_of_measured_iterations() -> None:
    longest = ExperimentFile.model_json_schema()["properties"]["cool_down"]["maximum"]
    assert longest + ITERATIONS <= KEPT_ITERATIONS


def test_lateness_is_the_real_systems(alexnet: tuple[TrialSpans, Limits]) -> None:
    spans, _ = alexnet
    assert drawn_iterations(spans) == (5, 6)
    late = lateness(spans, (5,))
    assert [each.layer for each in late] == list(spans.layers)
    waited = sum(s.end - s.begin for s in spans.workers[1].waited if s.iteration == 5)
    assert sum(each.by_worker[1] for each in late) == pytest.approx(waited / 1e6 / 0.5)
    assert late[0].mean == pytest.approx(sum(late[0].by_worker) / 3)
    both = lateness(spans, (5, 6))[0].mean
    assert both == pytest.approx((late[0].mean + lateness(spans, (6,))[0].mean) / 2)


def test_lateness_at_a_pace_of_ones_own_is_of_the_same_time(
    alexnet: tuple[TrialSpans, Limits],
) -> None:
    """A fast worker is at other numbers by then: here it does every iteration twice as often."""
    spans, limits = alexnet
    slow, fast, *others = spans.workers

    def twice(of_worker: tuple[Span, ...]) -> tuple[Span, ...]:
        def again(span: Span, half: int) -> Span:
            iteration = spans.iterations[span.iteration]
            begin = iteration.released_ns
            middle = half * (iteration.next_release_ns - begin) // 2
            places = (begin + middle + (at - begin) // 2 for at in (span.begin, span.end))
            return Span(2 * span.iteration + half, span.number, *places)

        return tuple(again(span, half) for half in (0, 1) for span in of_worker)

    doubled = replace(fast, waited=twice(fast.waited), forward=twice(fast.forward))
    loose = Schedule("loose", "a test", order="generation", synchronisation="asynchronous")
    asynchronous = spans.trial.trial.model_copy(update={"communication": loose})
    own = replace(
        spans,
        workers=(slow, doubled, *others),
        trial=replace(spans.trial, trial=asynchronous),
    )
    together, apart = (lateness(each, drawn_iterations(each)) for each in (spans, own))
    for each, other in zip(together, apart, strict=True):
        assert other.by_worker[0] == each.by_worker[0]
        assert other.by_worker[1] == pytest.approx(each.by_worker[1] / 2, abs=1e-4)
    with style():
        text = compose_trace(own, limits).texts[-1].get_text()
    assert "mean of each worker's own iterations" in " ".join(text.split())


@pytest.mark.parametrize(
    "changes",
    [{}, {"model": "resnet152"}, {"workers": 14}, {"iterations": 1}, {"workers": 1}],
    ids=["alexnet", "many layers", "many workers", "one iteration", "one worker"],
)
def test_the_figure_has_all_its_text_inside(tmp_path: Path, changes: dict[str, Any]) -> None:
    spans, limits = traced(tmp_path, **changes)
    with style():
        drawing = compose_trace(spans, limits)
        inside(drawing)
        fullness, _, late = drawing.axes
    assert fullness.get_ylim()[1] >= 100
    assert len(late.patches) == len(spans.layers)


def inside(drawing: Figure) -> None:
    renderer = drawing.canvas.get_renderer()  # type: ignore[attr-defined]
    box = drawing.get_tightbbox(renderer)
    width, height = drawing.get_size_inches()
    assert box.x0 >= -0.01
    assert box.y0 >= -0.01
    assert box.x1 <= width + 0.01
    assert box.y1 <= height + 0.01


def test_the_same_spans_give_the_same_file(alexnet: tuple[TrialSpans, Limits]) -> None:
    png = draw_trace(*alexnet)
    assert png.startswith(b"\x89PNG")
    assert draw_trace(*alexnet) == png


@pytest.mark.parametrize("name", ["switch-priority", "p3"])
def test_what_a_training_wrote_is_what_is_read(tmp_path: Path, name: str) -> None:
    made = FakeTrial("squeezenet", name, iterations=2, warm_up=1, rates=1, time=0.05)
    made.communication = get_schedule(name)
    write_run(tmp_path, [made], topology=True)
    place = tmp_path / f"trials/000-squeezenet-{name}-0"
    model, schedule = load_model("squeezenet"), get_schedule(name)
    job = (place / "ps.jsonl").read_text().splitlines()[0]  # is not written by a thread's training
    train(place, model, schedule, iterations=2, warm_up=1, cool_down=1, time=0.05)
    with (place / "ps.jsonl").open("a") as file:
        file.write(job + "\n")
    run = read_run(tmp_path)
    spans = read_spans(TrialDirectory(place), run.trainings[0])
    limits = full(run.experiment, 1)
    events = tracks(trace(spans, limits))
    size = sum(slice_size.bytes for slice_size in spans.slices)
    for pid, track in [(3, 3), (3, 4), (4, 3), (2, 1), (2, 2), (2, 3)]:
        assert sum(event["args"]["bytes"] for event in events[pid, track]) == 4 * size
    waits = {event["name"] for event in events.get((3, 2), [])}
    barrier = name == "switch-priority"
    assert ("waits for the step barrier" in waits) == barrier
    # With a barrier the workers learn of a release after the server has decided it; without one an
    # iteration is over when backward is, and the server's are others.
    ends = [[e["ts"] + e["dur"] for e in events[1, track]] for track in (1, 2)]
    ends[0] = ends[0][1:3]  # of the measured ones
    assert ends[0] != ends[1]
    assert all(server < workers for server, workers in zip(*ends, strict=True)) or not barrier
    assert draw_trace(spans, limits).startswith(b"\x89PNG")


def test_several_servers_have_tracks_of_their_own(tmp_path: Path) -> None:
    """Each applies while the other one does, and a worker receives from both at once."""
    made = FakeTrial("squeezenet", "two-servers", iterations=2, warm_up=1, rates=1, time=0.05)
    write_run(tmp_path, [made], topology=True)
    place = tmp_path / "trials/000-squeezenet-two-servers-0"
    job = (place / "ps.jsonl").read_text().splitlines()[0]
    model, schedule = load_model("squeezenet"), get_schedule("two-servers")
    train(place, model, schedule, iterations=2, warm_up=1, cool_down=1, time=0.05)
    with (place / "ps.jsonl").open("a") as file:
        file.write(job + "\n")
    (trial,) = read_run(tmp_path).trainings
    record = trial.trial.model_copy(update={"servers": ("ps", "ps1")})
    spans = read_spans(TrialDirectory(place), replace(trial, trial=record))
    assert spans.lanes == ("ps", "ps1")
    document = trace(spans, full(read_run(tmp_path).experiment, 1))
    names = [text for (pid, _), text in sorted(named(document, "thread_name").items()) if pid == 2]
    assert names[0] == "applied, ps"
    assert "applied, ps1" in names
    for events in tracks(document).values():
        ordered = sorted(events, key=lambda event: (event["ts"], event["dur"]))
        for before, after in pairwise(ordered):
            assert before["ts"] + before["dur"] <= after["ts"] + 0.002
    size = sum(slice_size.bytes for slice_size in spans.slices)
    applied = [events for (pid, track), events in tracks(document).items()
               if (pid, track % 1_000_000) == (2, 1)]  # fmt: skip
    assert len(applied) == 2
    assert sum(event["args"]["bytes"] for events in applied for event in events) == 4 * size


def test_flows_have_tracks_of_their_own(tmp_path: Path) -> None:
    """What several of them receive at once overlaps, which a track may not."""
    made = FakeTrial("squeezenet", "geryon", iterations=2, warm_up=1, rates=1, time=0.05)
    write_run(tmp_path, [made], topology=True)
    place = tmp_path / "trials/000-squeezenet-geryon-0"
    job = (place / "ps.jsonl").read_text().splitlines()[0]
    model, schedule = load_model("squeezenet"), get_schedule("geryon")
    train(place, model, schedule, iterations=2, warm_up=1, cool_down=1, time=0.05)
    with (place / "ps.jsonl").open("a") as file:
        file.write(job + "\n")
    run = read_run(tmp_path)
    spans = read_spans(TrialDirectory(place), run.trainings[0])
    assert sorted(set(spans.slice_lanes)) == [0, 1, 2, 3]
    document = trace(spans, full(run.experiment, 1))
    tracked, names = tracks(document), named(document, "thread_name")
    size = [0] * 4
    for slice_size, flow in zip(spans.slices, spans.slice_lanes, strict=True):
        size[flow] += slice_size.bytes
    for pid, track, name in (
        (2, 2, "to worker0 (handed to the kernel)"),
        (2, 3, "from worker0 (received)"),
        (3, 3, "pulled (received)"),
        (3, 4, "pushed (handed to the kernel)"),
    ):
        for flow in range(4):
            key = (pid, track + 1_000_000 * flow)
            assert names[key] == f"{name}, flow {flow}"
            assert sum(event["args"]["bytes"] for event in tracked[key]) == 4 * size[flow]
    for events in tracked.values():
        ordered = sorted(events, key=lambda event: (event["ts"], event["dur"]))
        for before, after in pairwise(ordered):
            assert before["ts"] + before["dur"] <= after["ts"] + 0.002


def test_a_run_of_an_older_version(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        traced(tmp_path, spans=False)
    place = tmp_path / "trials/000-alexnet-none-0"
    assert str(caught.value) == f"{place}: recorded by a version without spans (run it again)"


@pytest.mark.parametrize(
    ("process", "event", "change", "reason"),
    [
        ("ps", "spans", {"received": [[], []]}, "the spans of iteration 0 lack a worker"),
        ("ps", "spans", {"applied": [100_000, 0, 1]}, "does not have"),
        ("worker1", "spans", {"forward": [8, 0, 1]}, "does not have"),
        ("worker1", "spans", {"forward": "x"}, "forward: "),
        ("worker1", "spans", {"event": "other"}, "no records of event 'spans'"),
        ("ps", "layout", {"event": "other"}, "0 records of event 'layout', 1 expected"),
        ("ps", "layout", {"slices": [[8, 4]]}, "does not have"),
        ("ps", "layout", {"slice_flows": [0]}, "a slice without a flow"),
    ],
)
def test_broken_spans(
    tmp_path: Path, process: str, event: str, change: dict[str, Any], reason: str
) -> None:
    place = rewritten(tmp_path, process, lambda line: line.update(change), event)
    (trial,) = read_run(tmp_path).trainings
    with pytest.raises(RunError, match=reason):
        read_spans(TrialDirectory(place), trial)


def test_a_run_without_its_topology() -> None:
    with pytest.raises(RunError, match="no topology"):
        full({"name": "x"}, 1)
