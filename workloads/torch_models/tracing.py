"""What a torch module does with an input of some shape, found out without data and without memory.

A twin of the module on torch's meta device computes shapes only. Every operation of its forward
pass is seen as it is dispatched, below autograd, where a plain `if` on a shape is no hindrance. Its
backward pass says in which order autograd has the gradients.

A layer is what one call of a module does with parameters, or multiplies, before another module
does. Operations without either are no layers: what reaches a layer through them, it needs. A
parameter that several layers use belongs to the first; see `workloads.models.profiles.Layer`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._pytree import tree_leaves, tree_map_only
from torch.utils.flop_counter import FlopCounterMode

from workloads.torch_models.recording import Recorder, Step


@dataclass(frozen=True)
class Trace:
    """What a module does.

    Attributes:
        steps: its layers, in the order in which they are computed.
        gradients: names of the parameters that get a gradient, in the order in which autograd has
            them when all outputs take part in the loss.
        output: what it returns, without its graph.
        flops: what torch's FlopCounterMode counts, twice the multiply-accumulates.
        notes: what should be known of single layers.
    """

    steps: tuple[Step, ...]
    gradients: tuple[str, ...]
    output: Any
    flops: int
    notes: tuple[str, ...]


def trace(
    module: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any] | None = None,
    *,
    with_data: bool = False,
) -> Trace:
    """Find out what `module(*args, **kwargs)` does; neither module nor arguments are changed.

    Args:
        module: the module.
        args: of its call; only their shapes count, unless `with_data`.
        kwargs: the same by name.
        with_data: whether it really computes, for a module that decides by values.

    Raises:
        ValueError: the module has no parameters, or cannot compute: the message says in which layer
            and what of it is not known.
    """
    if not any(True for _ in module.parameters()):
        raise ValueError(f"{type(module).__name__} has no parameters")
    twin = copy.deepcopy(module) if with_data else meta_twin(module)
    given = (tuple(args), dict(kwargs or {}))
    args, kwargs = tree_map_only(Tensor, Tensor.detach if with_data else _on_meta, given)
    gradients: list[str] = []
    for name, parameter in twin.named_parameters():
        if parameter.requires_grad:
            parameter.register_post_accumulate_grad_hook(
                lambda _, name=name: gradients.append(name)
            )
    recorder = Recorder(twin, [leaf for leaf in tree_leaves((args, kwargs)) if _is_data(leaf)])
    counter = FlopCounterMode(display=False)
    try:
        # Attention as its products, which all that counts knows.
        with torch.enable_grad(), torch.random.fork_rng(devices=[]), sdpa_kernel(SDPBackend.MATH):
            with counter, recorder.watching():
                output = twin(*args, **kwargs)
            differentiable = [leaf for leaf in tree_leaves(output) if _learns(leaf)]
            if differentiable:
                ones = [torch.ones_like(leaf) for leaf in differentiable]
                torch.autograd.backward(differentiable, ones)
    except (RuntimeError, NotImplementedError, TypeError, ValueError) as error:
        raise ValueError(_why(module, recorder, error, with_data=with_data)) from error
    if not recorder.steps():
        raise ValueError(f"{type(module).__name__} computes with none of its parameters")
    return Trace(
        recorder.steps(),
        tuple(gradients),
        tree_map_only(Tensor, Tensor.detach, output),
        counter.get_total_flops(),
        recorder.notes(),
    )


def meta_twin(module: nn.Module) -> nn.Module:
    """A copy of a module whose tensors have shapes and no memory."""
    tensors = [*module.parameters(), *module.buffers()]
    memo: dict[int, Any] = {}
    for tensor in tensors:
        twin = tensor.detach().to("meta")
        if isinstance(tensor, nn.Parameter):
            twin = nn.Parameter(twin, requires_grad=tensor.requires_grad)
        memo[id(tensor)] = twin
    return copy.deepcopy(module, memo)


def _on_meta(tensor: Tensor) -> Tensor:
    return tensor.detach().to("meta")


def _is_data(leaf: Any) -> bool:
    return isinstance(leaf, Tensor)


def _learns(leaf: Any) -> bool:
    return isinstance(leaf, Tensor) and leaf.requires_grad


def _why(module: nn.Module, recorder: Recorder, error: Exception, *, with_data: bool) -> str:
    """Which layer fails, why, and what is not known for it."""
    why = str(error).splitlines()[0] if str(error) else type(error).__name__
    how = "with data" if with_data else "without data (on torch's meta device)"
    place = f"layer {recorder.failed}" if recorder.failed else type(module).__name__
    unknown = recorder.unknown()
    rest = f"; nothing is known of {', '.join(unknown)}" if unknown else ""
    return (
        f"{type(module).__name__}: what it does cannot be found out by calling it {how}: "
        f"{place}: {why}{rest}"
    )
