"""What codecs change of a case: the bytes of every unit, and how long devices take for a layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from orchestrator.spec import CodedModel, OwnCodecs, Way, leaves_vectors
from workloads.models.coding import CodingDevice
from workloads.models.devices import DeviceModel
from workloads.models.profiles import Model
from workloads.schedule.schedule import Schedule
from workloads.schedule.units import Layout

if TYPE_CHECKING:
    from orchestrator.predict.case import Case


def coding_devices(
    schedule: Schedule, devices: Mapping[str, DeviceModel], own: OwnCodecs
) -> dict[str, DeviceModel]:
    """The devices of workers that code what a schedule sends, by the same names.

    Where not every iteration exchanges, as in one that does not: what is least of all of them.

    Args:
        schedule: whose codecs they are.
        devices: without coding.
        own: codecs that are not ours.
    """

    if schedule.averages:
        return dict(devices)

    def leaves(codec: str) -> bool:
        return leaves_vectors(codec, own)

    return {
        name: CodingDevice.of(
            device, push=schedule.push_codec, pull=schedule.pull_codec, leaves_vectors=leaves
        )
        for name, device in devices.items()
    }


def way_bytes(sent: CodedModel | None, model: Model, way: Way) -> int:
    """Bytes of all of a model in one direction; None: uncoded."""
    if sent is None:
        return model.bytes
    return sent.pull_bytes if way == "pull" else sent.push_bytes


def by_tensor(case: Case, slice_bytes: int | None) -> tuple[Sequence[int], Sequence[int]]:
    """Bytes of every tensor as it is pulled, and as it is pushed."""
    if case.sent is None:
        whole = [tensor.bytes for tensor in case.model.tensors]
        return whole, whole
    units = Layout(case.model, 1, 1, slice_bytes).units
    pulls, pushes = ([0] * len(case.model.tensors) for _ in range(2))
    for unit, pull, push in zip(units, case.sent.pulls, case.sent.pushes, strict=True):
        pulls[unit.tensor] += pull
        pushes[unit.tensor] += push
    return pulls, pushes
