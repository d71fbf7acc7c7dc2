"""The recipes of docs/extending.md, run: a codec, an exchange and a program that are not ours."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.workloads.in_process import model_of, train
from tests.unit.workloads.trainings import Bench
from workloads.exchange import Exchange
from workloads.schedule.library import get_schedule


class Failing(Exchange):
    """Raises in the middle of an iteration."""

    def wait(self, layers: Any) -> tuple[int, int]:
        return layers[0], 0

    def give(self, unit: Any) -> None:
        raise LookupError(f"nobody takes unit {unit.number}")


def under(exchange: str) -> dict[str, Any]:
    return asdict(replace(get_schedule("none"), exchange=exchange))


def test_a_codec_halves_the_bytes(tmp_path: Path) -> None:
    model = model_of([[1000], [70_000]])
    half = "experiments.own_codec:HalfBits"
    schedule = replace(get_schedule("p3"), push_codec=half, pull_codec=half)
    end = train(tmp_path, model, schedule, workers=2, iterations=2)[-1]
    assert (end["payload_in"], end["exact"]) == (2 * 2 * 2 * 71_000, False)


def test_a_worker_alone_does_its_iterations(bench: Bench) -> None:
    changes = {"workers": ["worker0"], "schedule": under("experiments.own_exchange:Alone")}
    assert bench.start("worker0", **changes).ended() == (0, "")
    _, *iterations, end = (
        record for record in bench.records("worker0") if record["event"] != "spans"
    )
    assert {record["event"] for record in iterations} == {"iteration"}
    assert [record["iteration"] for record in iterations] == [0, 1, 2]
    for record in iterations:
        assert record["started_ns"] < record["ended_ns"] == record["push_sent_ns"]
    assert end["connections"] == []


def test_an_exchange_that_raises_ends_its_worker(bench: Bench) -> None:
    exchange = f"{__name__}:Failing"
    worker = bench.start("worker0", workers=["worker0"], schedule=under(exchange))
    status, message = worker.ended()
    assert status == 1
    assert message.startswith(
        f"worker0: iteration 0: exchange {exchange!r} raised LookupError: nobody takes unit "
    )
    assert "(test_own_code.py, line " in message


def test_a_user_defined_program_runs(bench: Bench) -> None:
    process = bench.start("ps", program="experiments.own_exchange:Watcher")
    assert process.event("ready") == {"event": "ready", "host": "ps"}
    assert process.ended() == (0, "")


def test_a_program_that_is_none(bench: Bench) -> None:
    status, message = bench.start("ps", program="experiments.own_exchange:Alone").ended()
    assert status == 2
    assert "TypeError: Alone is not a subclass of Program" in message


@pytest.mark.parametrize("schedule", ["none", "fifo"])
def test_the_parameter_server_is_an_exchange_by_its_class_too(
    tmp_path: Path, schedule: str
) -> None:
    model = model_of([[10], [20]])
    target = "workloads.exchange.parameter_server:ParameterServerExchange"
    named = train(tmp_path, model, get_schedule(schedule))[-1]
    by_class = train(tmp_path, model, replace(get_schedule(schedule), exchange=target))[-1]
    assert named["parameters_sha256"] == by_class["parameters_sha256"]
