"""A model as a table for people: a row for each layer."""

from __future__ import annotations

from orchestrator.spec.values.text import counted, number_text
from orchestrator.terminal.tables import Column, FittedTable
from workloads.models.profiles import Layer, Model

_MOST_NEEDS = 4

_COLUMNS = (
    Column("layer"),
    Column("kind"),
    Column("needs", words=True),
    Column("MACs\n(million)", right=True),
    Column("in\n(thousand)", right=True),
    Column("out\n(thousand)", right=True),
    Column("parameters\n(MB)", right=True),
    Column("tensors", words=True),
)


def table_of(model: Model) -> FittedTable:
    """Layers in forward order; what an example costs."""
    table = FittedTable(_COLUMNS)
    for layer in model.layers:
        table.add(
            layer.name,
            layer.kind,
            _needs(model, layer),
            number_text(layer.macs / 1e6, 1) if layer.macs else "-",
            number_text(layer.input_elements / 1e3, 1),
            number_text(layer.output_elements / 1e3, 1),
            number_text(layer.bytes / 1e6, 2) if layer.tensors else "-",
            _tensors(layer),
        )
    return table


def totals_of(model: Model) -> str:
    """A model in one line."""
    macs = sum(layer.macs for layer in model.layers)
    elements = sum(tensor.elements for tensor in model.tensors)
    shape = " x ".join(map(str, model.input_shape)) or "?"
    return (
        f"{counted(len(model.layers), 'layer')}, {counted(len(model.tensors), 'tensor')}, "
        f"{elements:,} parameters ({model.bytes / 1e6:.1f} MB), "
        f"{number_text(macs / 1e9, 2)} billion MACs for an example of {shape}"
        f" ({model.items_per_example} {model.unit})"
    )


def _needs(model: Model, layer: Layer) -> str:
    if not layer.needs:
        return "the example"
    names = [model.layers[number].name for number in layer.needs]
    more = len(names) - _MOST_NEEDS
    shown = names if more <= 0 else [*names[: _MOST_NEEDS - 1], f"{more + 1} more"]
    return f" {'+' if layer.join == 'add' else '|'} ".join(shown)


def _tensors(layer: Layer) -> str:
    own = [f"{one.name} {'x'.join(map(str, one.shape))}" for one in layer.tensors]
    return ", ".join([*own, *(f"{one.name} (tied)" for one in layer.tied)]) or "-"
