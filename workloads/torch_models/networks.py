"""The library's networks as torch modules: a model's name -> a module with exactly its tensors.

Names and order of `named_parameters()` are those of the model's file ("conv1.w", "3a.1x1.b").
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from workloads.models.profiles import Layer, Model, load_model
from workloads.torch_models.architectures import ARCHITECTURES, Architecture

_MOMENTUM = 0.1


class NetworkLayer(nn.Module):
    """A layer of a model's file: a convolution or a fully connected layer, and what follows it.

    That is a bias or a batch normalisation (without gamma where the file has none), and an
    activation. Weights begin as normal values with the variance of He et al. (2015) for layers
    followed by a ReLU.

    Args:
        layer: its tensors.
        architecture: its stride, padding and activation.
        last: whether it is the network's last one.
    """

    def __init__(self, layer: Layer, architecture: Architecture, *, last: bool) -> None:
        super().__init__()
        self.bn: nn.Module | None = None
        for tensor in layer.tensors:
            path, _, name = tensor.name.removeprefix(f"{layer.name}.").rpartition(".")
            if path and self.bn is None:
                self.bn = _statistics(tensor.elements)
            owner = self.get_submodule(path)
            owner.register_parameter(name, nn.Parameter(torch.empty(tensor.shape)))
        linear = last or layer.name in architecture.linear
        self._gain = 1.0 if linear else math.sqrt(2)
        self._activation = None if linear else architecture.activation
        self._epsilon = architecture.epsilon
        self._stride = architecture.strides.get(layer.name, 1)
        padded = layer.name not in architecture.unpadded
        self._padding = [side // 2 if padded else 0 for side in self.w.shape[2:]]
        self._groups = len(self.w) if layer.is_depthwise else 1
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Give the parameters their first values."""
        for name, parameter in self.named_parameters():
            if parameter.is_meta:  # no values; torch would load its compiler for them
                continue
            with torch.no_grad():
                if name == "w":
                    fan_in = math.prod(parameter.shape[1:])
                    parameter.normal_(0.0, self._gain / math.sqrt(fan_in))
                else:
                    parameter.fill_(1.0 if name == "bn.gamma" else 0.0)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the layer: [batch, channels, height, width], or [batch, values], to the same."""
        bias = self.b if self.bn is None else None
        if self.w.dim() == 2:
            x = functional.linear(x, self.w, bias)
        else:
            x = functional.conv2d(x, self.w, bias, self._stride, self._padding, 1, self._groups)
        if self.bn is not None:
            x = functional.batch_norm(
                x,
                self.bn.mean,
                self.bn.variance,
                getattr(self.bn, "gamma", None),
                self.bn.beta,
                self.training,
                _MOMENTUM,
                self._epsilon,
            )
        return x if self._activation is None else self._activation(x)


def _statistics(channels: int) -> nn.Module:
    """What a batch normalisation keeps for evaluation."""
    module = nn.Module()
    module.register_buffer("mean", torch.zeros(channels))
    module.register_buffer("variance", torch.ones(channels))
    return module


class Network(nn.Module):
    """A network of the library.

    Args:
        name: of the model.
        model: the same layers of other widths, if not those of the library.

    Attributes:
        input_shape: of one image: channels, height, width.
        input_dtype: of its values.
    """

    input_dtype: ClassVar[torch.dtype] = torch.float32

    def __init__(self, name: str, model: Model | None = None) -> None:
        super().__init__()
        architecture = ARCHITECTURES[name]
        model = model or load_model(name)
        self.input_shape = model.input_shape
        self._flow = architecture.flow
        layers = model.layers
        for layer in layers:
            *blocks, leaf = layer.name.split(".")
            parent: nn.Module = self
            for block in blocks:
                if block not in dict(parent.named_children()):
                    parent.add_module(block, nn.Module())
                parent = parent.get_submodule(block)
            parent.add_module(leaf, NetworkLayer(layer, architecture, last=layer is layers[-1]))

    def forward(self, images: Tensor) -> Tensor:
        """Compute scores: [batch, channels, height, width] to [batch, classes]."""
        return self._flow(lambda name, x: self.get_submodule(name)(x), images)
