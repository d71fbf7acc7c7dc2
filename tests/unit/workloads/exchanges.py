"""Exchanges between workers of tests, trained in one process."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import mock

from experiments.own_exchange import EveryoneToEveryone
from tests.unit.workloads.in_process import PATIENCE
from workloads.exchange import Ended
from workloads.models.devices import DeviceModel
from workloads.models.learning import Learning
from workloads.models.profiles import Model
from workloads.process.job import Peer
from workloads.process.records import Records
from workloads.process.training import WorkerJob
from workloads.programs.worker import Worker
from workloads.schedule.library import Schedule
from workloads.training.clock import SystemClock
from workloads.transport.sockets import Buffers, Endpoint

PORT = 5000


class Everyone(EveryoneToEveryone):
    """The recipe; it leaves the digest of its parameters beside its records."""

    def close(self) -> Ended:
        ended = super().close()
        digest = hashlib.sha256(self.parameters.bytes).hexdigest()
        self.end.job.records.with_suffix(".sha256").write_text(digest)
        return ended


EVERYONE = f"{__name__}:Everyone"


def addresses(hosts: Sequence[str]) -> dict[str, str]:
    """A loopback address for each, which no other process of tests uses."""
    high, low = divmod(os.getpid(), 250)
    return {name: f"127.{1 + high % 250}.{low}.{n}" for n, name in enumerate(hosts, start=1)}


def train_together(
    folder: Path, model: Model, schedule: Schedule, *, workers: int, iterations: int, rate: float
) -> list[str]:
    """Train without a parameter server; return the digest of every worker's parameters."""
    names = tuple(f"worker{number}" for number in range(workers))
    at = addresses(names)
    peers = {name: Peer(Endpoint(at[name], PORT), 65536) for name in names}

    def work(number: int) -> str:
        job = WorkerJob(
            host=names[number],
            program="worker",
            server_host=None,
            peers=peers,
            bind=at[names[number]],
            buffers=Buffers(65536, 65536),
            send_buffers=(),
            flow_dscp=(0,),
            congestion_control="cubic",
            seed=7,
            silence_seconds=PATIENCE,
            records=folder / f"{names[number]}.jsonl",
            section={},
            given={},
            workers=names,
            model=model,
            schedule=schedule,
            learning=Learning(),
            checkpoints=None,
            cores=None,
            rates=1.0,
            time=1.0,
            batch=1,
            iterations=iterations,
            warm_up=0,
            cool_down=0,
            repeat=0,
            learning_rate=rate,
            turns=False,
            worker=number,
            device=DeviceModel("made-up", 0.0, 0.0, 0.0),
            push_ranks=(),
            pulls=(),
        )
        with Records(job.records, job.host) as records:
            Worker(job, records, SystemClock()).run()
        return job.records.with_suffix(".sha256").read_text()

    with mock.patch("workloads.programs.worker.announce"), ThreadPoolExecutor(workers) as pool:
        others = [pool.submit(work, number) for number in range(workers)]
        return [each.result(timeout=2 * PATIENCE) for each in others]
