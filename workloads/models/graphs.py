"""The computation graph of every model: which layers a layer's input comes from.

A layer is a convolution or a fully connected layer, with its bias or batch normalisation.
Operations without parameters (pooling, activations, concatenation, addition) are no layers: a layer
needs all layers whose outputs reach it through such operations alone.

A model is a sequence of single layers and of blocks. A block is written as the paths that lead
through it, each a list of the block's layers; all paths start at what came before the block, and
their ends are joined into what comes after. The layers of a block share a part of their names. That
graphs and tensor shapes agree (channels of concatenations and additions) is a test.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias

from workloads.errors import unknown_name
from workloads.models.profiles import Layer, Model, load_model, model_names

Graph: TypeAlias = tuple[tuple[int, ...], ...]
"""Per layer, in forward order, the ascending numbers of the layers that it needs. Each is smaller
than the layer's own: forward order is a topological order."""

Join: TypeAlias = Literal["concat", "add"]


@dataclass(frozen=True)
class Inputs:
    """What a layer computes on.

    Attributes:
        layers: numbers of the layers whose outputs it needs, ascending; none is the image.
        join: how several outputs become one: their channels side by side, or their sum.
    """

    layers: tuple[int, ...]
    join: Join = "concat"


@dataclass(frozen=True)
class _Block:
    """A kind of block.

    Attributes:
        join: how the ends of its paths become one.
        paths: each path's layers; "a|b" are two that both need the one before, at a path's end.
            The empty path is what came before the block, as it is or pooled; an addition has it
            only where the numbers of channels agree.
    """

    join: Join
    paths: tuple[str, ...]

    @property
    def parts(self) -> frozenset[str]:
        """Its layers, by which a block's kind is known."""
        return frozenset(part for path in self.paths for part in re.split(r"[ |]", path) if part)


@dataclass(frozen=True)
class _Architecture:
    """How a model's layers form blocks.

    Attributes:
        names: matches the names of layers in blocks, with the groups `block` and `part`.
        blocks: the kinds of blocks.
    """

    names: str = r"(?P<block>\w+)\.(?P<part>\w+)"
    blocks: tuple[_Block, ...] = ()


_CHAIN = _Architecture()

# Szegedy et al., "Going deeper with convolutions", 2015, figure 2b; pp follows a pooling.
_GOOGLENET = _Architecture(blocks=(_Block("concat", ("1x1", "3r 3", "5r 5", "pp")),))

# Szegedy et al., "Rethinking the Inception architecture", 2016, figures 5, 6, 7 and 10, in the
# variant that the shapes tell (a 5x5 in the first kind); p follows a pooling, and the empty path of
# the two reductions is one.
_INCEPTION3 = _Architecture(
    blocks=(
        _Block("concat", ("1", "5r 5", "3r 3a 3b", "p")),
        _Block("concat", ("3", "r a b", "")),
        _Block("concat", ("1", "7r 7a 7b", "dr d1 d2 d3 d4", "p")),
        _Block("concat", ("r 3", "7r 7a 7b 7c", "")),
        _Block("concat", ("1", "3r 3a|3b", "dr d1 d2|d3", "p")),
    )
)

# He et al., "Deep residual learning", 2016, figure 5: the shortcut is a projection in a stage's
# first block and the identity in the others.
_RESNET = _Architecture(blocks=(_Block("add", ("ds", "a b c")), _Block("add", ("", "a b c"))))

# Sandler et al., "MobileNetV2", 2018, section 3.3: a bottleneck has a shortcut where input and
# output agree (where it strides, they do not). The first one does not expand.
_MOBILENET_V2 = _Architecture(
    r"(?P<part>[edp])(?P<block>\d+)", (_Block("concat", ("d p",)), _Block("add", ("", "e d p")))
)

# Iandola et al., "SqueezeNet", 2016, figure 1, without bypasses.
_SQUEEZENET = _Architecture(blocks=(_Block("concat", ("s e1|e3",)),))

_ARCHITECTURES = {
    "alexnet": _CHAIN,
    "googlenet": _GOOGLENET,
    "inception3": _INCEPTION3,
    "resnet50": _RESNET,
    "mobilenet": _MOBILENET_V2,
    "mobilenet_v1": _CHAIN,
    "vgg19": _CHAIN,
    "resnet152": _RESNET,
    "squeezenet": _SQUEEZENET,
    "digits-cnn": _CHAIN,
}


@cache
def load_inputs(name: str) -> tuple[Inputs, ...]:
    """Return what each layer of a model computes on, in forward order.

    Raises:
        ValueError: there is no such model, or its graph is not known.
    """
    model = load_model(name)
    if name not in _ARCHITECTURES:
        raise ValueError(unknown_name("graph of model", name, _ARCHITECTURES))
    architecture = _ARCHITECTURES[name]
    inputs: dict[int, Inputs] = {}
    last = Inputs(())
    for members in _blocks(model, architecture.names):
        if members.keys() == {""}:
            inputs[members[""]] = last
            last = Inputs((members[""],))
        else:
            last = _walk(model, _kind(model, architecture, members), members, last, inputs)
    return tuple(inputs[layer] for layer in range(len(model.layers)))


@cache
def load_graph(name: str) -> Graph:
    """Return the layers that each layer of a model needs, in forward order.

    Raises:
        ValueError: there is no such model, or its graph is not known.
    """
    return tuple(inputs.layers for inputs in load_inputs(name))


def _blocks(model: Model, names: str) -> Iterator[dict[str, int]]:
    """Yield each block's layer numbers by their parts; a layer by itself has the part ""."""
    block, members = "", dict[str, int]()
    for number, layer in enumerate(model.layers):
        parts = re.fullmatch(names, layer.name)
        name, part = (parts["block"], parts["part"]) if parts else ("", "")
        if members and (name != block or not parts):
            yield members
            members = {}
        block = name
        members[part] = number
    yield members


def _kind(model: Model, architecture: _Architecture, members: dict[str, int]) -> _Block:
    for kind in architecture.blocks:
        if kind.parts == members.keys():
            return kind
    raise ValueError(f"{model.name}: no kind of block has the layers {', '.join(members)}")


def _walk(
    model: Model, kind: _Block, members: dict[str, int], before: Inputs, inputs: dict[int, Inputs]
) -> Inputs:
    """Enter the inputs of a block's layers; return what comes after the block."""
    ends: set[int] = set()
    for path in kind.paths:
        last = before
        for step in path.split():
            layers = tuple(members[part] for part in step.split("|"))
            inputs |= dict.fromkeys(layers, last)
            last = Inputs(layers)
        ends |= set(last.layers)
    if kind.join == "add" and len({_channels(model.layers[end]) for end in ends}) > 1:
        ends -= set(before.layers)
    return Inputs(tuple(sorted(ends)), kind.join if len(ends) > 1 else "concat")


def _channels(layer: Layer) -> int:
    return layer.tensors[0].shape[0]


def graph_of(model: Model) -> Graph:
    """The graph of a model of models.json; of any other, a chain."""
    if model.name in model_names():
        return load_graph(model.name)
    return tuple((layer - 1,) if layer else () for layer in range(len(model.layers)))
