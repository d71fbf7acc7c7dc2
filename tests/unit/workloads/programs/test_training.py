"""Whole trainings: one parameter server and three workers, real processes on loopback."""

from __future__ import annotations

import signal

import pytest

from tests.unit.workloads.reference import trained
from tests.unit.workloads.trainings import Bench
from workloads.models.profiles import load_model
from workloads.schedule.units import scaled_elements


def test_the_result_is_numpys_whatever_the_schedule_and_the_order(bench: Bench) -> None:
    expected = trained(
        load_model("alexnet").tensors, 0.005, seed=7, workers=3, rate=0.01, iterations=3
    )
    assert bench.train() == expected
    # A straggler, other pull orders and the other schedule change when, never what.
    assert bench.train((8.0, 0.0, 4.0), repeat=1, schedule="switch-priority") == expected
    assert bench.train(seed=8) != expected


def test_a_model_of_many_small_tensors_with_one_worker(bench: Bench) -> None:
    changes = {"model": "mobilenet", "workers": ["worker0"], "scale": {"rates": 16, "time": 0.5}}
    ps = bench.start("ps", **changes)
    worker = bench.start("worker0", **changes, port=ps.event("listening")["port"])
    assert [worker.ended(), ps.ended()] == [(0, "")] * 2
    expected = trained(
        load_model("mobilenet").tensors, 0.5 / 16, seed=7, workers=1, rate=0.01, iterations=3
    )
    assert bench.records("ps")[-1]["parameters_sha256"] == expected


def test_records(bench: Bench) -> None:
    bench.train()
    size = sum(4 * scaled_elements(t.elements, 1, 0.005) for t in load_model("alexnet").tensors)
    job, *connections, first, second, third, layout, one, two, three, end = bench.records("ps")
    assert job == {"event": "job", "process": "ps", **bench.job("ps", {})}
    assert [connection["worker"] for connection in connections] == [0, 1, 2]
    for connection in connections:
        assert connection["event"] == "connection"
        assert connection["congestion_control"]
        assert connection["send_buffer_bytes"] == connection["receive_buffer_bytes"] == 2 * 65536
    for number, record in enumerate((first, second, third)):
        assert (record["event"], record["iteration"]) == ("iteration", number)
        assert record["payload_in"] == record["payload_out"] == 3 * size
        assert max(record["pull_bytes_at_first_done"]) == size
        assert max(record["push_bytes_at_first_done"]) == size
        for worker in range(3):
            assert record["released_ns"] < record["pull_sent_ns"][worker]
            assert record["push_first_ns"][worker] <= record["push_done_ns"][worker]
            assert record["push_done_ns"][worker] <= record["applied_ns"]
        assert record["applied_ns"] <= record["next_release_ns"]
    assert second["released_ns"] == first["next_release_ns"]
    assert third["released_ns"] == second["next_release_ns"]
    assert end["event"] == "end"
    trained = end["training_cpu"]
    assert 0 < trained["arithmetic_seconds"] < trained["seconds"] < end["cpu_seconds"]
    assert end["max_rss_bytes"] > 5 * size
    assert [connection["worker"] for connection in end["connections"]] == [0, 1, 2]
    for connection in end["connections"]:
        assert connection["bytes_sent"] > 3 * size
        assert connection["bytes_received"] > 3 * size
        assert {"retransmits", "rtt_us", "cwnd"} <= set(connection)

    assert (layout["event"], [line["event"] for line in (one, two, three)]) == (
        "layout",
        ["spans"] * 3,
    )

    job, connection, *iterations, end = bench.records("worker1")
    iterations, spans = iterations[:-3], iterations[-3:]
    assert [(line["event"], line["iteration"]) for line in spans] == [
        ("spans", number) for number in range(3)
    ]
    assert job == {
        "event": "job",
        "process": "worker1",
        **bench.job("worker1", {"port": job["endpoints"]["peers"]["ps"]["port"]}),
    }
    assert (connection["event"], connection["worker"]) == ("connection", 1)
    for number, record in enumerate(iterations):
        assert (record["event"], record["iteration"]) == ("iteration", number)
        order = ["started", "pull_done", "forward_done", "backward_done", "push_sent"]
        times = [record[f"{moment}_ns"] for moment in order]
        assert times == sorted(times)
    assert len(iterations) == 3
    # One ends when the next one is released, and the last one when the server says that it is over.
    releases = [record["started_ns"] for record in iterations[1:]]
    assert [record["ended_ns"] for record in iterations[:-1]] == releases
    assert iterations[-1]["ended_ns"] > third["applied_ns"]
    assert {"cpu_seconds", "max_rss_bytes", "retransmits"} <= set(end)
    trained = end["training_cpu"]
    assert 0 < trained["arithmetic_seconds"] < trained["seconds"] < end["cpu_seconds"]


def test_computation_takes_the_devices_time(bench: Bench) -> None:
    bench.train((0.0, 100.0, 0.0), iterations=1, warm_up=0)
    record = bench.records("worker1")[2]
    seconds = 0.838792896 * 100.0 * 0.005  # gmac x seconds per gmac x D
    assert (record["forward_done_ns"] - record["started_ns"]) / 1e9 >= seconds / 3
    assert (record["backward_done_ns"] - record["started_ns"]) / 1e9 >= seconds


def test_events_and_a_process_group_of_its_own(bench: Bench) -> None:
    changes = {"workers": ["worker0"], "iterations": 1, "warm_up": 0}
    ps = bench.start("ps", **changes)
    started = ps.event("started")
    assert started == {"event": "started", "pid": ps.popen.pid, "pgid": ps.popen.pid}
    listening = ps.event("listening")
    assert listening["address"] == "127.0.0.1"
    bench.start("worker0", **changes, port=listening["port"])
    iteration = ps.event("iteration")
    assert iteration["iteration"] == 0
    assert iteration["released_ns"] < iteration["next_release_ns"]
    ps.event("finished")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_quietly(bench: Bench, number: signal.Signals) -> None:
    ps = bench.start("ps")
    ps.event("listening")
    ps.popen.send_signal(number)
    assert ps.ended() == (128 + number, "")
