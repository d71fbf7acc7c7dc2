"""Iteration times of the simplest scheme: pull, compute, push, step barrier, nothing overlapped.

In u (model bytes / goodput of the bottleneck) with n workers and compute C this is 2nu + C. It is
an upper estimate of every schedule with a step barrier, which is what planning needs.
"""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.predict.network.server_loads import server_loads
from orchestrator.spec import ServerExchange, Way
from workloads.models.devices import DeviceModel
from workloads.models.profiles import Model


def phase_seconds(exchange: ServerExchange, model_bytes: int, direction: Way) -> float:
    """Seconds in which all workers pull (or push) the whole model, alone on the network."""
    return max(
        load.seconds for load in server_loads(exchange, model_bytes) if load.direction == direction
    )


def compute_seconds(model: Model, device: DeviceModel, batch: int) -> float:
    """Forward and backward of one worker, in seconds (C)."""
    return sum(
        device.forward_seconds(layer, batch) + device.backward_seconds(layer, batch)
        for layer in model.layers
    )


def no_overlap_seconds(
    exchange: ServerExchange, model: Model, devices: Mapping[str, DeviceModel], batch: int
) -> float:
    """Seconds of an iteration with nothing overlapped: pulls, the slowest compute, pushes."""
    # Where a worker stands in for a server, it computes as well.
    hosts = map(exchange.topology.host, (*exchange.servers, *exchange.workers))
    used = {
        devices[host.device].at_batch(host.batch)
        for host in hosts
        if host.device is not None and host.device in devices
    }
    slowest = max(compute_seconds(model, device, batch) for device in used)
    pull = phase_seconds(exchange, model.bytes, "pull")
    push = phase_seconds(exchange, model.bytes, "push")
    return pull + slowest + push
