"""Iteration times of the simplest scheme: pull, compute, push, step barrier, nothing overlapped.

In u (model bytes / goodput of the bottleneck) with n workers and compute C this is 2nu + C. It is
an upper estimate of every schedule with a step barrier, which is what planning needs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Literal

from orchestrator.spec import Port, Topology, path
from workloads.devices import DeviceModel
from workloads.models import Model

# A full frame of 1500 bytes of IP carries 1448 bytes of payload (TCP with timestamps), and tc
# counts 14 bytes of Ethernet header on top; a physical wire has 24 more (preamble, CRC, gap).
PAYLOAD_BYTES = 1448
FRAME_BYTES = 1514


def goodput_bps(rate_bps: float) -> float:
    """TCP payload per second, in bit/s, that a link shaped by tc at `rate_bps` carries."""
    return rate_bps * PAYLOAD_BYTES / FRAME_BYTES


def phase_seconds(
    topology: Topology, model_bytes: int, direction: Literal["pull", "push"]
) -> float:
    """Seconds in which all workers pull (or push) the whole model, alone on the network."""
    server = topology.ps.name
    crossing: Counter[Port] = Counter()
    for worker in topology.workers:
        src, dst = (server, worker.name) if direction == "pull" else (worker.name, server)
        crossing.update(path(topology, src, dst))
    return max(
        flows * model_bytes * 8 / goodput_bps(port.rate_bps) for port, flows in crossing.items()
    )


def compute_seconds(model: Model, device: DeviceModel, batch: int) -> float:
    """Forward and backward of one worker, in seconds (C)."""
    return sum(
        device.forward_seconds(layer, batch) + device.backward_seconds(layer, batch)
        for layer in model.layers
    )


def no_overlap_seconds(
    topology: Topology, model: Model, devices: Mapping[str, DeviceModel], batch: int
) -> float:
    """Seconds of an iteration with nothing overlapped: pulls, the slowest compute, pushes."""
    slowest = max(
        compute_seconds(model, devices[worker.device], batch)
        for worker in topology.workers
        if worker.device is not None
    )
    pull = phase_seconds(topology, model.bytes, "pull")
    push = phase_seconds(topology, model.bytes, "push")
    return pull + slowest + push
