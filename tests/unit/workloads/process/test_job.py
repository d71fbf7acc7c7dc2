"""The job file: every problem at once, status 2."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.workloads.trainings import Bench
from workloads.errors import JobError
from workloads.process.job import load_job, parse_job
from workloads.process.training import ServerJob, WorkerJob
from workloads.programs.program import program_of


def problems(job: dict[str, Any]) -> tuple[str, ...]:
    def read() -> None:
        envelope = parse_job(job)
        program_of(envelope).read(envelope)

    with pytest.raises(JobError) as raised:
        read()
    return raised.value.problems


def test_a_worker_and_a_parameter_server(bench: Bench) -> None:
    worker = WorkerJob.of(parse_job(bench.job("worker1", {})))
    assert (worker.worker, worker.bind, worker.device.name) == (1, "127.0.0.3", "instant")
    job = bench.job("ps", {"scale": {"rates": 8, "time": 0.5}, "port": 5000})
    ps = ServerJob.of(parse_job(job))
    assert (ps.one_queue, ps.answer_ranks) == (False, ((0,) * 16,) * 3)
    assert (ps.rates, ps.time, ps.all_iterations) == (8.0, 0.5, 3)
    assert str(ps.server) == "127.0.0.1:5000"


def test_a_program_that_needs_a_server_where_there_is_none(bench: Bench) -> None:
    job = parse_job(bench.job("worker1", {"endpoints.server": None}))
    with pytest.raises(JobError) as raised:
        assert job.server
    assert raised.value.problems == ("endpoints.server: the program 'worker' needs one",)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (
            "program",
            "boss",
            "program: unknown program 'boss' (known: server, worker, traffic-server, "
            "traffic-worker, generator, sink, urgent-server, urgent-worker)",
        ),
        ("endpoints", 1, "endpoints: must be an object"),
        ("endpoints.server", "pss", "endpoints.server: must be one of the peers"),
        ("host", "", "host: must be a text"),
        ("workers", [], "section.workers: must be a list of 1 to 65536 names"),
        ("workers", ["a", "a"], "section.workers: names a worker twice"),
        ("workers", ["worker0"], "section.worker: there are 1 workers, counted from 0"),
        (
            "members",
            {},
            "section.members: servers: missing; ring: missing; groups: missing; shares: missing",
        ),
        (
            "members",
            {"servers": [], "ring": ["worker1"], "groups": [], "shares": {}},
            "section.members.ring: must have every worker once",
        ),
        ("worker", -1, "section.worker: must be a whole number from 0 to 65535"),
        ("model", "resnet", "section.model: unknown model 'resnet' (did you mean 'resnet50'?)"),
        ("schedule", 5, "section.schedule: must be a text"),
        ("scale", {"rates": 1}, "section.scale: must be an object with 'rates' and 'time'"),
        ("scale", {"rates": 0, "time": 1}, "section.scale: must be more than 0"),
        (
            "scale",
            {"rates": 1, "time": float("inf")},
            "section.scale: must be a number, at least 0",
        ),
        ("batch", 0, "section.batch: must be a whole number from 1 to 1048576"),
        ("iterations", 1.5, "section.iterations: must be a whole number from 1 to 1048576"),
        ("warm_up", True, "section.warm_up: must be a whole number from 0 to 1048576"),
        ("cool_down", -1, "section.cool_down: must be a whole number from 0 to 1048576"),
        ("address", "ps", "endpoints.peers: ps: Expected 4 octets in 'ps'"),
        ("port", 65536, "endpoints.peers: ps: must be a whole number from 0 to 65535"),
        ("flow_dscp", [], "endpoints.flow_dscp: must be a list of 1 to 8 numbers"),
        ("flow_dscp", [64], "endpoints.flow_dscp: must be a whole number from 0 to 63"),
        ("flow_dscp", [1, 2], "endpoints.flow_dscp: the schedule's number of flows is 1, found 2"),
        ("learning_rate", "0.1", "section.learning_rate: must be a number, at least 0"),
        ("silence_seconds", 0, "limits.silence_seconds: must be more than 0"),
        (
            "device",
            {"name": "x"},
            "section.device: must be an object with name, seconds_per_megabyte_of_parameters, "
            "seconds_per_gmac, seconds_per_depthwise_layer, seconds_per_megabyte_coded",
        ),
        ("turns", 1, "section.turns: must be true or false"),
        ("push_ranks", [0, -1], "section.push_ranks: must be a list of whole numbers, at least 0"),
        ("pulls", [], "section.pulls: missing, but there is a step barrier"),
        ("pulls", [[0, "1"]], "section.pulls: must be a list of whole numbers, at least 0"),
        ("priority", 3, "section.priority: unknown key"),
    ],
)
def test_a_wrong_value(bench: Bench, key: str, value: object, message: str) -> None:
    assert problems(bench.job("worker1", {key: value})) == (message,)


def test_all_problems_at_once(bench: Bench) -> None:
    job = bench.job("ps", {"port": -1, "limits.colour": "red"})
    del job["seed"]
    assert [problem.split(":")[0] for problem in problems(job)] == [
        "seed",
        "endpoints.peers",
        "limits.colour",
    ]
    job = bench.job("ps", {"batch": 0, "flow_dscp": [1, 2], "colour": "red"})
    del job["section"]["model"]
    assert [problem.split(":")[0] for problem in problems(job)] == [
        "section.model",
        "section.batch",
        "section.colour",
        "endpoints.flow_dscp",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"[1]", "must be an object"),
        (
            b"{",
            "not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        ),
        (
            b"[" * 100_000,
            "not JSON: maximum recursion depth exceeded while decoding a JSON "
            "array from a unicode string",
        ),
        (b" " * (64 << 20) + b"{}", "larger than 67108864 bytes"),
    ],
)
def test_a_file_that_is_no_job(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "job.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(JobError) as raised:
        load_job(path)
    assert str(raised.value) == message


def test_a_wrong_job_ends_the_process_with_status_2(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "job.json"
    path.write_text('{"program": "worker"}')
    status, errors = bench.start_file(path).ended()
    assert status == 2
    assert errors.splitlines()[0] == f"{path}: host: missing"
    assert errors.splitlines()[-1] == f"{path}: section: missing"
