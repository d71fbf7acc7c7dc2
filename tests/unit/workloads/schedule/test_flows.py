"""Several flows per worker and direction: how a model is split over them, and what must hold."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.unit.workloads.in_process import model_of, train
from tests.unit.workloads.trainings import PATIENCE, Bench
from workloads.models.profiles import load_model, model_names
from workloads.schedule.flows import flow_units, unit_flows
from workloads.schedule.library import get_schedule
from workloads.schedule.units import Layout
from workloads.transport.connection import Connection, PeerError
from workloads.transport.wire import Frame, FrameType, greeting

SLICE = 160_000
GERYON = get_schedule("geryon")
FLOWS = GERYON.flow_count
MARKS = list(range(1, FLOWS + 1))
ONE_WORKER = {"workers": ["worker0"], "schedule": "geryon", "flow_dscp": MARKS}


def carried_bytes(layout: Layout, of_unit: tuple[int, ...], flows: int) -> list[int]:
    """Per flow, what it carries of the whole model, once in one direction."""
    carried = [0] * flows
    for unit, flow in zip(layout.units, of_unit, strict=True):
        carried[flow] += unit.length
    return carried


@pytest.mark.parametrize("name", [name for name in model_names() if name != "ffl-features"])
@pytest.mark.parametrize("flows", [1, 2, 4, 8])
def test_flows_share_the_bytes_in_forward_order(name: str, flows: int) -> None:
    layout = Layout(load_model(name), 1, 1, SLICE)
    of_unit = unit_flows(layout, flows)
    assert list(of_unit) == sorted(of_unit)
    assert of_unit[0] == 0
    carried = carried_bytes(layout, of_unit, flows)
    assert sum(carried) == layout.bytes
    assert sum(flow_units(of_unit, flows)) == len(layout.units)
    for count in carried:
        assert abs(count - layout.bytes / flows) <= SLICE


def test_a_large_tensor_keeps_out_of_the_flow_of_the_small_ones_before_it() -> None:
    layout = Layout(model_of([[10], [20], [1000], [50]]), 1, 1)
    of_unit = unit_flows(layout, 4)
    assert of_unit == (0, 0, 3, 3)
    assert carried_bytes(layout, of_unit, 4) == [120, 0, 0, 4200]
    assert flow_units(of_unit, 4) == (2, 0, 0, 2)


def test_records_of_every_flow(tmp_path: Path) -> None:
    model = model_of([[3000], [70_000, 100], [90_000]])
    ps = train(tmp_path, model, GERYON, workers=2, iterations=2)
    opened = [line for line in ps if line["event"] == "connection"]
    assert [(line["worker"], line["flow"], line["dscp"]) for line in opened] == [
        (worker, flow, flow) for worker in range(2) for flow in range(FLOWS)
    ]
    layout = Layout(model, 1, 1, GERYON.slice_bytes)
    of_unit = unit_flows(layout, FLOWS)
    (told,) = [line for line in ps if line["event"] == "layout"]
    assert told["slice_flows"] == [of_unit[chunk.unit] for chunk in layout.chunks]
    by_flow = carried_bytes(layout, of_unit, FLOWS)
    for connection in ps[-1]["connections"]:
        payload = 2 * by_flow[connection["flow"]]
        assert payload <= connection["bytes_received"] <= 1.02 * payload + 1000
        assert connection["bytes_sent"] >= payload  # and what was sent again
    lines = [json.loads(line) for line in (tmp_path / "worker1.jsonl").read_text().splitlines()]
    opened = [line for line in lines if line["event"] == "connection"]
    assert [(line["flow"], line["dscp"]) for line in opened] == [(n, n) for n in range(FLOWS)]
    end = lines[-1]
    assert end["retransmits"] == sum(state["retransmits"] for state in end["connections"])


def test_sockets_are_marked_as_the_job_says(bench: Bench) -> None:
    marks = [7, 8, 9, 63]
    bench.train(schedule="geryon", flow_dscp=marks)
    for process, times in (("ps", 3), ("worker2", 1)):
        opened = [line for line in bench.records(process) if line["event"] == "connection"]
        assert [line["dscp"] for line in opened] == marks * times


def released(
    port: int, stack: ExitStack, digest: bytes
) -> tuple[list[Connection], list[Connection]]:
    """Worker 0: its connections on which it receives, and those on which it sends."""
    ends = []
    for kind in (FrameType.LISTEN, FrameType.HELLO):
        for flow in range(FLOWS):
            sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
            ends.append(Connection(stack.enter_context(sock)))
            sock.sendall(greeting(kind, 0, flow, digest))
    return ends[:FLOWS], ends[FLOWS:]


def last_word(connection: Connection) -> str:
    """Receive from the parameter server until it gives up; why it does."""
    try:
        while True:
            connection.receive_bytes(connection.receive().length)
    except PeerError as error:
        return str(error)


def test_a_chunk_on_another_flow_ends_the_training_and_every_flow_says_why(bench: Bench) -> None:
    layout = Layout(load_model("alexnet"), 1, 0.005, GERYON.slice_bytes)
    chunk = layout.chunks[0]
    ps = bench.start("ps", **ONE_WORKER)
    with ExitStack() as stack:
        down, up = released(ps.event("listening")["port"], stack, layout.digest)
        words = stack.enter_context(ThreadPoolExecutor(FLOWS)).map(last_word, down)
        frame = Frame(FrameType.GRADIENT, length=chunk.length)
        up[1].sending.sendall(frame.pack() + bytes(chunk.length))
        message = "iteration 0: worker0: tensor 0 at offset 0 on flow 1"
        assert list(words) == [message] * FLOWS
    assert ps.ended() == (1, f"ps: {message}\n")


def test_workers_take_a_chunk_on_its_own_flow_only(bench: Bench, listener: socket.socket) -> None:
    layout = Layout(load_model("alexnet"), 1, 0.005, GERYON.slice_bytes)
    chunk = layout.chunks[-1]
    worker = bench.start("worker0", **ONE_WORKER, port=listener.getsockname()[1])
    with ExitStack() as stack:
        down = {}
        for _ in range(2 * FLOWS):
            connection = Connection(stack.enter_context(listener.accept()[0]))
            kind = connection.receive().type
            flow = connection.receive_bytes(33)[0]
            if kind is FrameType.LISTEN:
                down[flow] = connection
        assert list(down) == list(range(FLOWS))
        frame = Frame(
            FrameType.PARAMETERS, 0, 0, chunk.tensor, chunk.offset, chunk.length
        )  # fmt: skip
        down[0].sending.sendall(frame.pack() + bytes(chunk.length))
        assert worker.ended() == (
            1,
            "worker0: iteration 0: the parameter server: "
            f"tensor {chunk.tensor} at offset {chunk.offset} on flow 0\n",
        )
