"""How near a measured figure is to what its network and devices can do at best.

The bound is that of an iteration without a barrier (`orchestrator.predict.lower_bound`). Where
each worker keeps its own pace, it is that of all paces (`orchestrator.predict.own_paces`). It
assumes the goodput that the run measured before its trials; for links without a measured one,
1448/1514 of the rate. It holds for every schedule and order under which each worker pulls and
pushes the whole model over its own connections. Others have that of any aggregation between the
hosts that took part, or of the demands that their trials recorded, or none
(`orchestrator.predict.row_bound`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from orchestrator.memory import FRAMEWORK, ordered
from orchestrator.predict import (
    Case,
    Goodputs,
    left_goodputs,
    own_paces,
    row_bound,
    worker_devices,
)
from orchestrator.spec import (
    Demand,
    Demands,
    Neighbour,
    Placement,
    Scale,
    ServerExchange,
    SocketBuffers,
    Topology,
    exchange_of,
)
from workloads.models.devices import DeviceModel
from workloads.models.learning import Learning
from workloads.models.profiles import Model, load_model, model_names
from workloads.schedule.schedule import Schedule

_TOPOLOGY = TypeAdapter(Topology)
_JOBS = TypeAdapter(dict[str, Neighbour])
_DEVICES = TypeAdapter(dict[str, DeviceModel])


def bound_imgs_per_sec(
    experiment: Mapping[str, Any],
    model: str,
    batch: int,
    goodputs: Goodputs | None = None,
    lead: float = 1.0,
) -> float | None:
    """The most imgs/sec of the real system, all workers together, that a model can have.

    Args:
        experiment: the resolved experiment, as run.json holds it.
        model: its name.
        batch: images per worker and iteration.
        goodputs: measured payload of ports.
        lead: how many iterations a worker can do for one of the slowest worker's.

    Returns:
        None if the run does not say on what topology with what devices it ran, if this version
        does not know its model, or if real layers were computed: their least time is unknown.
    """
    case = case_of(experiment, model, batch, goodputs)
    if case is None or _computed(experiment):
        return None
    if lead > 1:
        return own_paces(
            case.exchange, case.model, case.devices, case.batch, case.carried, lead=lead
        )
    return case.bound.imgs_per_sec(case.bound.seconds)


def demand_imgs_per_sec(
    experiment: Mapping[str, Any],
    model: str,
    batch: int,
    demands: tuple[Demand, ...],
    schedule: Schedule,
    *,
    goodputs: Goodputs | None = None,
) -> float | None:
    """The same for a schedule that sends something else.

    Args:
        experiment: as above.
        model: its name.
        batch: images per worker and iteration.
        demands: what it sent.
        schedule: that did so.
        goodputs: measured payload of ports.
    """
    case = case_of(experiment, model, batch, goodputs)
    if case is None or _computed(experiment):
        return None
    try:
        bound = row_bound(schedule, case, Demands(case.exchange.topology, demands))
    except ValueError:  # no demands of this topology
        return None
    return None if bound is None else bound.imgs_per_sec


def left_beside(
    experiment: Mapping[str, Any], taken: Mapping[str, float], goodputs: Goodputs | None
) -> Goodputs | None:
    """What links still carry beside the traffic of an experiment's jobs.

    Args:
        experiment: the resolved experiment.
        taken: what each of these jobs had, by name, in bit/s of payload.
        goodputs: measured payload of ports.
    """
    exchange = exchange_in(experiment)
    if exchange is None:
        return goodputs
    jobs = _JOBS.validate_python(experiment.get("jobs", {}))
    used = []
    for name, bps in taken.items():
        demands = jobs[name].demands(exchange.topology)
        used.append((demands, dict.fromkeys(demands, bps)))
    return left_goodputs(used, goodputs)


def case_of(
    experiment: Mapping[str, Any], model: str, batch: int, goodputs: Goodputs | None = None
) -> Case | None:
    """What was trained on what; None as above."""
    exchange = exchange_in(experiment)
    plain = model_in(experiment, model)
    if exchange is None or plain is None:
        return None
    try:
        wide = Learning.of(experiment.get("learning", {})).element_bytes
        devices = _DEVICES.validate_python(experiment["devices"])
        case = Case(
            exchange,
            ordered(plain.of_elements(wide), order_of_operations_in(experiment)),
            devices,
            batch,
            goodputs,
            buffers_of(experiment),
            scale_of(experiment),
        )
        worker_devices(exchange, devices)
    except (KeyError, TypeError, ValueError):
        return None
    return case


def model_in(experiment: Mapping[str, Any], name: str) -> Model | None:
    """A model of a resolved experiment, its layers as its file has them; None: it is not known."""
    if name in model_names():
        return load_model(name)
    try:
        return Model.from_json(experiment["model_sources"][name]["profile"])
    except (KeyError, TypeError, ValueError):
        return None


def order_of_operations_in(experiment: Mapping[str, Any]) -> str:
    """In which order a resolved experiment's workers compute a model's layers."""
    return str(experiment.get("order_of_operations", FRAMEWORK))


def _computed(experiment: Mapping[str, Any]) -> bool:
    learning = experiment.get("learning")
    return isinstance(learning, dict) and learning.get("compute") == "torch"


def exchange_in(experiment: Mapping[str, Any]) -> ServerExchange | None:
    """The exchange of a resolved experiment, on its topology; None if it does not say so."""
    try:
        # What a description says decides nothing, so that run.json leaves it out.
        topology = _TOPOLOGY.validate_python({"description": "", **experiment["topology"]})
        return exchange_of(topology, Placement.from_resolved(experiment["placement"]))
    except (KeyError, TypeError, ValueError):
        return None


def buffers_of(experiment: Mapping[str, Any]) -> SocketBuffers:
    """What a resolved experiment asked of TCP's buffers; of several sizes the largest."""
    buffers = experiment.get("socket_buffers")
    if not isinstance(buffers, dict) or buffers.get("auto"):
        return SocketBuffers()
    send, receive = buffers.get("send_bytes"), buffers.get("receive_bytes")
    return SocketBuffers(*(size if isinstance(size, int) else None for size in (send, receive)))


def scale_of(experiment: Mapping[str, Any]) -> Scale:
    """The scale of a resolved experiment; the real system's if it does not say."""
    scale = experiment.get("scale")
    try:
        return Scale(**scale) if isinstance(scale, dict) else Scale()
    except (TypeError, ValueError):
        return Scale()


def share_of_gain(baseline: float, measured: float, bound: float) -> float | None:
    """Percent of the way from the baseline's imgs/sec to the bound's; None if there is no way."""
    return 100 * (measured - baseline) / (bound - baseline) if bound > baseline else None
