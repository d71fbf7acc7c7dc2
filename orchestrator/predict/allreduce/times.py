"""Iteration times of workers that sum their gradients by an all-reduce, compute included.

With n workers, u (a model's bytes over a link's goodput), compute C = forward Cf + backward:

- without a barrier the network or the slowest worker is never idle: max(all-reduce, C), for a ring
  behind equal links max(2(n - 1)u/n, C);
- with a step barrier (no forward pass before all gradients of the one before are summed, as
  DistributedDataParallel has it) gradients of layers 1..m leave a worker no earlier than
  Cf + backward(L..m). So an iteration takes at least this of the first worker, and then an
  all-reduce of those layers; and this of each worker, and then the same bytes over its own link. A
  ring that passes gradients on as they come takes this of the last worker, and then the ring's time
  for those layers. Each is taken for the m for which it is largest.

Delays and windows are left out: a ring has 2(n - 1) steps for each of its chunks.

Source: the bounds of `bound`, and the dependencies of one iteration.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from orchestrator.predict.allreduce.bound import AllreduceBound, allreduce_bound
from orchestrator.predict.bounds.lower import worker_devices
from orchestrator.predict.case import Case
from orchestrator.predict.network.loads import goodput_bps
from orchestrator.spec import ports
from workloads.models.devices import DeviceModel
from workloads.models.profiles import Model


@dataclass(frozen=True)
class AllreduceTimes:
    """What an iteration takes; seconds are the real system's.

    Attributes:
        network: the all-reduce of all gradients, with nothing computed.
        seconds: the lower bound without a barrier.
        barrier_seconds: the lower bound with a step barrier.
        ring_seconds: of a ring in the workers' order without a barrier.
        ring_barrier_seconds: of that ring with a step barrier.
        best_ring_seconds: of a ring in the best order without a barrier.
    """

    network: AllreduceBound
    seconds: float
    barrier_seconds: float
    ring_seconds: float
    ring_barrier_seconds: float
    best_ring_seconds: float


def allreduce_times(case: Case) -> AllreduceTimes | None:
    """The times of the workers of a case, without its parameter server; None of one worker.

    Raises:
        KeyError: a worker's device is not in the case's devices.
    """
    workers, topology = case.exchange.workers, case.exchange.topology
    if len(workers) < 2:
        return None
    network = allreduce_bound(topology, workers, case.model.bytes, case.goodputs)
    leaving = {
        name: _leaving(case.model, device, case.batch)
        for name, device in worker_devices(case.exchange, case.devices).items()
    }
    compute = max(ready[0] for ready in leaving.values())
    shares = [
        sofar / case.model.bytes for sofar in accumulate(layer.bytes for layer in case.model.layers)
    ]
    first = [min(each) for each in zip(*leaving.values(), strict=True)]
    last = [max(each) for each in zip(*leaving.values(), strict=True)]
    known = case.goodputs or {}
    own = {
        port.node: 8 * case.model.bytes / known.get(str(port), goodput_bps(port.rate_bps))
        for port in ports(topology)
    }
    barrier = [_longest(first, shares, network.seconds)]
    barrier += [_longest(ready, shares, own[name]) for name, ready in leaving.items()]
    return AllreduceTimes(
        network=network,
        seconds=max(network.seconds, compute),
        barrier_seconds=max(barrier),
        ring_seconds=max(network.ring.seconds, compute),
        ring_barrier_seconds=_longest(last, shares, network.ring.seconds),
        best_ring_seconds=max(network.best_ring.seconds, compute),
    )


def _leaving(model: Model, device: DeviceModel, batch: int) -> list[float]:
    """When the gradients of layers 1..m can leave at the earliest, by m: the first is C."""
    forward = sum(device.forward_seconds(layer, batch) for layer in model.layers)
    backward = [device.backward_seconds(layer, batch) for layer in model.layers]
    return [forward + rest for rest in accumulate(reversed(backward))][::-1]


def _longest(ready: Sequence[float], shares: Sequence[float], whole: float) -> float:
    """The end of what sends the shares of layers 1..m from when they are ready."""
    return max(begin + share * whole for begin, share in zip(ready, shares, strict=True))
