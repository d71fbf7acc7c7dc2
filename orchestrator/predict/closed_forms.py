"""Iteration times that are expected of schedules where all workers share one bottleneck.

With n workers, u (one worker's bytes of the model at the bottleneck's goodput), compute C = forward
Cf + backward of a worker, and equal rates in both directions:

- pulls, compute and pushes take turns, step barrier (the baseline): 2nu + C;
- strict priority between workers at the bottleneck, step barrier: worker after worker pulls, and
  one pushes while the next pulls: (n+1)u + C. Where compute hides behind other workers' traffic it
  is less, ideally (n+1)u; how much can hide is what the bound with a step barrier says (`lower`);
- no barrier, fine slices in the order in which they come: max(C, nu + Cf + the last layer's
  backward), for what comes first is what backward leaves first, the last layers;
- no barrier, fine slices, those of the first layers before all others: max(nu, C);
- no barrier, whole tensors, or slices of a size: by simulation (`pipeline`), for an iteration
  stalls while the largest tensor is pushed and then pulled.

The first two hide no compute behind traffic, so that they are upper estimates at any C: 0.4u too
long at batch 1 of the published experiment, and 2nu - u at C far above nu. What a schedule's own
choices come to, compute hidden, is simulated in `expected`. None of these forms knows delays.

Source: counting bytes on the bottleneck, and the dependencies in `pipeline`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isclose

from orchestrator.predict.bounds.lower import LowerBound, lower_bound, worker_devices
from orchestrator.predict.network.loads import Goodputs, fullest
from orchestrator.predict.network.server_loads import ServerLoad, server_loads
from orchestrator.predict.simulation.pipeline import Order, pipelined_seconds, work
from orchestrator.spec import WAYS, ServerExchange
from workloads.models.devices import DeviceModel
from workloads.models.profiles import Model

COARSE_BYTES = 4_000_000
"""Slices of ByteScheduler's size."""
FINE_BYTES = 160_000
"""Slices of about P3's size."""


@dataclass(frozen=True)
class Prediction:
    """What an iteration is expected to take under one schedule.

    Attributes:
        schedule: in words.
        formula: of the iteration's time, or "simulated".
        seconds: the real system's; None if the prediction does not apply here.
        why_not: in one line why it does not; empty if it does.
    """

    schedule: str
    formula: str
    seconds: float | None
    why_not: str = ""


def predictions(
    exchange: ServerExchange,
    model: Model,
    devices: Mapping[str, DeviceModel],
    batch: int,
    goodputs: Goodputs | None = None,
) -> tuple[Prediction, ...]:
    """All predictions; those that do not apply to this topology say why.

    Args:
        exchange: who sends over which link.
        model: what is trained.
        devices: by the names that the workers have for them.
        batch: images per worker and iteration.
        goodputs: measured payload of ports in bit/s; others carry 1448/1514 of their rate.

    Raises:
        KeyError: a worker's device is not in `devices`.
    """
    bound = lower_bound(exchange, model, devices, batch, goodputs)
    loads = server_loads(exchange, model.bytes, goodputs)
    limiting = _shared(exchange, devices, loads)
    if isinstance(limiting, str):
        return tuple(replace(form, why_not=limiting) for form in _NONE_APPLIES)
    pull, push = limiting
    device = next(iter(worker_devices(exchange, devices).values()))
    equal = isclose(pull.seconds, push.seconds, rel_tol=1e-9)
    closed = _closed(bound, len(exchange.workers), model, device, batch)
    why_not = "" if equal else f"{pull.port} and {push.port} are not equally fast"
    priority = why_not or _no_priority(exchange, loads, limiting)
    simulated = []
    for label, slice_bytes, order in _SIMULATED:
        per_byte = (pull.seconds / model.bytes, push.seconds / model.bytes)
        seconds = pipelined_seconds(work(model, device, batch, per_byte, slice_bytes), order)
        simulated.append(Prediction(label, "simulated", seconds))
    return (
        _unless(why_not, closed[0]),
        _unless(priority, closed[1]),
        *(_unless(why_not, form) for form in closed[2:]),
        *simulated,
    )


def _closed(
    bound: LowerBound, workers: int, model: Model, device: DeviceModel, batch: int
) -> tuple[Prediction, ...]:
    u, compute, forward = bound.u_seconds, bound.compute_seconds, bound.forward_seconds
    phase = workers * u
    last = device.backward_seconds(model.layers[-1], batch)
    seconds = (
        2 * phase + compute,
        phase + u + compute,
        max(compute, phase + forward + last),
        max(phase, compute),
    )
    return tuple(Prediction(*form, value) for form, value in zip(_CLOSED, seconds, strict=True))


_CLOSED = (
    ("in turns, barrier (none)", "2nu + C"),
    ("worker priority, barrier", "(n+1)u + C"),
    ("fine slices, FIFO", "max(C, nu + Cf + Bl)"),
    ("fine slices, layer order", "max(nu, C)"),
)
_SIMULATED: tuple[tuple[str, int | None, Order], ...] = (
    ("whole tensors, FIFO", None, "fifo"),
    ("whole tensors, layer order", None, "layer"),
    ("4 MB slices, FIFO", COARSE_BYTES, "fifo"),
    ("4 MB slices, layer order", COARSE_BYTES, "layer"),
    ("160 KB slices, FIFO", FINE_BYTES, "fifo"),
    ("160 KB slices, 4 flows", FINE_BYTES, "flow"),
    ("160 KB slices, layer order", FINE_BYTES, "layer"),
)
_NONE_APPLIES = (
    *(Prediction(*form, None) for form in _CLOSED),
    *(Prediction(label, "simulated", None) for label, _, _ in _SIMULATED),
)


def _unless(why_not: str, form: Prediction) -> Prediction:
    return replace(form, seconds=None, why_not=why_not) if why_not else form


def _shared(
    exchange: ServerExchange, devices: Mapping[str, DeviceModel], loads: tuple[ServerLoad, ...]
) -> tuple[ServerLoad, ServerLoad] | str:
    """The links that limit pulls and pushes if all alike workers share them; else why not."""
    limiting = []
    for direction in WAYS:
        full = fullest(load for load in loads if load.direction == direction)
        shared = [load for load in full if len(load.workers) == len(exchange.workers)]
        if not shared:
            count = len(full[0].workers)
            behind = f"{count} of {len(exchange.workers)} workers"
            return f"no bottleneck that all workers share: {full[0].port} is full with {behind}"
        limiting.append(shared[0])
    if any(map(exchange.round_trip_us, exchange.workers)):
        return "links have delays, of which these forms know nothing"
    kinds = {replace(device, name="") for device in worker_devices(exchange, devices).values()}
    if len(kinds) > 1:
        return "the workers' devices differ, so they are not in step"
    return limiting[0], limiting[1]


def _no_priority(
    exchange: ServerExchange,
    loads: tuple[ServerLoad, ...],
    shared: tuple[ServerLoad, ServerLoad],
) -> str:
    """Why strict priority between workers does not stagger them; empty if it does."""
    contended = exchange.demands.contended()
    for bottleneck in shared:
        if bottleneck.port not in contended:
            return f"no switch orders workers at {bottleneck.port}"
    u = shared[0].model_seconds
    for load in loads:
        if load.model_seconds > u * (1 + 1e-9):
            return f"{load.port} is slower than {shared[0].port}: one worker cannot fill that"
    return ""
