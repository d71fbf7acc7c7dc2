"""The operations of a forward pass, as torch dispatches them, gathered to layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from workloads.models.profiles import Join, Kind
from workloads.torch_models.operations import UNCOUNTED, kind_of, macs_of, name_of, passage_of

WHOLE = "root"
"""The name of what a module does itself, beside those that it calls."""
_MOST_UNKNOWN = 8  # layers that a message names


@dataclass(frozen=True)
class Step:
    """A layer, as it was called; figures are those of the whole batch.

    Attributes:
        name: of its module, dotted, `root` for the whole; `name@2` for a second time.
        kind: what it computes.
        macs: multiply-accumulates.
        inputs: values that it reads, without parameters: of each tensor.
        outputs: values that it writes.
        needs: numbers of the steps whose outputs reach it.
        join: how several become one.
        parameters: names of those that it is the first to use, in the module's order.
        tied: names of those that it uses after others.
        before: what happens on the way to it: kind, values that are read and written.
    """

    name: str
    kind: Kind
    macs: int
    inputs: tuple[int, ...]
    outputs: int
    needs: tuple[int, ...]
    join: Join
    parameters: tuple[str, ...]
    tied: tuple[str, ...]
    before: tuple[tuple[Kind, int, int], ...] = ()


@dataclass
class _Origin:
    """Where a tensor's values come from: layers, and how several became one."""

    layers: frozenset[int]
    join: Join = "concat"


@dataclass
class _Layer:
    call: int
    name: str
    norm: bool
    inputs: dict[tuple[int, int, tuple[int, ...]], int] = field(default_factory=dict)
    needs: set[int] = field(default_factory=set)
    join: Join = "concat"
    used: set[str] = field(default_factory=set)
    macs: Counter[Kind] = field(default_factory=Counter)
    outputs: int = 0
    before: list[tuple[Kind, int, int]] = field(default_factory=list)

    @property
    def kind(self) -> Kind:
        """Attention if activations are multiplied with each other, else what multiplies most."""
        if self.macs["attention"]:
            return "attention"
        (kind, most) = max(self.macs.items(), key=lambda one: one[1], default=("other", 0))
        if most:
            return kind
        if "embedding" in self.macs:
            return "embedding"
        return "normalisation" if self.norm or "normalisation" in self.macs else "other"


