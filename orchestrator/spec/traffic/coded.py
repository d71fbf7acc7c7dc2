"""What a schedule sends of a model where codecs make other bytes of it, unit by unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from orchestrator.plugins import OwnCode, OwnCodec, PluginError, users_code
from orchestrator.spec.placement import Placement
from orchestrator.spec.topology import Topology
from orchestrator.spec.traffic.demands import Demand, Demands
from orchestrator.spec.traffic.exchange_demands import demands_under, on_average
from workloads.errors import raised_by
from workloads.library import EXCHANGES
from workloads.models.profiles import Model
from workloads.schedule.codec_names import is_library
from workloads.schedule.schedule import Schedule

_REMEMBERED = 64

OwnCodecs = Mapping[str, OwnCodec]
"""Codecs that are not ours, by the names that schedules have for them."""


@dataclass(frozen=True)
class CodedModel:
    """The bytes of every unit of a model, as they travel, in the real system.

    Attributes:
        pulls: of parameters.
        pushes: of gradients.
    """

    pulls: tuple[int, ...]
    pushes: tuple[int, ...]

    @property
    def pull_bytes(self) -> int:
        """Of all parameters."""
        return sum(self.pulls)

    @property
    def push_bytes(self) -> int:
        """Of all gradients."""
        return sum(self.pushes)


def coded_model(schedule: Schedule, model: Model, own: OwnCodecs) -> CodedModel | None:
    """What a schedule sends of a model; None: one of its codecs does not say, or is not here.

    Raises:
        PluginError: a codec that is not ours raises.
    """
    pulls = _units(schedule.pull_codec, model, schedule.slice_bytes, own)
    pushes = _units(schedule.push_codec, model, schedule.slice_bytes, own)
    if pulls is None or pushes is None:
        return None
    return CodedModel(pulls, pushes)


def leaves_vectors(codec: str, own: OwnCodecs) -> bool:
    """Whether a codec leaves tensors of one dimension as they are.

    One that is not here may, so that it does: bounds then hold.
    """
    from workloads.codecs.named import make

    if is_library(codec):
        return make(codec).leaves_vectors
    return codec not in own or bool(own[codec].instance.leaves_vectors)


def _units(
    codec: str, model: Model, slice_bytes: int | None, own: OwnCodecs
) -> tuple[int, ...] | None:
    # Only here: most experiments have no codec, and their commands need no numpy.
    from workloads.codecs.coding import Coding
    from workloads.codecs.sizes import library_bytes, unit_bytes

    if is_library(codec):
        return library_bytes(codec, model, slice_bytes)
    if codec not in own:
        return None
    instance = own[codec].instance
    try:
        with users_code():
            return unit_bytes(Coding(codec, instance), model, slice_bytes)
    except Exception as error:
        why = f"raised {raised_by(instance.payload_bytes, error)}"
        raise PluginError(f"codec {codec!r}: payload_bytes() {why}") from error


def sent_demands(
    schedule: Schedule, code: OwnCode, topology: Topology, placement: Placement, model: Model
) -> Demands:
    """What a schedule demands of a network for a model in an iteration, on average, as it is coded.

    A server sends parameters and receives gradients; what workers send to each other is half sums
    of gradients, half parameters, as in a ring. Where a codec does not say what it sends, or codes
    for a user's exchange, demands are not `declared`.

    Raises:
        PluginError: what is user-defined raises or answers nonsense.
        ValueError: there are fewer parameter servers than the schedule shares the model between.
    """
    demands = demands_under(schedule, code, topology, placement, model)
    if not schedule.coded:
        return on_average(demands, schedule.every or 1)
    sent = coded_model(schedule, model, code.codecs)
    if sent is None or schedule.exchange not in EXCHANGES:
        return replace(demands, declared=False)
    pull, push = Fraction(sent.pull_bytes, model.bytes), Fraction(sent.push_bytes, model.bytes)

    def share(demand: Demand) -> Fraction:
        if demand.source in placement.servers:
            return pull
        return push if demand.destination in placement.servers else (pull + push) / 2

    sizes = tuple(replace(one, bytes=round(one.bytes * share(one))) for one in demands)
    return on_average(_made(demands, sizes), schedule.every or 1)


@lru_cache(maxsize=_REMEMBERED)
def _made(demands: Demands, sizes: tuple[Demand, ...]) -> Demands:
    return replace(demands, all=sizes)
