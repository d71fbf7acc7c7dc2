"""A torch module with its profile: the same layers and tensors, as torch and as a model.

    torch_model("alexnet")              a network of the library
    torch_model("package.module:factory")   a user's: factory() -> (module, example)

gives a `TorchModel`:

    .module                 torch.nn.Module
    .model                  workloads.models.profiles.Model: layers in forward order, their MACs and
                            tensors; a tensor's place in `model.tensors` is its number on the wire
    .layers                 per layer of `model`, in the same order: a TorchLayer with
        .name               the layer's
        .module             the torch module; a forward pre-hook on it runs before the layer needs
                            its parameters (`register_forward_pre_hook`)
        .tensors            numbers on the wire of its tensors (range)
        .parameters         its torch parameters, in the same order
    .parameters_by_tensor   all torch parameters; the place in it is the tensor's number on the wire
    .input_shape            of one example, without the batch
    .input_dtype            of the examples (torch.float32: images; torch.int64: tokens)

A gradient is ready when `parameter.register_post_accumulate_grad_hook(hook)` calls its hook, which
has it in `parameter.grad`.

`example` of a user's factory is an input for a batch of one: a tensor whose first dimension is the
batch. Layers are found by calling the module (see `tracing`), multiply-accumulates by counting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from workloads.models import profiles
from workloads.models.profiles import Layer, Model, load_model
from workloads.torch_models.building import build
from workloads.torch_models.modules import module_of
from workloads.torch_models.recording import Step
from workloads.torch_models.tracing import trace

_TRACED_BATCH = 13  # a prime: what is once for all examples is no multiple of it
_REAL_BATCH = 2  # batch normalisation has no variance of one
_OF_IMAGES = 4  # dimensions: batch, channels, height, width


@dataclass(frozen=True)
class TorchLayer:
    """A layer of a model, as torch has it.

    Attributes:
        name: the layer's.
        module: the torch module that owns its tensors.
        tensors: their numbers on the wire.
        parameters: the same tensors in torch, in the same order.
    """

    name: str
    module: nn.Module
    tensors: range
    parameters: tuple[nn.Parameter, ...]


@dataclass(frozen=True)
class TorchModel:
    """A torch module and its profile.

    Attributes:
        module: that computes.
        model: its profile: layers in forward order, with their multiply-accumulates and tensors.
        layers: per layer of the profile, in the same order, where it is in the module.
        input_shape: of one example, without the batch.
        input_dtype: of the examples.
    """

    module: nn.Module
    model: Model
    layers: tuple[TorchLayer, ...]
    input_shape: tuple[int, ...]
    input_dtype: torch.dtype

    @property
    def parameters_by_tensor(self) -> tuple[nn.Parameter, ...]:
        """All torch parameters; the place of one is its tensor's number on the wire."""
        return tuple(parameter for layer in self.layers for parameter in layer.parameters)


def torch_model(name: str, device: str = "cpu") -> TorchModel:
    """Build a torch module and its profile.

    Args:
        name: of a model of the library, or "package.module:factory" of a user's.
        device: where the library's tensors are made; `meta` has shapes and no memory.

    Raises:
        ValueError: there is no such model, or the user's cannot be built or profiled.
    """
    if ":" in name:
        return _users(name)
    module = module_of(name, device)
    return _joined(module, load_model(name), module.input_shape, module.input_dtype)


@dataclass(frozen=True)
class Profiled:
    """What was found out about a module.

    Attributes:
        model: its profile.
        flops: of one example, as torch's FlopCounterMode counts them.
        notes: what should be known of single layers.
    """

    model: Model
    flops: int
    notes: tuple[str, ...]


