"""Lower bounds of an iteration: no schedule of whole pulls and pushes is faster.

They hold for any topology, any models of devices, and any order of the traffic, as long as every
worker gets all parameters from the parameter server and gives all gradients to it, each on its own
(unicast), in every iteration. Multicast, workers that relay, and aggregation in the network are
other systems with other bounds. Headers beyond TCP's are left out, which keeps a lower bound what
it is. Of delays only one round trip is counted, and that with a step barrier only: what a worker
pushes in an iteration it has pulled in it. What windows let through is for the caller to say.

**Without a barrier** an iteration is at least as long as what is busy longest: a directed link, for
the bytes of all workers that cross it, or the slowest worker's compute C. With one link that n
workers share this is max(nu, C). Dependencies from one iteration to the next may keep a
schedule from reaching it; fine slices with those of the first layers first come near (`forms`).

**With a step barrier** (no pull of an iteration before all pushes of the one before) both ends of
an iteration cost. Call layers 1..L in forward order, and on the way of worker w the slowest links'
goodputs g (pull) and g' (push).

- A worker's forward pass ends no earlier than F(w) = max over l of bytes(1..l)/g + forward(l..L):
  whatever the order, after the last byte of layers 1..l the passes from its layer on are to come,
  and they are at least those of l..L. Pulling in forward order reaches F(w).
- Backward comes after that, so gradients of layers 1..m leave no earlier than
  F(w) + backward(L..m), and a link that pushes cross waits for the first of them: for any set S of
  its workers, an iteration takes at least
  min over S of (F(w) + backward(L..m)) + |S| bytes(1..m) / (the link's goodput).
- Mirrored: after the last byte of layers 1..l that the workers of S pull over a link, its worker
  still has to do forward(l..L) and then Z(w) = max over m of backward(L..m) + bytes(1..m)/g', so
  |S| bytes(1..l) / (the link's goodput) + min over S of (forward(l..L) + Z(w)) is a bound, too.

The best S are the workers with the largest heads (or tails), as in the bound of one machine with
release dates and delivery times (Carlier 1982). With one link shared by n workers and compute for
nothing both give u + nu: nothing can be pushed before one worker has pulled everything, which takes
a u, and then n models have to be pushed. Strict priority between workers does that: (n+1)u.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from orchestrator.predict.bounds.iteration import compute_seconds
from orchestrator.predict.network.loads import Goodputs, fullest, goodput_bps
from orchestrator.predict.network.server_loads import ServerLoad, server_loads
from orchestrator.spec import ServerExchange, ports
from workloads.models.devices import DeviceModel
from workloads.models.profiles import Model


@dataclass(frozen=True)
class LowerBound:
    """What limits an iteration of one model on one topology; seconds are the real system's.

    Attributes:
        images: of an iteration, over all workers.
        u_seconds: one worker's bytes of the model at the goodput of the fullest link (u); without
            a parameter server, of the slowest link at a worker.
        compute_seconds: forward and backward of the slowest worker (C).
        forward_seconds: forward of that worker (Cf).
        fullest: the directed links that are busy longest; several if they are equal; none without
            a parameter server.
        seconds: the lower bound of an iteration without a barrier.
        barrier_seconds: the lower bound of an iteration with a step barrier.
    """

    images: int
    u_seconds: float
    compute_seconds: float
    forward_seconds: float
    fullest: tuple[ServerLoad, ...]
    seconds: float
    barrier_seconds: float

    @property
    def links_seconds(self) -> float:
        """For which a link is busy at least.

        Without a parameter server u: all elements cross each worker's link once, whoever adds up.
        """
        return self.fullest[0].seconds if self.fullest else self.u_seconds

    def in_u(self, seconds: float) -> float:
        """Seconds in units of u, in which figures are free of the scale."""
        return seconds / self.u_seconds

    def imgs_per_sec(self, seconds: float) -> float:
        """The real system's imgs/sec, all workers together, if an iteration takes that long."""
        return self.images / seconds


