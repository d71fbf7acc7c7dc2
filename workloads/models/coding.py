"""How long a worker's device codes: by the codec, and by the bytes that are coded.

Encoding or decoding takes a codec's seconds per million uncoded bytes. A device model may have its
own; coding.json has what one core took for each codec of the library, and how that was measured.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cache, cached_property
from importlib import resources
from typing import Any

from workloads.library import IDENTITY
from workloads.models.devices import DeviceModel
from workloads.models.profiles import Layer

SecondsOf = Callable[[Layer], float]


@dataclass(frozen=True)
class CodingSeconds:
    """How long a device codes a layer, in the real system's seconds.

    Attributes:
        encode: its gradients.
        decode: its parameters.
    """

    encode: SecondsOf
    decode: SecondsOf


def _nothing(_layer: Layer) -> float:
    return 0.0


NO_CODING = CodingSeconds(_nothing, _nothing)


@cache
def measured() -> Mapping[str, Mapping[str, float]]:
    """By codec of the library, seconds per 1e6 uncoded bytes: `encode` and `decode`."""
    text = resources.files("workloads.models").joinpath("coding.json").read_text("utf-8")
    table: dict[str, Any] = json.loads(text)
    return {name: entry for name, entry in table.items() if name != "source"}


def coding_seconds(
    device: DeviceModel, *, push: str, pull: str, leaves_vectors: Callable[[str], bool]
) -> CodingSeconds:
    """How long a device codes what a schedule sends.

    Args:
        device: whose constants count.
        push: the codec of gradients, as a schedule names it.
        pull: that of parameters.
        leaves_vectors: whether a codec leaves tensors of one dimension as they are.
    """

    def of(codec: str, what: str) -> SecondsOf:
        kind = codec.removesuffix("+feedback").partition(":")[0]
        default = measured().get(kind, {}).get(what, 0.0)
        own = device.seconds_per_megabyte_coded
        rate = own.get(codec, own.get(kind, default))
        leaves = rate and leaves_vectors(codec)

        def seconds(layer: Layer) -> float:
            coded = (one for one in layer.tensors if len(one.shape) > 1 or not leaves)
            return rate * sum(4 * one.elements for one in coded) / 1e6

        return seconds if rate else _nothing

    return CodingSeconds(of(push, "encode"), of(pull, "decode"))


@dataclass(frozen=True)
class CodingDevice(DeviceModel):
    """A device that also codes what a schedule sends: its passes take that much longer.

    Attributes:
        push_codec: of gradients, as a schedule names it.
        pull_codec: of parameters.
        leaving: those of the two that leave tensors of one dimension as they are.
    """

    push_codec: str = IDENTITY
    pull_codec: str = IDENTITY
    leaving: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls, device: DeviceModel, *, push: str, pull: str, leaves_vectors: Callable[[str], bool]
    ) -> CodingDevice:
        """That device, coding with these codecs; see `coding_seconds`."""
        return cls(
            **{each.name: getattr(device, each.name) for each in fields(DeviceModel)},
            push_codec=push,
            pull_codec=pull,
            leaving=frozenset(codec for codec in {push, pull} if leaves_vectors(codec)),
        )

    @cached_property
    def _coding(self) -> CodingSeconds:
        push, pull = self.push_codec, self.pull_codec
        return coding_seconds(
            self, push=push, pull=pull, leaves_vectors=lambda codec: codec in self.leaving
        )

    def forward_seconds(self, layer: Layer, batch: int) -> float:
        """Seconds of decoding the parameters of `layer`, and of its forward pass."""
        return super().forward_seconds(layer, batch) + self._coding.decode(layer)

    def backward_seconds(self, layer: Layer, batch: int) -> float:
        """Seconds of the backward pass of `layer`, and of encoding its gradients."""
        return super().backward_seconds(layer, batch) + self._coding.encode(layer)
