"""The models that can be trained: layers in forward order, and each layer's tensors.

The figures are in models.json, computed from the layer shapes. The first five models are the
variants that fit the published experiment (their `variant` says how they differ from others of the
same name).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from importlib import resources
from typing import Any

from workloads.errors import unknown_name

BYTES_PER_ELEMENT = 4  # float32


@dataclass(frozen=True)
class Tensor:
    """A parameter tensor.

    Attributes:
        name: unique in its model, such as `conv1.w`.
        shape: as the framework has it; a convolution's weight is [out, in / groups, k, k].
        element_bytes: 4: float32, 8: float64.
    """

    name: str
    shape: tuple[int, ...]
    element_bytes: int = BYTES_PER_ELEMENT

    @property
    def elements(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """Bytes of its elements, unscaled."""
        return self.element_bytes * self.elements


@dataclass(frozen=True)
class Layer:
    """A layer: the unit of computation, and of waiting for parameters.

    Attributes:
        name: unique in its model.
        macs: multiply-accumulates of one image's forward pass.
        tensors: its parameters.
        of_image: whether it is the first, which takes the image.
    """

    name: str
    macs: int
    tensors: tuple[Tensor, ...]
    of_image: bool = field(default=False, compare=False)

    @property
    def bytes(self) -> int:
        """Bytes of its parameters, unscaled."""
        return sum(tensor.bytes for tensor in self.tensors)

    @property
    def float32_bytes(self) -> int:
        """The same if its elements are float32."""
        return BYTES_PER_ELEMENT * sum(tensor.elements for tensor in self.tensors)

    @property
    def is_depthwise(self) -> bool:
        """Whether it convolves each channel by itself: a weight of shape [c, 1, k, k].

        The first layer has such a weight where images are grey.
        """
        return not self.of_image and any(
            len(tensor.shape) == 4 and tensor.shape[1] == 1 and tensor.shape[2] == tensor.shape[3]
            for tensor in self.tensors
        )


@dataclass(frozen=True)
class Model:
    """A model: its layers in forward order.

    Attributes:
        name: as experiments name it.
        variant: which of the networks of that name it is.
        layers: in forward order.
    """

    name: str
    variant: str
    layers: tuple[Layer, ...]

    @cached_property
    def tensors(self) -> tuple[Tensor, ...]:
        """All tensors, in forward order; their positions number them on the wire."""
        return tuple(tensor for layer in self.layers for tensor in layer.tensors)

    @property
    def bytes(self) -> int:
        """Bytes of all parameters, unscaled."""
        return sum(layer.bytes for layer in self.layers)

    def of_elements(self, element_bytes: int) -> Model:
        """The same with elements of that many bytes."""

        def wide(layer: Layer) -> Layer:
            own = (replace(tensor, element_bytes=element_bytes) for tensor in layer.tensors)
            return replace(layer, tensors=tuple(own))

        return replace(self, layers=tuple(map(wide, self.layers)))

    def to_json(self) -> dict[str, Any]:
        """Its architecture, ready for JSON."""
        return {
            "name": self.name,
            "variant": self.variant,
            "layers": [
                {
                    "name": layer.name,
                    "macs": layer.macs,
                    "tensors": [
                        {"name": one.name, "shape": list(one.shape)} for one in layer.tensors
                    ],
                }
                for layer in self.layers
            ],
        }

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Model:
        """The model that `to_json` wrote.

        Raises:
            KeyError, TypeError, ValueError: it is none.
        """
        layers = tuple(
            Layer(
                name=str(layer["name"]),
                macs=int(layer["macs"]),
                tensors=tuple(
                    Tensor(str(one["name"]), tuple(map(int, one["shape"])))
                    for one in layer["tensors"]
                ),
                of_image=not number,
            )
            for number, layer in enumerate(given["layers"])
        )
        return cls(str(given["name"]), str(given["variant"]), layers)


_own: dict[str, Model] = {}


def add_model(model: Model) -> None:
    """Let `load_model` know a user's model, in this process; its name has a colon."""
    _own[model.name] = model


@cache
def _library() -> dict[str, Any]:
    text = resources.files("workloads.models").joinpath("models.json").read_text("utf-8")
    library: dict[str, Any] = json.loads(text)
    return library


def model_names() -> tuple[str, ...]:
    """Names of all models, in the order of models.json."""
    return tuple(_library())


def input_pixels(name: str) -> int:
    """Width and height of the images of a model of models.json."""
    pixels: int = _library()[name]["input_pixels"]
    return pixels


def load_model(name: str, element_bytes: int = BYTES_PER_ELEMENT) -> Model:
    """Return the model of that name: of the library, or one that was added.

    Args:
        name: of the model.
        element_bytes: 4: float32, 8: float64.

    Raises:
        ValueError: there is none; the message has the nearest name.
    """
    found = _own.get(name) or _of_library(name)
    return found if element_bytes == BYTES_PER_ELEMENT else found.of_elements(element_bytes)


@cache
def _of_library(name: str) -> Model:
    if name not in _library():
        raise ValueError(unknown_name("model", name, model_names()))
    return Model.from_json({**_library()[name], "name": name})
