"""Trainings in this process: a thread per parameter server and worker, real sockets on loopback."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from types import MappingProxyType
from typing import Any
from unittest import mock

from orchestrator.orders import ORDERS, computation, incompatibility, ranks_of, setting_of
from workloads.models.devices import DeviceModel
from workloads.models.learning import Learning
from workloads.models.profiles import Layer, Model, Tensor, chained
from workloads.process.job import Peer
from workloads.process.records import Records
from workloads.process.training import ServerJob, WorkerJob
from workloads.programs.server import ParameterServer
from workloads.programs.worker import Worker
from workloads.schedule.members import Members
from workloads.schedule.owners import layout_of, units_of
from workloads.schedule.schedule import Schedule
from workloads.training.clock import SystemClock
from workloads.transport.memory import Arena
from workloads.transport.sockets import Buffers, Endpoint

PATIENCE = 10.0  # seconds; only a defect takes longer
PORT = 5000  # where workers listen to each other


def said(event: str, **fields: Any) -> None:
    """What a process says, which nobody hears; a mock would take longer than some trainings."""


def addresses(hosts: Sequence[str]) -> dict[str, str]:
    """A loopback address for each, which no other process of tests uses."""
    high, low = divmod(os.getpid(), 250)
    return {name: f"127.{1 + high % 250}.{low}.{n}" for n, name in enumerate(hosts, start=1)}


def model_of(layers: Sequence[Sequence[int | tuple[int, ...]]]) -> Model:
    """A chain of layers, each given by its tensors: their elements, or their shapes."""
    return Model(
        "made-up",
        "for a test",
        chained(
            [
                Layer(
                    f"layer{number}",
                    macs=0,
                    tensors=tuple(
                        Tensor(f"layer{number}.{index}", (one,) if isinstance(one, int) else one)
                        for index, one in enumerate(tensors)
                    ),
                )
                for number, tensors in enumerate(layers)
            ]
        ),
    )


def train(
    folder: Path,
    model: Model,
    schedule: Schedule,
    *,
    workers: int = 3,
    iterations: int = 3,
    layer_seconds: Sequence[float] = (),
    shares: Mapping[str, float] = MappingProxyType({}),
    groups: Sequence[Sequence[str]] = (),
    **changes: Any,
) -> list[dict[str, Any]]:
    """Train and return the parameter server's records; of several, the first one's.

    The digest in the last one is then that of the parameters of all.

    Args:
        layer_seconds: per worker, for each layer, forward and backward together.
        shares: of the model, by way, where it takes several.
        groups: of workers, by their names; none: all are one.
    """
    order = ORDERS[schedule.order]
    assert not incompatibility(schedule, order)
    names = tuple(f"worker{number}" for number in range(workers))
    servers = ["ps", *(f"ps{number}" for number in range(1, schedule.servers or 1))]
    at = addresses((*servers, *names))
    heard: SimpleQueue[tuple[str, int]] = SimpleQueue()

    def announced(event: str, **fields: Any) -> None:
        if event == "listening":
            heard.put((fields["address"], fields["port"]))

    standing: dict[str, Any] = {"servers": tuple(servers), "ring": (), "shares": shares}
    standing["groups"] = tuple(tuple(group) for group in groups)
    members = Members(workers=names, schedule=schedule, **standing)
    common: dict[str, Any] = {
        "workers": names,
        "standing": standing,
        "model": model,
        "schedule": schedule,
        "rates": 1.0,
        "time": 1.0,
        "batch": 1,
        "iterations": iterations,
        "warm_up": 0,
        "cool_down": 0,
        "seed": 7,
        "repeat": 0,
        "buffers": Buffers(65536, 65536),
        "section": {},
        "flow_dscp": tuple(range(schedule.flow_count)),
        "congestion_control": "cubic",
        "learning_rate": 0.01,
        "learning": Learning(),
        "checkpoints": None,
        "silence_seconds": PATIENCE,
        "given": {},
        **changes,
    }
    instant = DeviceModel("made-up", 0.0, 0.0, 0.0)
    element_bytes = common["learning"].element_bytes
    layout = layout_of(model, members, element_bytes=element_bytes)
    setting = setting_of(
        model,
        layout,
        stretch=1.0,
        workers=[computation(model, instant, 1)] * workers,
        seconds_per_byte=1e-8,
        shared=True,
        barrier=schedule.barrier,
        seed=common["seed"],
        repeat=common["repeat"],
    )
    count = common["warm_up"] + iterations + common["cool_down"]
    ranks = ranks_of(order, schedule, setting, count)
    common["turns"] = ranks.turns

    scaled = layout_of(model, members, common["rates"], common["time"], element_bytes)
    whole = Arena(scaled)

    def serve(name: str) -> None:
        job = ServerJob(
            host=name,
            program="server",
            bind=at[name],
            send_buffers=(common["buffers"].send,) * workers,
            one_queue=ranks.one_queue,
            answer_ranks=ranks.answers,
            server_host=name,
            peers={name: Peer(Endpoint(at[name], 0))},
            records=folder / f"{name}.jsonl",
            **common,
        )
        with Records(job.records, job.host) as records:
            server = ParameterServer(job, records)
            server.run()
        for chunk in (one for unit in units_of(scaled, members, name) for one in unit.chunks):
            whole.values_of(chunk)[:] = server._parameters.values_of(chunk)

    def work(number: int, peers: Mapping[str, Peer]) -> None:
        seconds = layer_seconds[number] if layer_seconds else 0.0
        job = WorkerJob(
            host=names[number],
            program="worker",
            send_buffers=(common["buffers"].send,) * len(servers),
            server_host=servers[0],
            peers=peers,
            records=folder / f"{names[number]}.jsonl",
            worker=number,
            bind=at[names[number]],
            push_ranks=ranks.pushes[number],
            pulls=ranks.pulls[number],
            # A depthwise layer is none of these, so the time of each depends on its bytes alone.
            device=DeviceModel("made-up", seconds, 0.0, 0.0),
            cores=None,
            **common,
        )
        with Records(job.records, job.host) as records:
            Worker(job, records, SystemClock()).run()

    with (
        mock.patch("workloads.programs.peers.announce", announced),
        mock.patch("workloads.programs.follower.announce", said),
        mock.patch("workloads.programs.worker.announce", said),
        ThreadPoolExecutor(workers + len(servers)) as pool,
    ):
        begun = [pool.submit(serve, name) for name in servers]
        listening = dict(heard.get(timeout=PATIENCE) for _ in servers)
        peers = {
            name: Peer(Endpoint(address, listening.get(address, PORT)))
            for name, address in at.items()
        }
        others = [pool.submit(work, number, peers) for number in range(workers)]
        for each in (*begun, *others):
            each.result(timeout=2 * PATIENCE)
    records = [json.loads(line) for line in (folder / "ps.jsonl").read_text().splitlines()]
    if len(servers) > 1:
        records[-1]["parameters_sha256"] = hashlib.sha256(whole.bytes).hexdigest()
    return records