class Recorder(TorchDispatchMode):
    """Watches a module's forward pass.

    A tensor is known by its memory, so that views and changes in place are followed.

    Args:
        root: the module.
        data: the tensors that it is called with.

    Attributes:
        failed: name of the innermost module that raised an error; empty: none, or the whole.
    """

    def __init__(self, root: nn.Module, data: Sequence[Tensor]) -> None:
        super().__init__()
        self._root = root
        self._names = {_memory(one): name for name, one in root.named_parameters()}
        self._origins = {_memory(one): _Origin(frozenset()) for one in data}
        self._kept: list[Tensor] = [*data]  # or their memory would be another tensor's
        self._calls: list[tuple[int, str, nn.Module]] = []
        self._called: list[str] = []
        self._layers: list[_Layer] = []
        self._notes: list[str] = []
        self._passages: list[tuple[int, tuple[Kind, int, int]]] = []  # by call, of no layer yet
        self.failed = ""

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Record what happens inside."""
        handles = []
        for name, module in self._root.named_modules():
            handles += [
                module.register_forward_pre_hook(
                    lambda module, _, name=name: self._enter(name, module), prepend=True
                ),
                module.register_forward_hook(lambda *_: self._leave()),
            ]
        try:
            with self:
                yield
        except BaseException:
            self.failed = self._calls[-1][1] if self._calls else ""
            raise
        finally:
            for handle in handles:
                handle.remove()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Compute an operation, and note what it did."""
        result = func(*args, **(kwargs or {}))
        read = [one for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)]
        written = [one for one in tree_leaves(result) if isinstance(one, Tensor)]
        self._kept += written
        if self._calls:
            self._note(func, args, read, written)
        return result

    def steps(self) -> tuple[Step, ...]:
        """The layers; a parameter that none of them uses goes with the first."""
        order = {name: place for place, name in enumerate(self._names.values())}
        seen = set[str]()
        steps: list[Step] = []
        unused = order.keys() - set().union(*(layer.used for layer in self._layers))
        for number, layer in enumerate(self._layers):
            used = sorted(layer.used | (set() if number else unused), key=order.__getitem__)
            steps.append(
                Step(
                    layer.name,
                    layer.kind,
                    layer.macs.total(),
                    tuple(layer.inputs.values()),
                    layer.outputs,
                    tuple(sorted(layer.needs - {number})),
                    layer.join if len(layer.needs - {number}) > 1 else "concat",
                    tuple(name for name in used if name not in seen),
                    tuple(name for name in used if name in seen),
                    tuple(layer.before),
                )
            )
            seen.update(used)
        return tuple(steps)

    def notes(self) -> tuple[str, ...]:
        """What should be known of single layers."""
        used = set().union(*(layer.used for layer in self._layers))
        unused = [name for name in self._names.values() if name not in used]
        notes = dict.fromkeys(self._notes)
        if unused:
            notes[f"never used, sent with the first layer: {_some(unused)}"] = None
        return tuple(notes)

    def unknown(self) -> list[str]:
        """Modules with parameters that were not called, of which a message names the first."""
        owners = dict.fromkeys(name.rpartition(".")[0] for name in self._names.values())
        missing = [name for name in owners if name and name not in self._called]
        more = len(missing) - _MOST_UNKNOWN
        return [*missing[:_MOST_UNKNOWN], *([f"{more} more"] if more > 0 else [])]

    # -- calls and operations --------------------------------------------------------------------

    def _enter(self, name: str, module: nn.Module) -> None:
        self._called.append(name)
        self._calls.append((len(self._called), name, module))

    def _leave(self) -> None:
        self._calls.pop()

    def _note(
        self, func: Any, args: Sequence[Any], read: Sequence[Tensor], written: Sequence[Tensor]
    ) -> None:
        used = {self._names[_memory(one)] for one in read if _memory(one) in self._names}
        data = [one for one in read if _memory(one) in self._origins]
        if used and all(_memory(one) in self._names for one in written):
            return  # a view of a parameter
        macs = macs_of(func, args, read, written)
        if used or macs:
            kind = kind_of(func, args, data, learnt=bool(used))
            self._in_layer(kind, macs, used, data, written)
            return
        origins = [self._origins[_memory(one)] for one in data]
        if not origins:
            return
        layers = frozenset[int]().union(*(one.layers for one in origins))
        join = origins[0].join
        if len({one.layers for one in origins}) > 1:
            join = "concat" if name_of(func) in ("cat", "stack") else "add"
        for one in written:
            self._origins[_memory(one)] = _Origin(layers, join)
        if (passage := passage_of(func, data)) is not None:
            values = (sum(one.numel() for one in data), written[0].numel())
            self._passages.append((self._calls[-1][0], (passage, *values)))
        if name_of(func) in UNCOUNTED:
            place = self._calls[-1][1] or WHOLE
            self._notes.append(f"{place}: what {name_of(func)} multiplies is not counted")

    def _in_layer(
        self,
        kind: Kind,
        macs: int,
        used: set[str],
        data: Sequence[Tensor],
        written: Sequence[Tensor],
    ) -> None:
        call, name, module = self._calls[-1]
        if not self._layers or self._layers[-1].call != call:
            name = name or WHOLE
            times = sum(layer.name.partition("@")[0] == name for layer in self._layers)
            norm = "norm" in type(module).__name__.lower()
            again = f"{name}@{times + 1}" if times else name
            # What a module does by itself before it uses its parameters is part of its layer.
            before = [passage for of_call, passage in self._passages if of_call != call]
            self._passages = []
            self._layers.append(_Layer(call, again, norm, before=before))
        layer, number = self._layers[-1], len(self._layers) - 1
        for one in data:
            origin = self._origins[_memory(one)]
            if number in origin.layers:
                continue
            layer.inputs[_memory(one), one.storage_offset(), tuple(one.shape)] = one.numel()
            if origin.layers - layer.needs:
                layer.join = origin.join if not layer.needs else layer.join
            layer.needs |= origin.layers
        layer.used |= used
        layer.macs[kind] += macs
        if written:
            layer.outputs = written[0].numel()
        for one in written:
            self._origins[_memory(one)] = _Origin(frozenset((number,)))


def _memory(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def _some(names: Sequence[str]) -> str:
    more = len(names) - _MOST_UNKNOWN
    return ", ".join([*names[:_MOST_UNKNOWN], *([f"{more} more"] if more > 0 else [])])
