"""Exchanges between workers of tests, trained in one process."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

from experiments.own_exchange import EveryoneToEveryone
from orchestrator.orders import ORDERS, computation, incompatibility, ranks_of, setting_of
from tests.unit.workloads.in_process import PATIENCE, PORT, addresses, said
from workloads.errors import WorkloadError
from workloads.exchange import Ended
from workloads.models.devices import DeviceModel
from workloads.models.learning import Learning
from workloads.models.profiles import Model
from workloads.process.job import Peer
from workloads.process.records import Records
from workloads.process.training import WorkerJob
from workloads.programs.worker import Worker
from workloads.schedule.members import Members
from workloads.schedule.owners import layout_of
from workloads.schedule.schedule import Schedule
from workloads.training.clock import SystemClock
from workloads.transport.sockets import Buffers, Endpoint


class Everyone(EveryoneToEveryone):
    """The recipe; it says what parameters it ended with."""

    def close(self) -> Ended:
        ended = super().close()  # which exchanges the last gradients
        return replace(ended, parameters_sha256=hashlib.sha256(self.parameters.bytes).hexdigest())


EVERYONE = f"{__name__}:Everyone"


def tried_together(
    folder: Path,
    model: Model,
    schedule: Schedule,
    *,
    workers: int,
    iterations: int,
    rate: float,
    layer_seconds: Sequence[float] = (),
    **changes: Any,
) -> list[list[dict[str, Any]] | WorkloadError]:
    """Train without a parameter server; return each worker's records, or why it failed.

    Args:
        layer_seconds: per worker, for each layer with parameters, forward and backward together.
        changes: of the workers' jobs.
    """
    names = tuple(f"worker{number}" for number in range(workers))
    order = ORDERS[schedule.order]
    assert not incompatibility(schedule, order)
    instant = DeviceModel("made-up", 0.0, 0.0, 0.0)
    setting = setting_of(
        model,
        layout_of(model, Members((), names, schedule=schedule)),
        stretch=1.0,
        workers=[computation(model, instant, 1)] * workers,
        seconds_per_byte=1e-8,
        shared=False,
        barrier=schedule.barrier,
        seed=7,
        repeat=0,
    )
    ranks = ranks_of(order, schedule, setting, iterations)
    at = addresses(names)
    peers = {name: Peer(Endpoint(at[name], PORT), 65536) for name in names}

    def work(number: int) -> list[dict[str, Any]] | WorkloadError:
        seconds = layer_seconds[number] if layer_seconds else 0.0
        made: dict[str, Any] = {
            "host": names[number],
            "program": "worker",
            "server_host": None,
            "peers": peers,
            "bind": at[names[number]],
            "buffers": Buffers(65536, 65536),
            "send_buffers": (),
            "flow_dscp": (0,),
            "congestion_control": "cubic",
            "seed": 7,
            "silence_seconds": PATIENCE,
            "records": folder / f"{names[number]}.jsonl",
            "section": {},
            "given": {},
            "workers": names,
            "standing": {"servers": (), "ring": (), "groups": (), "shares": {}},
            "model": model,
            "schedule": schedule,
            "learning": Learning(),
            "checkpoints": None,
            "cores": None,
            "rates": 1.0,
            "time": 1.0,
            "batch": 1,
            "iterations": iterations,
            "warm_up": 0,
            "cool_down": 0,
            "repeat": 0,
            "learning_rate": rate,
            "turns": False,
            "worker": number,
            "device": DeviceModel("made-up", seconds, 0.0, 0.0),
            "push_ranks": ranks.pushes[number],
            "pulls": ranks.pulls[number],
        }
        job = WorkerJob(**{**made, **changes})
        with Records(job.records, job.host) as records:
            try:
                Worker(job, records, SystemClock()).run()
            except WorkloadError as error:
                return error
        return [json.loads(line) for line in job.records.read_text().splitlines()]

    with (
        mock.patch("workloads.programs.worker.announce", said),
        ThreadPoolExecutor(workers) as pool,
    ):
        others = [pool.submit(work, number) for number in range(workers)]
        return [each.result(timeout=2 * PATIENCE) for each in others]


def train_together(
    folder: Path, model: Model, schedule: Schedule, **asked: Any
) -> list[list[dict[str, Any]]]:
    """The same where none may fail."""
    digests = []
    for one in tried_together(folder, model, schedule, **asked):
        if isinstance(one, WorkloadError):
            raise one
        digests.append(one)
    return digests


def digests_together(folder: Path, model: Model, schedule: Schedule, **asked: Any) -> set[str]:
    """The digests of the parameters that the workers end with."""
    each = train_together(folder, model, schedule, **asked)
    return {records[-1]["parameters_sha256"] for records in each}
