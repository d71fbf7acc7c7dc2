"""Which widths of a model can be chosen, and the model with other ones (pure).

A width is how many channels a layer puts out. Layers whose outputs are added have the same, and a
depthwise layer has that of what it takes. A width is free if all who take it can take fewer: not
that of the last layer, nor one that goes through an operation whose shape the model does not say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod

from workloads.models.profiles import Layer, Model, Passage, Tensor

_KEEPING = ("normalisation", "pooling")
"""Kinds of layers that put out as many channels as they take."""


@dataclass(frozen=True)
class Width:
    """A width that can be chosen.

    Attributes:
        layers: numbers of the layers that have it.
        channels: how many it has as the model is.
    """

    layers: tuple[int, ...]
    channels: int


def _weight(layer: Layer) -> Tensor | None:
    return next((one for one in layer.tensors if len(one.shape) > 1), None)


class Shapes:
    """The widths of a model, and what becomes of its layers with others.

    Args:
        model: as it is.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self._out = self._channels()
        self._root = list(range(len(model.layers)))
        self._fixed: set[int] = set()
        for number in range(len(model.layers)):
            self._join(number)
        taken = {before for layer in model.layers for before in layer.needs}
        self._fixed.update(set(self._root).difference(taken))
        self._fixed.update(number for number in range(len(model.layers)) if number not in taken)

    def _channels(self) -> list[int]:
        """Channels that each layer puts out; 0: not known."""
        found: list[int] = []
        for layer in self.model.layers:
            weight = _weight(layer)
            if layer.kind == "embedding" and weight is not None:
                found.append(weight.shape[-1])
            elif weight is not None:
                found.append(weight.shape[0])
            elif layer.kind in _KEEPING and layer.needs:
                inputs = [found[before] for before in layer.needs]
                found.append(inputs[0] if layer.join == "add" else sum(inputs))
            else:
                found.append(0)
        return found

    def _join(self, number: int) -> None:
        """Tie a layer's width to those that it takes, as far as it must be."""
        layer = self.model.layers[number]
        inputs = layer.needs
        if layer.join == "add":
            for before in inputs[1:]:
                self._tie(inputs[0], before)
        weight = _weight(layer)
        keeps = layer.kind in _KEEPING or layer.is_depthwise
        if keeps and inputs and (layer.join == "add" or len(inputs) == 1):
            self._tie(inputs[0], number)
        elif keeps or weight is None or layer.tied or layer.kind == "embedding":
            self._fixed.update((*inputs, number))
        if inputs and not keeps and not self._takes(number):
            self._fixed.update(inputs)

    def _takes(self, number: int) -> int:
        """How many values of a weight's row each channel that comes in has; 0: not known."""
        layer = self.model.layers[number]
        weight = _weight(layer)
        channels = [self._out[before] for before in layer.needs]
        if weight is None or not channels or 0 in channels:
            return 0
        added = layer.join == "add" and len(channels) > 1
        if added and len(set(channels)) > 1:
            return 0
        coming = channels[0] if added else sum(channels)
        return 0 if weight.shape[1] % coming else weight.shape[1] // coming

    def _tie(self, one: int, other: int) -> None:
        low, high = sorted((self._find(one), self._find(other)))
        self._root[high] = low

    def _find(self, number: int) -> int:
        while self._root[number] != number:
            number = self._root[number]
        return number

    @cached_property
    def widths(self) -> tuple[Width, ...]:
        """Those that can be chosen, in forward order."""
        groups: dict[int, list[int]] = {}
        for number in range(len(self.model.layers)):
            groups.setdefault(self._find(number), []).append(number)
        return tuple(
            Width(tuple(layers), self._out[layers[0]])
            for layers in groups.values()
            if not self._fixed.intersection(layers)
            and len({self._out[number] for number in layers}) == 1
        )

    def touched(self, width: Width) -> tuple[int, ...]:
        """Numbers of the layers that change with a width."""
        layers = self.model.layers
        takers = (n for n, layer in enumerate(layers) if set(layer.needs) & set(width.layers))
        return tuple(sorted({*width.layers, *takers}))

    def channels(self, chosen: Mapping[Width, int]) -> list[int]:
        """Channels that each layer puts out, with these in place of some."""
        out = list(self._out)
        for width, channels in chosen.items():
            for number in width.layers:
                out[number] = channels
        return out

    def layer(self, number: int, out: Sequence[int]) -> Layer:
        """A layer with these channels of all layers."""
        layer = self.model.layers[number]
        had, has = self._coming(layer, self._out), self._coming(layer, out)
        before, after = self._out[number], out[number]
        if (had, before) == (has, after):
            return layer
        keeps = layer.kind in _KEEPING or layer.is_depthwise
        weight = _weight(layer)

        def sized(tensor: Tensor) -> Tensor:
            first, *rest = tensor.shape
            if first == before:
                first = after
            if rest and not keeps:
                rest[0] = rest[0] * has // had
            return replace(tensor, shape=(first, *rest))

        tensors = tuple(map(sized, layer.tensors))
        new = _weight(replace(layer, tensors=tensors))
        macs = layer.macs
        if weight is not None and new is not None:
            macs = macs * prod(new.shape) // prod(weight.shape)
        return replace(
            layer,
            macs=macs,
            tensors=tensors,
            input_elements=layer.input_elements * has // max(had, 1),
            output_elements=layer.output_elements * after // max(before, 1),
            before=tuple(
                Passage(one.kind, one.input_elements * has // had, one.output_elements * has // had)
                for one in layer.before
            ),
        )

    def _coming(self, layer: Layer, out: Sequence[int]) -> int:
        channels = [out[before] for before in layer.needs]
        if not channels:
            return 1
        return channels[0] if layer.join == "add" else sum(channels)

    def with_widths(self, chosen: Mapping[Width, int]) -> Model:
        """The model with these channels in place of some."""
        out = self.channels(chosen)
        layers = tuple(self.layer(number, out) for number in range(len(out)))
        return replace(self.model, layers=layers)
