"""Device models: how long a worker's device computes a layer.

compute(layer, batch b) = m * MB + b * (g * gmac + d * [layer is depthwise]), one third of it
forward and two thirds backward, with MB the layer's parameters in 1e6 bytes (of an embedding: the
rows that it reads), gmac its 1e9 multiply-accumulates per image, and m, g, d the device's
constants. One device model serves all networks: there is no constant per network. Sources of the
constants are in devices.json.

A device that was profiled has trees per kind of layer in place of the constants
(`workloads.models.execution`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Self

from workloads.models.execution import OTHER, Tree, Trees, Work, seconds_of
from workloads.models.layer_work import works_of
from workloads.models.profiles import BYTES_PER_ELEMENT, Layer

_SHARES = {"forward": 1 / 3, "backward": 2 / 3}
"""Of a layer's time by constants."""
_RARE = ("kinds", "batch")


@dataclass(frozen=True)
class DeviceModel:
    """Constants of one device, in the real system's seconds.

    Attributes:
        name: as topologies name it.
        seconds_per_megabyte_of_parameters: per 1e6 bytes of a layer's parameters, whatever the
            batch.
        seconds_per_gmac: per 1e9 multiply-accumulates and image, forward and backward together.
        seconds_per_depthwise_layer: per image, on top, for a layer with a [c, 1, k, k] weight.
        seconds_per_megabyte_coded: by codec, per 1e6 uncoded bytes that it encodes or decodes; of
            others it is what a core of a server took (`workloads.models.coding`).
        kinds: trees by kind of layer and pass; if there are any, the constants above count nothing
            but for coding.
        batch: images of its worker's iterations, whatever is asked for; None: what is asked for.
    """

    name: str
    seconds_per_megabyte_of_parameters: float = 0.0
    seconds_per_gmac: float = 0.0
    seconds_per_depthwise_layer: float = 0.0
    seconds_per_megabyte_coded: Mapping[str, float] = field(default_factory=dict, hash=False)
    kinds: Trees = field(default_factory=dict, hash=False)
    batch: int | None = None

    def at_batch(self, batch: int | None) -> Self:
        """The same for a worker with so many images; None: with as many as it is asked for."""
        return self if batch is None else replace(self, batch=batch)

    def _seconds(self, way: str, layer: Layer, batch: int) -> float:
        images = self.batch or batch
        if not self.kinds:
            return _SHARES[way] * self._by_constants(layer, images)
        works = works_of(layer, images)
        return sum(seconds_of(self._trees(work)[way], work) for work in works)

    def _by_constants(self, layer: Layer, batch: int) -> float:
        per_image = self.seconds_per_gmac * layer.macs / 1e9
        if layer.is_depthwise:
            per_image += self.seconds_per_depthwise_layer
        # A device model is for float32, and says nothing of wider elements.
        touched = layer.float32_bytes
        if layer.kind == "embedding":
            # It copies the rows that are asked for; the constant is of layers that multiply with
            # all of their parameters. Its gradient is as large as all of it, but to fill that with
            # zeros takes less than a tenth of what the constant says.
            touched = min(touched, batch * BYTES_PER_ELEMENT * layer.output_elements)
        megabytes = touched / 1e6
        return self.seconds_per_megabyte_of_parameters * megabytes + batch * per_image

    def forward_seconds(self, layer: Layer, batch: int) -> float:
        """Seconds of the forward pass of `layer` for `batch` images."""
        return self._seconds("forward", layer, batch)

    def backward_seconds(self, layer: Layer, batch: int) -> float:
        """Seconds of the backward pass of `layer` for `batch` images."""
        return self._seconds("backward", layer, batch)

    def _trees(self, work: Work) -> Mapping[str, Tree]:
        return self.kinds[work.kind if work.kind in self.kinds else OTHER]

    def missing(self, layers: Iterable[Layer]) -> tuple[str, ...]:
        """Kinds of these layers that it says nothing of; `other` stands for all."""
        if not self.kinds or OTHER in self.kinds:
            return ()
        kinds = dict.fromkeys(work.kind for layer in layers for work in works_of(layer, 1))
        return tuple(kind for kind in kinds if kind not in self.kinds)

    def to_json(self) -> dict[str, Any]:
        """It as plain data; `kinds` and `batch` only if it has any."""
        return {name: value for name, value in asdict(self).items() if value or name not in _RARE}


@cache
def _library() -> dict[str, Any]:
    text = resources.files("workloads.models").joinpath("devices.json").read_text("utf-8")
    library: dict[str, Any] = json.loads(text)
    return library


def device_sources() -> dict[str, str]:
    """Where the constants of the device models come from, by name."""
    return {name: entry["source"] for name, entry in _library().items()}


@cache
def known_devices() -> Mapping[str, DeviceModel]:
    """The device models of devices.json by name (read only)."""
    return MappingProxyType(
        {
            name: DeviceModel(
                name=name,
                seconds_per_megabyte_of_parameters=entry["seconds_per_megabyte_of_parameters"],
                seconds_per_gmac=entry["seconds_per_gmac"],
                seconds_per_depthwise_layer=entry["seconds_per_depthwise_layer"],
            )
            for name, entry in _library().items()
        }
    )