def profiled(name: str, module: nn.Module, example: Tensor, *, variant: str = "") -> Profiled:
    """Find out what a user's module does.

    One that decides by values is called with the example, where it has values.

    Args:
        name: the model's.
        module: whose layers and tensors are found by calling it (without data).
        example: of its input, for a batch of one.
        variant: the model's.

    Raises:
        ValueError: it cannot be called without data, or has no parameters.
    """
    batch = torch.zeros(_TRACED_BATCH, *example.shape[1:], dtype=example.dtype, device="meta")
    notes: tuple[str, ...] = ()
    try:
        examples, traced = _TRACED_BATCH, trace(module, (batch,))
    except ValueError as error:
        if any(parameter.is_meta for parameter in module.parameters()):
            raise
        twice = example.expand(_REAL_BATCH, *example.shape[1:]).clone()
        try:
            examples, traced = _REAL_BATCH, trace(module, (twice,), with_data=True)
        except ValueError:
            raise error from None
        notes = (f"{error}: found out with the example's values, by which it decides",)
    variant = variant or f"torch module {type(module).__name__}"
    shapes = {each: tuple(one.shape) for each, one in module.named_parameters()}
    item: profiles.Item = "imgs" if example.is_floating_point() else "tokens"
    items = 1 if item == "imgs" else example[0].numel()
    model = Model(
        name,
        variant,
        layers_of(traced.steps, shapes, examples),
        unit=item if example.dim() == _OF_IMAGES or item == "tokens" else "samples",
        items_per_example=items,
        input_shape=tuple(example.shape[1:]),
    )
    return Profiled(model, _each(traced.flops, examples), (*notes, *traced.notes))


def layers_of(
    steps: Sequence[Step], shapes: Mapping[str, tuple[int, ...]], examples: int
) -> tuple[Layer, ...]:
    """A model's layers.

    Args:
        steps: as they were called.
        shapes: of all parameters, by name.
        examples: how many there were in the batch.
    """

    def tensors(names: Sequence[str]) -> tuple[profiles.Tensor, ...]:
        return tuple(profiles.Tensor(name, shapes[name]) for name in names)

    return tuple(
        Layer(
            step.name,
            _each(step.macs, examples),
            tensors(step.parameters),
            step.kind,
            sum(_each(one, examples) for one in step.inputs),
            _each(step.outputs, examples),
            step.needs,
            step.join,
            tensors(step.tied),
            tuple(
                profiles.Passage(kind, _each(read, examples), _each(written, examples))
                for kind, read, written in step.before
            ),
        )
        for step in steps
    )


def _each(count: int, examples: int) -> int:
    """What one example has of it; what is not a multiple is there once for all of them."""
    return count if count % examples else count // examples


def imported(name: str, shape: tuple[int, ...] | None = None, dtype: str | None = None) -> Profiled:
    """What is found out about a user's module, which needs no memory unless it decides by values.

    Args:
        name: "package.module:factory".
        shape: of an example of its input, a batch of one included; None: the factory has one.
        dtype: of its values.

    Raises:
        ValueError: it cannot be built or profiled.
    """
    try:
        return _profiled_as(name, *build(name, shape, dtype, "meta"))
    except ValueError:
        # It may decide by values, which it and its example have where they are made for real.
        return _profiled_as(name, *build(name, shape, dtype, "cpu"))


def _users(name: str) -> TorchModel:
    module, example = build(name, None, None, "cpu")
    model = _profiled_as(name, module, example).model
    return _joined(module, model, tuple(example.shape[1:]), example.dtype)


def _profiled_as(name: str, module: nn.Module, example: Tensor) -> Profiled:
    try:
        return profiled(name, module, example)
    except ValueError as error:
        raise ValueError(f"model {name!r}: {error}") from error


def _joined(
    module: nn.Module, model: Model, input_shape: tuple[int, ...], input_dtype: torch.dtype
) -> TorchModel:
    modules = dict(module.named_modules())
    parameters = dict(module.named_parameters())
    layers: list[TorchLayer] = []
    first = 0
    for layer in model.layers:
        numbers = range(first, first + len(layer.tensors))
        first = numbers.stop
        owner = modules.get(layer.name.partition("@")[0], module)
        layer_parameters = tuple(parameters[tensor.name] for tensor in layer.tensors)
        layers.append(TorchLayer(layer.name, owner, numbers, layer_parameters))
    return TorchModel(module, model, tuple(layers), input_shape, input_dtype)
