"""What is trained: a model's layers in forward order, each layer's tensors, and their graph.

A layer is what owns tensors or multiplies: a convolution with its normalisation, an embedding,
attention's two products. Operations without either (pooling, activations, concatenation, addition)
are no layers of the library's; a layer needs all layers whose outputs reach it through them.

The library's models are files in library/, computed from the layers' shapes. The first five are the
variants that fit the published experiment (their `variant` says how they differ from others of the
same name).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from functools import cache, cached_property
from importlib import resources
from typing import Any, Literal, TypeAlias, get_args

from workloads.errors import unknown_name

BYTES_PER_ELEMENT = 4  # float32

Kind: TypeAlias = Literal[
    "convolution",
    "depthwise",
    "convolution-3d",
    "depthwise-3d",
    "dense",
    "attention",
    "embedding",
    "normalisation",
    "pooling",
    "other",
]
KINDS: tuple[Kind, ...] = get_args(Kind)

Join: TypeAlias = Literal["concat", "add"]
JOINS: tuple[Join, ...] = get_args(Join)

Item: TypeAlias = Literal["imgs", "samples", "tokens"]
ITEMS: tuple[Item, ...] = get_args(Item)

Graph: TypeAlias = tuple[tuple[int, ...], ...]
"""Per layer, in forward order, the ascending numbers of the layers that it needs. Each is smaller
than the layer's own: forward order is a topological order."""


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

    @cached_property
    def elements(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @cached_property
    def bytes(self) -> int:
        """Bytes of its elements, unscaled."""
        return self.element_bytes * self.elements


@dataclass(frozen=True)
class Passage:
    """What happens to values on their way to a layer: pooling, or several that become one.

    It is no layer: it has no parameters and nothing waits for it. It takes time all the same.

    Attributes:
        kind: `pooling`, or `other`.
        input_elements: values that it reads of one example.
        output_elements: values that it writes.
    """

    kind: Kind
    input_elements: int
    output_elements: int


@dataclass(frozen=True)
class Layer:
    """A layer: the unit of computation, and of waiting for parameters.

    Attributes:
        name: unique in its model.
        macs: multiply-accumulates of one example's forward pass.
        tensors: its parameters; may be none. Those that several layers use belong to the first.
        kind: what it computes.
        input_elements: values that it reads of one example, without parameters; 0: not known.
        output_elements: values that it writes for one example; 0: not known.
        needs: numbers of the layers whose outputs it needs, ascending, all below its own; none: it
            takes the example.
        join: how several outputs become one: their channels side by side, or their sum.
        tied: tensors of layers before it that it computes with as well. They are sent once: they
            have come when the first of their layers needs them, and their gradient is complete when
            the backward pass is through that layer, which is the last of theirs then.
        before: what happens on the way to it, as far as it is known.
    """

    name: str
    macs: int
    tensors: tuple[Tensor, ...]
    kind: Kind = "other"
    input_elements: int = 0
    output_elements: int = 0
    needs: tuple[int, ...] = ()
    join: Join = "concat"
    tied: tuple[Tensor, ...] = ()
    before: tuple[Passage, ...] = field(default=(), compare=False)

    @cached_property
    def bytes(self) -> int:
        """Bytes of its parameters, unscaled."""
        return sum(tensor.bytes for tensor in self.tensors)

    @property
    def float32_bytes(self) -> int:
        """Bytes of all that it computes with, tied tensors included, if elements are float32."""
        used = (*self.tensors, *self.tied)
        return BYTES_PER_ELEMENT * sum(tensor.elements for tensor in used)

    @property
    def is_depthwise(self) -> bool:
        """Whether it convolves each channel by itself."""
        return self.kind in ("depthwise", "depthwise-3d")


@dataclass(frozen=True)
class Model:
    """A model: its layers in forward order.

    Attributes:
        name: as experiments name it.
        variant: which of the networks of that name it is.
        layers: in forward order.
        unit: what throughput counts.
        items_per_example: how many of these an example has: 1, or the tokens of a sequence.
        input_shape: of one example, without the batch; empty: not known.
    """

    name: str
    variant: str
    layers: tuple[Layer, ...]
    unit: Item = "imgs"
    items_per_example: int = 1
    input_shape: tuple[int, ...] = ()

    @cached_property
    def tensors(self) -> tuple[Tensor, ...]:
        """All tensors, in forward order; their positions number them on the wire."""
        return tuple(tensor for layer in self.layers for tensor in layer.tensors)

    @cached_property
    def graph(self) -> Graph:
        """Per layer, in forward order, the numbers of the layers that it needs."""
        return tuple(layer.needs for layer in self.layers)

    @cached_property
    def bytes(self) -> int:
        """Bytes of all parameters, unscaled."""
        return sum(layer.bytes for layer in self.layers)

    @property
    def rate_unit(self) -> str:
        """Of its throughput, which counts `items_per_example` for each example."""
        return f"{self.unit}/sec"

    def rate(self, examples_per_second: float) -> float:
        """Examples per second (images, as JSON and rows count) in its own unit, `rate_unit`."""
        return examples_per_second * self.items_per_example

    def of_elements(self, element_bytes: int) -> Model:
        """The same with elements of that many bytes."""

        def wide(tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
            return tuple(replace(tensor, element_bytes=element_bytes) for tensor in tensors)

        layers = (
            replace(layer, tensors=wide(layer.tensors), tied=wide(layer.tied))
            for layer in self.layers
        )
        return replace(self, layers=tuple(layers))

    def in_order(self, order: Sequence[int]) -> Model:
        """The same with its layers computed in another order.

        Tensors that several layers use go to the first of these in the new order.

        Args:
            order: the layers' numbers, each once, each after all that it needs.

        Raises:
            ValueError: it is no such order.
        """
        if sorted(order) != list(range(len(self.layers))):
            raise ValueError(f"{self.name}: an order names each of its layers once")
        place = {number: position for position, number in enumerate(order)}
        layers: list[Layer] = []
        seen = set[Tensor]()
        for position, number in enumerate(order):
            layer = self.layers[number]
            needs = tuple(sorted(place[before] for before in layer.needs))
            if needs and needs[-1] >= position:
                raise ValueError(f"{self.name}: {layer.name} comes before what it needs")
            used = (*layer.tensors, *layer.tied)
            layers.append(
                replace(
                    layer,
                    needs=needs,
                    tensors=tuple(one for one in used if one not in seen),
                    tied=tuple(one for one in used if one in seen),
                )
            )
            seen.update(used)
        return replace(self, layers=tuple(layers))

    def to_json(self) -> dict[str, Any]:
        """Its architecture, ready for JSON, as a model file has it."""
        names = [layer.name for layer in self.layers]
        return {
            "name": self.name,
            "variant": self.variant,
            "unit": self.unit,
            "items_per_example": self.items_per_example,
            "input_shape": list(self.input_shape),
            "layers": [
                {
                    "name": layer.name,
                    "kind": layer.kind,
                    "macs": layer.macs,
                    "input_elements": layer.input_elements,
                    "output_elements": layer.output_elements,
                    "needs": [names[before] for before in layer.needs],
                    **({"join": layer.join} if layer.join != "concat" else {}),
                    "tensors": [
                        {"name": one.name, "shape": list(one.shape)} for one in layer.tensors
                    ],
                    **({"tied": [one.name for one in layer.tied]} if layer.tied else {}),
                    **(
                        {"before": [[*astuple(one)] for one in layer.before]}
                        if layer.before
                        else {}
                    ),
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
        numbers: dict[str, int] = {}
        tensors: dict[str, Tensor] = {}
        layers: list[Layer] = []
        for number, layer in enumerate(given["layers"]):
            own = tuple(
                Tensor(str(one["name"]), tuple(map(int, one["shape"]))) for one in layer["tensors"]
            )
            tied = tuple(tensors[name] for name in layer.get("tied", ()))
            tensors |= {one.name: one for one in own}
            layers.append(
                Layer(
                    name=str(layer["name"]),
                    macs=int(layer["macs"]),
                    tensors=own,
                    kind=_one_of("kind", layer["kind"], KINDS),
                    input_elements=int(layer["input_elements"]),
                    output_elements=int(layer["output_elements"]),
                    needs=tuple(sorted(numbers[before] for before in layer["needs"])),
                    join=_one_of("join", layer.get("join", "concat"), JOINS),
                    tied=tied,
                    before=tuple(
                        Passage(_one_of("kind", kind, KINDS), int(into), int(out))
                        for kind, into, out in layer.get("before", ())
                    ),
                )
            )
            numbers[layers[-1].name] = number
        return cls(
            str(given["name"]),
            str(given["variant"]),
            tuple(layers),
            _one_of("unit", given["unit"], ITEMS),
            int(given["items_per_example"]),
            tuple(map(int, given["input_shape"])),
        )


def _one_of(what: str, value: Any, known: tuple[Any, ...]) -> Any:
    if value not in known:
        raise ValueError(unknown_name(what, str(value), known))
    return value


def chained(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """The same layers, each of which needs the one before it."""
    return tuple(
        replace(layer, needs=(number - 1,) if number else ()) for number, layer in enumerate(layers)
    )


_NAMES = (
    "alexnet",
    "googlenet",
    "inception3",
    "resnet50",
    "mobilenet",
    "mobilenet_v1",
    "vgg19",
    "resnet152",
    "squeezenet",
    "digits-cnn",
    "gpt2",
    "bert-base",
    "vit-b16",
    "llama-like",
    "mobivsr-like",
    "ffl",
    "ffl-features",
)

_own: dict[str, Model] = {}


def add_model(model: Model) -> None:
    """Let `load_model` know a user's model, in this process; its name is none of the library's."""
    _own[model.name] = model


def model_names() -> tuple[str, ...]:
    """Names of the library's models, those of the published experiment first."""
    return _NAMES


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
    if name not in _NAMES:
        raise ValueError(unknown_name("model", name, _NAMES))
    file = resources.files("workloads.models").joinpath("library", f"{name}.json")
    return Model.from_json(json.loads(file.read_text("utf-8")))