def lower_bound(
    exchange: ServerExchange,
    model: Model,
    devices: Mapping[str, DeviceModel],
    batch: int,
    goodputs: Goodputs | None = None,
) -> LowerBound:
    """The lower bounds of an iteration.

    Args:
        exchange: its links' rates, each direction for itself, and its workers' devices.
        model: what is trained.
        devices: by the names that the workers have for them.
        batch: images per worker and iteration.
        goodputs: payload of ports in bit/s, as measured or `capped`; others carry 1448/1514 of
            their rate.

    Raises:
        KeyError: a worker's device is not in `devices`.
    """
    loads = server_loads(exchange, model.bytes, goodputs)
    full = fullest(loads) if loads else ()
    u_seconds = full[0].model_seconds if full else _own_seconds(exchange, model, goodputs)
    slowest = max(
        worker_devices(exchange, devices).values(),
        key=lambda device: compute_seconds(model, device, batch),
    )
    compute = compute_seconds(model, slowest, batch)
    return LowerBound(
        images=exchange.images(batch),
        u_seconds=u_seconds,
        compute_seconds=compute,
        forward_seconds=sum(slowest.forward_seconds(layer, batch) for layer in model.layers),
        fullest=full,
        seconds=max(full[0].seconds if full else u_seconds, compute),
        barrier_seconds=(
            _barrier_seconds(exchange, model, devices, batch, loads)
            if full
            else max(u_seconds, compute)
        ),
    )


def worker_devices(
    exchange: ServerExchange, devices: Mapping[str, DeviceModel]
) -> dict[str, DeviceModel]:
    """The device of every worker, by the worker's name; it knows its worker's own batch.

    Raises:
        KeyError: it is not in `devices`.
    """
    return {
        worker.name: devices[worker.device].at_batch(worker.batch)
        for worker in exchange.hosts
        if worker.device is not None
    }


def _own_seconds(exchange: ServerExchange, model: Model, goodputs: Goodputs | None) -> float:
    """Seconds in which the slowest of the workers' links carries the model."""
    known = goodputs or {}
    return max(
        8 * model.bytes / known.get(str(port), goodput_bps(port.rate_bps))
        for port in ports(exchange.topology)
        if {port.node, port.peer} & {*exchange.workers}
    )


@dataclass(frozen=True)
class _Worker:
    """One worker alone on the network; entry k of a sequence is of layers 1..k+1 or k+1..L.

    Attributes:
        forward_from: seconds of forward(l..L).
        backward_to: seconds of backward(L..m).
        forward_end: F(w), seconds from the iteration's begin.
        after_forward: Z(w), seconds from there to the iteration's end.
    """

    forward_from: Sequence[float]
    backward_to: Sequence[float]
    forward_end: float
    after_forward: float


def _barrier_seconds(
    exchange: ServerExchange,
    model: Model,
    devices: Mapping[str, DeviceModel],
    batch: int,
    loads: Sequence[ServerLoad],
) -> float:
    # Of a model's bytes, the shares that layers 1..k have.
    shares = [sofar / model.bytes for sofar in accumulate(layer.bytes for layer in model.layers)]
    workers = {
        name: _alone(model, device, batch, shares, [load for load in loads if name in load.workers])
        for name, device in worker_devices(exchange, devices).items()
    }
    bounds = []
    for load in loads:
        crossing = [workers[name] for name in load.workers]
        for layer, share in enumerate(shares):
            if load.direction == "push":
                others = [w.forward_end + w.backward_to[layer] for w in crossing]
            else:
                others = [w.forward_from[layer] + w.after_forward for w in crossing]
            bounds.append(_one_machine(others, share * load.model_seconds))
    trips = (exchange.round_trip_us(name) for name in workers)
    return max(bounds) + min(trips) / 1e6


def _alone(
    model: Model,
    device: DeviceModel,
    batch: int,
    shares: Sequence[float],
    own: Sequence[ServerLoad],
) -> _Worker:
    pull = max(load.model_seconds for load in own if load.direction == "pull")
    push = max(load.model_seconds for load in own if load.direction == "push")
    forward = _to_the_last(device.forward_seconds(layer, batch) for layer in model.layers)
    backward = _to_the_last(device.backward_seconds(layer, batch) for layer in model.layers)
    return _Worker(
        forward,
        backward,
        max(share * pull + rest for share, rest in zip(shares, forward, strict=True)),
        max(rest + share * push for share, rest in zip(shares, backward, strict=True)),
    )


def _to_the_last(seconds: Iterable[float]) -> list[float]:
    """Sums of every layer's and all later ones' seconds."""
    return list(accumulate(reversed(list(seconds))))[::-1]


def _one_machine(others: Iterable[float], each: float) -> float:
    """The longest of: a link serves k workers, `each` seconds, and the k-th largest other time."""
    descending = sorted(others, reverse=True)
    return max(other + served * each for served, other in enumerate(descending, start=1))
