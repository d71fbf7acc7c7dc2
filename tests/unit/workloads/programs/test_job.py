"""The job file: every problem at once, status 2."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.workloads.trainings import Bench
from workloads.errors import JobError
from workloads.programs.job import ServerJob, WorkerJob, load_job, parse_job


def problems(job: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(JobError) as raised:
        parse_job(job)
    return raised.value.problems


def test_a_worker_and_a_parameter_server(bench: Bench) -> None:
    worker = parse_job(bench.job("worker1", {}))
    assert isinstance(worker, WorkerJob)
    assert (worker.worker, worker.bind, worker.device.name) == (1, "127.0.0.3", "instant")
    ps = parse_job(bench.job("ps", {"scale": {"rates": 8, "time": 0.5}, "port": 5000}))
    assert isinstance(ps, ServerJob)
    assert (ps.one_queue, ps.answer_ranks) == (False, ((0,) * 16,) * 3)
    assert (ps.rates, ps.time, ps.all_iterations) == (8.0, 0.5, 3)
    assert str(ps.server) == "127.0.0.1:5000"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("role", "boss", "role: must be 'ps' or 'worker'"),
        ("name", "", "name: must be a text"),
        ("workers", [], "workers: must be a list of 1 to 65536 names"),
        ("workers", ["a", "a"], "workers: names a worker twice"),
        ("workers", ["worker0"], "worker: there are 1 workers, counted from 0"),
        ("worker", -1, "worker: must be a whole number from 0 to 65535"),
        ("model", "resnet", "model: unknown model 'resnet' (did you mean 'resnet50'?)"),
        ("schedule", 5, "schedule: must be a text"),
        ("scale", {"rates": 1}, "scale: must be an object with 'rates' and 'time'"),
        ("scale", {"rates": 0, "time": 1}, "scale: must be more than 0"),
        ("scale", {"rates": 1, "time": float("inf")}, "scale: must be a number, at least 0"),
        ("batch", 0, "batch: must be a whole number from 1 to 1048576"),
        ("iterations", 1.5, "iterations: must be a whole number from 1 to 1048576"),
        ("warm_up", True, "warm_up: must be a whole number from 0 to 1048576"),
        ("cool_down", -1, "cool_down: must be a whole number from 0 to 1048576"),
        ("address", "ps", "address: Expected 4 octets in 'ps'"),
        ("port", 65536, "port: must be a whole number from 0 to 65535"),
        ("flow_dscp", [], "flow_dscp: must be a list of 1 to 8 numbers"),
        ("flow_dscp", [64], "flow_dscp: must be a whole number from 0 to 63"),
        ("flow_dscp", [1, 2], "flow_dscp: the schedule's number of flows is 1, found 2"),
        ("learning_rate", "0.1", "learning_rate: must be a number, at least 0"),
        ("silence_seconds", 0, "silence_seconds: must be more than 0"),
        (
            "device",
            {"name": "x"},
            "device: must be an object with name, seconds_per_megabyte_of_parameters, "
            "seconds_per_gmac, seconds_per_depthwise_layer",
        ),
        ("turns", 1, "turns: must be true or false"),
        ("push_ranks", [0, -1], "push_ranks: must be a list of whole numbers, at least 0"),
        ("pulls", [], "pulls: missing, but there is a step barrier"),
        ("pulls", [[0, "1"]], "pulls: must be a list of whole numbers, at least 0"),
        ("priority", 3, "priority: unknown key"),
    ],
)
def test_a_wrong_value(bench: Bench, key: str, value: object, message: str) -> None:
    assert problems(bench.job("worker1", {key: value})) == (message,)


def test_all_problems_at_once(bench: Bench) -> None:
    job = bench.job("ps", {"batch": 0, "port": -1, "colour": "red"})
    del job["seed"]
    assert [problem.split(":")[0] for problem in problems(job)] == [
        "batch",
        "seed",
        "port",
        "colour",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "{}: cannot be read: No such file or directory"),
        (b"[1]", "{}: must be an object"),
        (
            b"{",
            "{}: not JSON: Expecting property name enclosed in double quotes: line 1 column 2 "
            "(char 1)",
        ),
        (
            b"[" * 100_000,
            "{}: not JSON: maximum recursion depth exceeded while decoding a JSON "
            "array from a unicode string",
        ),
        (b" " * (64 << 20) + b"{}", "{}: larger than 67108864 bytes"),
    ],
)
def test_a_file_that_is_no_job(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "job.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(JobError) as raised:
        load_job(path)
    assert str(raised.value) == message.format(path)


def test_a_wrong_job_ends_the_process_with_status_2(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "job.json"
    path.write_text('{"role": "worker"}')
    status, errors = bench.start_file(path).ended()
    assert status == 2
    assert errors.splitlines()[0] == f"{path}: name: missing"
    assert errors.splitlines()[-1] == f"{path}: pulls: missing"
