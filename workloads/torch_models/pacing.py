"""`paced(module)`: a torch module whose layers take a device's time, by waiting.

One line in a torch script:

    from workloads.torch_models import paced
    model = DistributedDataParallel(paced(model))

The module keeps its parameters, their names and their order, and autograd has their gradients in
the order in which the real module has them: DistributedDataParallel, its buckets and communication
hooks run over it for real. What it computes is not real: outputs are zeros and gradients are random
values, while forward and backward pass wait as long as the device would compute (multiplied by D).

The scale comes from the environment, as a testbed sets it: DMLBED_SCALE_R and DMLBED_SCALE_D (1 if
unset). With D = R the tensors are the module's own. Otherwise each is flat and has ceil(n D/R)
elements, so that compression by low rank has no matrices left.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.utils._pytree import tree_leaves, tree_map_only

from workloads.errors import unknown_name
from workloads.models.devices import DeviceModel, known_devices
from workloads.torch_models.profile import layers_of
from workloads.torch_models.tracing import Trace, meta_twin, trace
from workloads.training.clock import Clock, SystemClock
from workloads.training.emulated import TILE_ELEMENTS, Pacer

PUBLISHED_DEVICE = "published-worker-6-cores-2GHz"

_Module = TypeVar("_Module", bound=nn.Module)


def paced(
    module: _Module,
    device: str = PUBLISHED_DEVICE,
    *,
    clock: Clock | None = None,
    environment: Mapping[str, str] = os.environ,
) -> _Module:
    """Make a module take a device's time instead of computing.

    Args:
        module: is changed: its `forward` is replaced, and with D != R its tensors.
        device: a device model of `dmlbed list devices`.
        clock: that is waited by.
        environment: has the scale, and the RANK that makes gradients differ between processes.

    Returns:
        The module.

    Raises:
        ValueError: no such device, or a scale that is none. At the first call: the module cannot be
            called without data, which is how its layers are found.
    """
    if device not in known_devices():
        raise ValueError(unknown_name("device", device, known_devices()))
    rates, time = (_scale(environment, letter) for letter in "RD")
    pace = _Pace(
        meta_twin(module),
        known_devices()[device],
        float(time),
        clock or SystemClock(),
        int(environment.get("RANK", "0")),
    )
    if time != rates:
        _shrink(module, time / rates)
    # An attribute of the instance comes before the method of its class.
    module.forward = partial(pace.forward, module)
    return module


def _scale(environment: Mapping[str, str], letter: str) -> Fraction:
    name = f"DMLBED_SCALE_{letter}"
    text = environment.get(name, "1")
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError):
        value = Fraction(0)
    if value <= 0:
        raise ValueError(f"{name} must be a positive number, not {text!r}")
    return value


def _shrink(module: nn.Module, factor: Fraction) -> None:
    """Give each tensor ceil(n factor) elements; what two modules share stays shared."""
    made: dict[Tensor, Tensor] = {}

    def smaller(tensor: Tensor) -> Tensor:
        if tensor not in made:
            new = tensor.new_zeros(math.ceil(tensor.numel() * factor))
            if isinstance(tensor, nn.Parameter):
                new = nn.Parameter(new, requires_grad=tensor.requires_grad)
            made[tensor] = new
        return made[tensor]

    with torch.no_grad():
        for owner in module.modules():
            for tensors in (owner._parameters, owner._buffers):
                for name, tensor in tensors.items():
                    if tensor is not None and tensor.dim():
                        tensors[name] = smaller(tensor)


class _Pace:
    """When a module's layers end, and what it gives.

    Args:
        twin: of the module, on the meta device.
        device: how long a layer takes.
        stretch: D, by which times are multiplied.
        clock: that is waited by.
        rank: of this process.
    """

    def __init__(
        self, twin: nn.Module, device: DeviceModel, stretch: float, clock: Clock, rank: int
    ) -> None:
        self._twin = twin
        self._device = device
        self._stretch = stretch
        self._clock = clock
        self._pacer = Pacer(clock)
        self._plans: dict[Any, _Plan] = {}
        generator = torch.Generator().manual_seed(rank)
        self._tile = torch.randn(TILE_ELEMENTS, generator=generator)

    def forward(self, module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        """Wait for as long as the forward pass takes; return zeros that lead back to gradients."""
        plan = self._plan(module, args, kwargs)
        self.wait(plan.forward)
        parameters = dict(module.named_parameters())
        token = torch.zeros(())
        if torch.is_grad_enabled():
            # Autograd goes back from what was made last: the first gradient's node.
            for name, duration in reversed(plan.gradients):
                token = _Gradient.apply(token, parameters[name], self, duration)
        return tree_map_only(Tensor, partial(_output, token, self), plan.output)

    def wait(self, duration: int) -> None:
        """Wait until what starts now or after the last has taken its time (ns)."""
        self._pacer.plan(self._clock.now(), duration)
        self._pacer.wait()

    def gradient(self, like: Tensor, duration: int) -> Tensor:
        """A parameter's gradient, `duration` (ns) after the planned time of the one before."""
        self._pacer.plan(0, duration)
        gradient = torch.empty_like(like)
        values = gradient.view(-1)
        whole = len(values) - len(values) % TILE_ELEMENTS
        values[:whole].view(-1, TILE_ELEMENTS).copy_(self._tile)
        values[whole:].copy_(self._tile[: len(values) - whole])
        self._pacer.wait()
        return gradient

    def _plan(self, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> _Plan:
        for copy, original in zip(self._twin.modules(), module.modules(), strict=True):
            copy.training = original.training
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        key = (module.training, *((tensor.shape, tensor.dtype) for tensor in tensors))
        if key not in self._plans:
            batch = len(tensors[0]) if tensors and tensors[0].dim() else 1
            traced = trace(self._twin, args, kwargs)
            self._plans[key] = _Plan(self._twin, traced, self._device, batch, self._stretch)
        return self._plans[key]


class _Plan:
    """What happens in one iteration with inputs of one shape.

    Attributes:
        forward: how long the forward pass takes (ns).
        gradients: names of parameters in the order in which their gradients come, each with what
            is computed before it (ns).
        output: what the module returns, on the meta device.
    """

    def __init__(
        self, twin: nn.Module, traced: Trace, device: DeviceModel, batch: int, stretch: float
    ) -> None:
        shapes = {name: tuple(tensor.shape) for name, tensor in twin.named_parameters()}
        layers = layers_of(traced.steps, shapes, batch)

        def taken(seconds: float) -> int:
            return round(seconds * stretch * 1e9)

        self.output = traced.output
        self.forward = taken(sum(device.forward_seconds(layer, batch) for layer in layers))
        # A layer's backward pass is computed before the first gradient of it, or of one before it.
        place = {name: n for n, step in enumerate(traced.steps) for name in step.parameters}
        remaining = [taken(device.backward_seconds(layer, batch)) for layer in layers]
        self.gradients: list[tuple[str, int]] = []
        for name in traced.gradients:
            before, remaining = sum(remaining[place[name] :]), remaining[: place[name]]
            self.gradients.append((name, before))


class _Gradient(torch.autograd.Function):
    """The node that has one parameter's gradient, and leads on to the next one's."""

    @staticmethod
    def forward(ctx: Any, token: Tensor, parameter: Tensor, pace: _Pace, duration: int) -> Tensor:
        ctx.like, ctx.pace, ctx.duration = parameter.detach(), pace, duration
        return torch.zeros_like(token)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, token: Tensor) -> tuple[Tensor, Tensor, None, None]:
        return token, ctx.pace.gradient(ctx.like, ctx.duration), None, None


class _Output(torch.autograd.Function):
    """The node of an output: the backward pass begins here."""

    @staticmethod
    def forward(ctx: Any, _: Tensor, like: Tensor, pace: _Pace) -> Tensor:
        ctx.pace = pace
        return torch.zeros(like.shape, dtype=like.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, _: Tensor) -> tuple[Tensor, None, None]:
        ctx.pace.wait(0)
        return torch.zeros(()), None, None


def _output(token: Tensor, pace: _Pace, like: Tensor) -> Any:
    if token.requires_grad and like.is_floating_point():
        return _Output.apply(token, like, pace)
    return torch.zeros(like.shape, dtype=like.dtype)
