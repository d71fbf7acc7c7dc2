"""What a torch module does with an input of some shape, found out without data and without memory.

A twin of the module on torch's meta device computes shapes only. Its forward pass says which
modules are called in which order, and how much each multiplies; its backward pass says in which
order autograd has the gradients.

A layer is a module that is called and owns tensors. Tensors of a module that is never called (its
parent reads them) belong to the nearest module around it that is called, and those of several
modules to the one called first. Multiplications count for the layer called last before them.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map_only
from torch.utils.flop_counter import FlopCounterMode

from workloads.models.profiles import Kind


@dataclass(frozen=True)
class Step:
    """A layer, as it was called.

    Attributes:
        name: of its module, dotted; empty for the whole.
        macs: multiply-accumulates for the whole batch.
        parameters: names of the parameters that it owns, in the module's order.
        kind: what it computes, by the shape of its weight.
    """

    name: str
    macs: int
    parameters: tuple[str, ...]
    kind: Kind


@dataclass(frozen=True)
class Trace:
    """What a module does.

    Attributes:
        steps: its layers, in the order of their first calls.
        gradients: names of the parameters that get a gradient, in the order in which autograd has
            them when all outputs take part in the loss.
        output: what it returns, with tensors on the meta device.
    """

    steps: tuple[Step, ...]
    gradients: tuple[str, ...]
    output: Any


def trace(module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any] | None = None) -> Trace:
    """Find out what `module(*args, **kwargs)` does; neither module nor arguments are changed.

    Raises:
        ValueError: the module has no parameters, or cannot compute without data.
    """
    if not any(True for _ in module.parameters()):
        raise ValueError(f"{type(module).__name__} has no parameters")
    twin = meta_twin(module)
    args, kwargs = tree_map_only(Tensor, _on_meta, (tuple(args), dict(kwargs or {})))
    calls = _Calls(twin)
    gradients: list[str] = []
    for name, parameter in twin.named_parameters():
        if parameter.requires_grad:
            parameter.register_post_accumulate_grad_hook(
                lambda _, name=name: gradients.append(name)
            )
    try:
        with torch.enable_grad(), torch.random.fork_rng(devices=[]), calls.counted():
            output = twin(*args, **kwargs)
        differentiable = [
            leaf for leaf in tree_leaves(output) if isinstance(leaf, Tensor) and leaf.requires_grad
        ]
        if differentiable:
            torch.autograd.backward(
                differentiable, [torch.ones_like(leaf) for leaf in differentiable]
            )
    except (RuntimeError, NotImplementedError, TypeError, ValueError) as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"{type(module).__name__}: what it does cannot be found out by calling it without data "
            f"(on torch's meta device): {why}"
        ) from error
    return Trace(calls.steps(), tuple(gradients), tree_map_only(Tensor, Tensor.detach, output))


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


class _Calls:
    """Which modules are called, in which order, and what is multiplied after each call."""

    def __init__(self, root: nn.Module) -> None:
        self._root = root
        self._called: list[str] = []
        self._before: list[int] = []  # flops before each call
        self._counter = FlopCounterMode(display=False)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Watch the calls inside."""

        def enter(name: str) -> None:
            self._called.append(name)
            self._before.append(self._counter.get_total_flops())

        handles = [
            module.register_forward_pre_hook(lambda *_, name=name: enter(name), prepend=True)
            for name, module in self._root.named_modules()
        ]
        try:
            with self._counter:
                yield
        finally:
            for handle in handles:
                handle.remove()

    def steps(self) -> tuple[Step, ...]:
        """The layers."""
        owned: dict[str, list[str]] = {}
        for name, owners in self._owners():
            owned.setdefault(min(owners, key=self._called.index), []).append(name)
        macs = {name: 0 for name in self._called if name in owned}
        last = next(iter(macs))
        ends = [*self._before[1:], self._counter.get_total_flops()]
        for name, before, end in zip(self._called, self._before, ends, strict=True):
            last = name if name in owned else last
            macs[last] += (end - before) // 2
        return tuple(
            Step(name, macs[name], tuple(owned[name]), self._kind(owned[name], first=not number))
            for number, name in enumerate(macs)
        )

    def _kind(self, owned: Sequence[str], *, first: bool) -> Kind:
        shape = max((self._root.get_parameter(name).shape for name in owned), key=len)
        if len(shape) == 4:  # grey images have one channel as well
            return "depthwise" if shape[1] == 1 and not first else "convolution"
        return "dense" if len(shape) == 2 else "other"

    def _owners(self) -> Iterator[tuple[str, list[str]]]:
        """Each parameter's name, and the modules called that own it."""
        names: dict[nn.Parameter, list[str]] = {}
        for name, parameter in self._root.named_parameters(remove_duplicate=False):
            names.setdefault(parameter, []).append(name)
        for same in names.values():
            yield same[0], [self._nearest(name.rpartition(".")[0]) for name in same]

    def _nearest(self, owner: str) -> str:
        while owner not in self._called:
            owner = owner.rpartition(".")[0]
        return owner
