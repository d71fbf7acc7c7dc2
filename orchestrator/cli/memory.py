"""`dmlbed memory`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import click

from orchestrator.cli.model.named import named_model
from orchestrator.errors import InputError, Problem
from orchestrator.memory import (
    ORDERS_OF_OPERATIONS,
    Footprint,
    LeastMemory,
    footprint,
    least_memory,
    operations_of,
    order_of,
    unknown_outputs,
)
from orchestrator.spec.values.text import counted
from orchestrator.spec.values.units import QuantityError, parse_size
from orchestrator.terminal.console import answers, say
from orchestrator.terminal.tables import Column, FittedTable
from workloads.models.learning import OPTIMIZERS, Optimizer, OptimizerName
from workloads.models.profiles import Model

_LEAST = "least-memory"


@click.command()
@click.argument("model")
@click.option(
    "--batch", type=click.IntRange(1, 1 << 20), default=1, metavar="N", help="Examples of a step."
)
@click.option("--cap", metavar="SIZE", help="What the device has, such as `4 GiB`.")
@click.option(
    "--order", type=click.Choice(ORDERS_OF_OPERATIONS), help="Show this one, layer by layer."
)
@click.option(
    "--optimizer", type=click.Choice(OPTIMIZERS), default="sgd", help="Whose states it keeps."
)
@click.option("--inference", is_flag=True, help="The cap is for a forward pass alone.")
@click.option(
    "--seconds",
    type=click.FloatRange(0, 86_400),
    default=60.0,
    metavar="S",
    help="How long to look for a better order where the search does not end; 60 if left out.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def memory(
    model: str,
    *,
    batch: int,
    cap: str | None,
    order: str | None,
    optimizer: OptimizerName,
    inference: bool,
    seconds: float,
    as_json: bool,
) -> None:
    """Say what a device holds of MODEL at its peak, in several orders of its layers.

    An inference frees what no later layer needs. A training keeps what every layer wrote until its
    backward pass, so that an order changes less there: when gradients of these outputs are held.
    """
    trained = _model(model)
    size = None if cap is None else _size(cap)
    operations = operations_of(trained)
    least = least_memory(operations, seconds=seconds)
    orders: dict[str, tuple[int, ...]] = {
        name: least.order if name == _LEAST else order_of(operations, name)
        for name in ORDERS_OF_OPERATIONS
    }
    arrays = 2 + Optimizer(name=optimizer).states
    held: dict[str, Footprint] = {
        name: footprint(trained, numbers, arrays=arrays) for name, numbers in orders.items()
    }
    answer = _Answer(trained, batch, least, orders, held, operations.has_one_order)
    if as_json:
        print(json.dumps(answer.as_json(order)))
    elif order is None:
        answer.show()
    else:
        answer.show_layers(order)
    if size is not None:
        _check_cap(held[order or _LEAST], batch, size, inference=inference)
        if not as_json:
            print(_room(held[order or _LEAST], size, inference=inference))


def _model(name: str) -> Model:
    model = named_model(name)
    if unknown := unknown_outputs(model):
        problem = f"how much {unknown[0]} writes is not known"
        more = f", and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        raise InputError([Problem(name, problem + more, "give its `output_elements`")])
    return model


def _size(text: str) -> int:
    try:
        return parse_size(text)
    except QuantityError as error:
        raise InputError([Problem("--cap", str(error))]) from None


def _check_cap(held: Footprint, batch: int, size: int, *, inference: bool) -> None:
    """See that a device can hold it.

    Raises:
        InputError: it cannot.
    """
    needed = held.inference_bytes(batch) if inference else held.training_bytes(batch)
    if needed <= size:
        return
    what = "a forward pass" if inference else "training"
    largest = held.largest_batch(size, inference=inference)
    fixed = held.parameters if inference else held.fixed
    hint = (
        f"the largest batch that fits is {largest}"
        if largest
        else f"what does not depend on the batch takes {_bytes_text(fixed)}"
    )
    problem = f"{what} of a batch of {batch} takes {_bytes_text(needed)}"
    raise InputError([Problem("--cap", problem, hint)])


def _room(held: Footprint, size: int, *, inference: bool) -> str:
    largest = held.largest_batch(size, inference=inference)
    most = "any batch fits" if largest is None else f"the largest batch that fits is {largest}"
    return f"{_bytes_text(size)} are enough: {most}"


def _bytes_text(count: int) -> str:
    return f"{count / 1e9:.3f} GB" if count >= 10**9 else f"{count / 1e6:.2f} MB"


@dataclass(frozen=True)
class _Answer:
    """What a device holds of a model."""

    model: Model
    batch: int
    least: LeastMemory
    orders: dict[str, tuple[int, ...]]
    held: dict[str, Footprint]
    has_one_order: bool

    def as_json(self, order: str | None) -> dict[str, Any]:
        """All of it; of one order its layers, too."""
        least = self.least
        layers = {} if order is None else {"order": order, "layers": self._layers(order)}
        return {
            "model": self.model.name,
            "batch": self.batch,
            "one_order": self.has_one_order,
            "parameters_bytes": self.held[_LEAST].parameters,
            "orders": [
                {
                    "order": name,
                    "forward_outputs_bytes": self.batch * held.inference,
                    "inference_bytes": held.inference_bytes(self.batch),
                    "training_outputs_bytes": self.batch * held.training,
                    "training_bytes": held.training_bytes(self.batch),
                }
                for name, held in self.held.items()
            ],
            "least": {
                "bytes": self.batch * least.peak,
                "bound_bytes": self.batch * least.bound,
                "gap": least.gap,
                "found_by": least.way,
                "operations": len(least.order),
                "blocks": least.blocks,
                "variables": least.variables,
                "variables_without_windows": least.all_variables,
            },
            **layers,
        }

    def _layers(self, order: str) -> list[dict[str, Any]]:
        numbers = self.orders[order]
        held = operations_of(self.model).held(numbers)
        return [
            {"layer": self.model.layers[number - 1].name, "held_bytes": self.batch * count}
            for number, count in zip(numbers, held, strict=True)
            if number
        ]

    def show(self) -> None:
        """A line for every order."""
        console = answers()
        held = self.held[_LEAST]
        say(
            console,
            f"{self.model.name}: {counted(len(self.model.layers), 'layer')}, batch {self.batch}, "
            f"parameters {_bytes_text(held.parameters)}; in training with gradients and states "
            f"{_bytes_text(held.fixed)}",
        )
        titles = ("forward\noutputs, MB", "inference\nin all, MB", "training\noutputs, MB")
        columns = (Column(title, right=True) for title in (*titles, "training\nin all, MB"))
        table = FittedTable((Column("order"), *columns))
        for name, one in self.held.items():
            counts = (
                self.batch * one.inference,
                one.inference_bytes(self.batch),
                self.batch * one.training,
                one.training_bytes(self.batch),
            )
            table.add(name, *(f"{count / 1e6:.2f}" for count in counts))
        console.print(table)
        for line in self._lines():
            say(console, line)

    def _lines(self) -> list[str]:
        least = self.least
        if self.has_one_order:
            return [
                f"{self.model.name} is a chain (shortcuts aside): it has but one order, and gains "
                "nothing"
            ]
        fused = f"{len(least.order)} operations in {counted(least.blocks, 'block')}"
        sure = (
            "no order has a lower peak in a forward pass"
            if not least.gap
            else f"a lower peak is possible: no order is below "
            f"{_bytes_text(self.batch * least.bound)} ({100 * least.gap:.1f} % less)"
        )
        lines = [f"{_LEAST}: {fused}, by {least.way}; {sure}"]
        if least.all_variables:
            lines.append(
                f"integer programme: {least.variables} variables, without time windows "
                f"{least.all_variables}"
            )
        return [
            *lines,
            "at least: workspaces, inputs of normalisations and indices of poolings come on top",
        ]

    def show_layers(self, order: str) -> None:
        """A line for every layer."""
        console = answers()
        table = FittedTable((Column("layer"), Column("held, MB", right=True)))
        layers = self._layers(order)
        most = max(layer["held_bytes"] for layer in layers)
        for layer in layers:
            mark = " *" if layer["held_bytes"] == most else "  "
            table.add(layer["layer"], f"{layer['held_bytes'] / 1e6:.2f}{mark}")
        say(console, f"{self.model.name}, {order}, batch {self.batch}: outputs in a forward pass")
        console.print(table)
        say(console, "* the peak")
