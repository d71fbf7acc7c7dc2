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

import importlib
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from workloads.models import profiles
from workloads.models.profiles import Layer, Model, chained, load_model
from workloads.torch_models.networks import module_of
from workloads.torch_models.tracing import Trace, trace

_TRACED_BATCH = 2  # batch normalisation has no variance of one


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
    return _joined(module, load_model(name), module.input_shape, torch.float32)


def profile_of(name: str, module: nn.Module, example: Tensor) -> Model:
    """The profile of a user's module.

    Args:
        name: the model's.
        module: whose layers and tensors are found by calling it (without data).
        example: of its input, for a batch of one.

    Raises:
        ValueError: it cannot be called without data, or has no parameters.
    """
    batch = torch.zeros(_TRACED_BATCH, *example.shape[1:], dtype=example.dtype, device="meta")
    return _profile(name, module, trace(module, (batch,)))


def _profile(name: str, module: nn.Module, traced: Trace) -> Model:
    parameters = dict(module.named_parameters())
    layers = tuple(
        Layer(
            step.name or "model",
            step.macs // _TRACED_BATCH,
            tuple(
                profiles.Tensor(parameter, tuple(parameters[parameter].shape))
                for parameter in step.parameters
            ),
            kind=step.kind,
        )
        for step in traced.steps
    )
    return Model(name, f"torch module {type(module).__name__}", chained(layers))


def _users(reference: str) -> TorchModel:
    place, _, attribute = reference.partition(":")
    try:
        factory = getattr(importlib.import_module(place), attribute)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"model {reference!r}: {error}") from error
    # Whatever the user's code raises is a problem of that code.
    try:
        built = factory()
    except Exception as error:
        raise ValueError(
            f"model {reference!r}: {attribute}() fails: {type(error).__name__}: {error}"
        ) from error
    match built:
        case (nn.Module() as module, Tensor() as example) if example.dim() and len(example) == 1:
            pass
        case _:
            raise ValueError(
                f"model {reference!r}: {attribute}() must return a torch module and an example of "
                f"its input, a tensor whose first dimension is a batch of one"
            )
    try:
        model = profile_of(reference, module, example)
    except ValueError as error:
        raise ValueError(f"model {reference!r}: {error}") from error
    return _joined(module, model, tuple(example.shape[1:]), example.dtype)


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
        owner = modules.get(layer.name, module)
        layer_parameters = tuple(parameters[tensor.name] for tensor in layer.tensors)
        layers.append(TorchLayer(layer.name, owner, numbers, layer_parameters))
    return TorchModel(module, model, tuple(layers), input_shape, input_dtype)
