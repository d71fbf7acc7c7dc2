"""A model, and what is left of it by seconds and by multiply-accumulates (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from orchestrator.predict import LowerBound, compute_seconds, lower_bound
from orchestrator.shrink.search import parameters, shrink, shrink_by_macs
from orchestrator.shrink.widths import Shapes
from orchestrator.spec.placement import Placement
from orchestrator.spec.topology import Topology
from orchestrator.spec.traffic.server_exchange import exchange_of
from workloads.models.devices import DeviceModel
from workloads.models.profiles import Layer, Model

AS_IT_IS = "as it is"
BY_SECONDS = "by seconds"
BY_MACS = "by MACs"


@dataclass(frozen=True)
class Variant:
    """The model as it is, or one of two ways of shrinking it.

    Attributes:
        way: which.
        model: what is left.
        widths: per layer with fewer channels: how many it had and has.
        reached: whether it meets the budget.
        seconds: of a step on the device, forward and backward.
        bound: of an iteration on a topology, if one is given.
    """

    way: str
    model: Model
    widths: dict[str, tuple[int, int]]
    reached: bool
    seconds: float
    bound: LowerBound | None = None

    @property
    def parameters(self) -> int:
        """How many it has."""
        return parameters(self.model)

    @property
    def macs(self) -> int:
        """Of an example, forward."""
        return sum(layer.macs for layer in self.model.layers)

    @property
    def bytes_per_iteration(self) -> int:
        """That a worker pulls and pushes."""
        return 2 * self.model.bytes


def compared(
    model: Model, device: DeviceModel, batch: int, budget_seconds: float, *, least: float
) -> tuple[Variant, ...]:
    """The model as it is, and shrunk to a budget in two ways.

    Args:
        model: to shrink.
        device: that computes it.
        batch: examples of a step.
        budget_seconds: that a step may take.
        least: share of its channels that each width keeps.
    """
    shapes = Shapes(model)

    def seconds(layer: Layer) -> float:
        return device.forward_seconds(layer, batch) + device.backward_seconds(layer, batch)

    def variant(way: str, what: Model, *, reached: bool) -> Variant:
        return Variant(
            way, what, _widths(model, what), reached, compute_seconds(what, device, batch)
        )

    whole = variant(AS_IT_IS, model, reached=True)
    ways = {BY_SECONDS: shrink, BY_MACS: shrink_by_macs}
    found = {way: by(shapes, seconds, budget_seconds, least=least) for way, by in ways.items()}
    return (
        replace(whole, reached=whole.seconds <= budget_seconds),
        *(variant(way, one.model, reached=one.reached) for way, one in found.items()),
    )


def _widths(before: Model, after: Model) -> dict[str, tuple[int, int]]:
    changed = {}
    for old, new in zip(before.layers, after.layers, strict=True):
        pairs = zip(old.tensors, new.tensors, strict=True)
        first = next(((a.shape[0], b.shape[0]) for a, b in pairs), (0, 0))
        if first[0] != first[1]:
            changed[old.name] = first
    return changed


def on_topology(
    variants: Sequence[Variant],
    topology: Topology,
    placement: Placement,
    device: DeviceModel,
    batch: int,
) -> tuple[Variant, ...]:
    """The same with bounds of an iteration, all workers having that device."""
    hosts = (
        host if host.device is None else replace(host, device=device.name)
        for host in topology.hosts
    )
    exchange = exchange_of(replace(topology, hosts=tuple(hosts)), placement)
    devices = {device.name: device}
    return tuple(
        replace(one, bound=lower_bound(exchange, one.model, devices, batch)) for one in variants
    )
