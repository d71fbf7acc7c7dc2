"""What there is to choose from, as rows: schedules, orders, models, keys of files, and so on.

The rows are those of `dmlbed list`, and of the tables in docs/. What they say is taken from where
it is defined.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from orchestrator.orders import ORDERS, Computation, Order, OwnOrder, Setting, Unit
from orchestrator.plugins import OwnCodec, OwnExchange, OwnProgram
from orchestrator.spec.files.reference.file_keys import file_keys
from orchestrator.spec.files.reference.schema import experiment_schema, topology_schema
from orchestrator.spec.values import units
from orchestrator.spec.values.fields import AUTO, NAME_RULE, NODE_RULE, RESERVED
from orchestrator.spec.values.switch_kinds import MEANINGS
from workloads.library import CODECS
from workloads.models.coding import measured
from workloads.models.devices import device_sources, known_devices
from workloads.models.profiles import Layer, Model, Tensor, load_model, model_names
from workloads.schedule.averaging import DETAILS
from workloads.schedule.codec_names import EXAMPLES, PUSH_ONLY
from workloads.schedule.library import SCHEDULES

Cell: TypeAlias = str | int | float | None
Row: TypeAlias = Mapping[str, Cell]


@dataclass(frozen=True)
class Listing:
    """A table.

    Attributes:
        rows: all with the same keys, which name the columns; the first one names the row.
        note: what to know beside it, in one line; may be empty.
    """

    rows: tuple[Row, ...]
    note: str = ""


def schedules() -> Listing:
    """The library's schedules, with their choices as files write them."""
    rows: tuple[Row, ...] = tuple(
        {
            "name": one.name,
            "order": one.order,
            "place": one.place,
            "slice": _size(one.slice_bytes),
            "window": _size(one.window_bytes),
            "not_sent_limit": _size(one.not_sent_limit_bytes),
            "synchronisation": one.synchronisation,
            "staleness": one.staleness,
            "switch_order": one.switch_order,
            "flows": one.flows,
            "push_codec": one.push_codec,
            "pull_codec": one.pull_codec,
            "exchange": one.exchange,
            "servers": one.servers,
            "bucket": _size(one.bucket_bytes),
            "groups": one.groups,
            "averaging": one.averaging,
            **{key: getattr(one, key) for key in DETAILS},
            "source": one.source,
        }
        for one in SCHEDULES
    )
    return Listing(rows)


def orders(names: Iterable[str] | None = None) -> Listing:
    """Orders by name: ours and those of installed packages, unless only some are asked for."""
    places = {True: "host or both", False: "nowhere or switch"}
    barriers = {True: "yes", False: "no", None: "either"}

    def row(name: str) -> Row:
        order = ORDERS.get(name)
        if order is None:
            return {
                "name": name, "step_barrier": None, "place": None,
                "meaning": "of an installed package",
            }  # fmt: skip
        return {
            "name": name,
            "step_barrier": barriers[order.barrier],
            "place": places[order.enforced],
            "meaning": _summary(type(order)),
        }

    note = (
        "With a step barrier pulls and answers have an order, and that of pushes gains next to"
        " nothing. Without one answers and pushes have an order, and workers do not ask for"
        " parameters."
    )
    known = (*ORDERS, *OwnOrder.kind.installed())
    return Listing(tuple(map(row, known if names is None else names)), note)


def codecs() -> Listing:
    """Codecs by name: ours, with what takes a device how long, and those of installed packages."""
    rows: list[Row] = []
    for kind, target in CODECS.items():
        module, _, class_name = target.partition(":")
        seconds = measured().get(kind, {})
        rows.append(
            {
                "name": next(one for one in EXAMPLES if one.split(":")[0] == kind),
                "for": "pushes" if kind in PUSH_ONLY else "pushes and pulls",
                "encode_seconds_per_megabyte": seconds.get("encode", 0.0),
                "decode_seconds_per_megabyte": seconds.get("decode", 0.0),
                "meaning": _summary(getattr(importlib.import_module(module), class_name)),
            }
        )
    rows += [
        {
            "name": name, "for": None, "encode_seconds_per_megabyte": None,
            "decode_seconds_per_megabyte": None, "meaning": "of an installed package",
        }
        for name in OwnCodec.kind.installed()
    ]  # fmt: skip
    note = (
        "`+feedback` behind a name adds what it has lost to what it sends next. Behind a colon:"
        " bits (fixed-point 8 or 16, codebook 1 to 8), the share of values that is sent (top-k),"
        " the rank (low-rank); fixed-point also takes `:stochastic`. Tensors of one dimension"
        " travel as they are. Seconds are a core's, per million uncoded bytes; a device model may"
        " have its own `seconds_per_megabyte_coded`."
    )
    return Listing(tuple(rows), note)


def models() -> Listing:
    """The models that can be trained."""

    def row(model: Model) -> Row:
        return {
            "name": model.name,
            "layers": len(model.layers),
            "depthwise_layers": sum(layer.is_depthwise for layer in model.layers),
            "tensors": len(model.tensors),
            "megabytes": round(model.bytes / 1e6, 3),
            "throughput": model.rate_unit,
            "gmac_per_example": round(sum(layer.macs for layer in model.layers) / 1e9, 3),
            "variant": model.variant,
        }

    return Listing(tuple(row(load_model(name)) for name in model_names()))


def devices() -> Listing:
    """The library's device models."""
    sources = device_sources()
    rows: tuple[Row, ...] = tuple(
        {
            "name": one.name,
            "seconds_per_megabyte_of_parameters": one.seconds_per_megabyte_of_parameters,
            "seconds_per_gmac": one.seconds_per_gmac,
            "seconds_per_depthwise_layer": one.seconds_per_depthwise_layer,
            "source": sources[one.name],
        }
        for one in known_devices().values()
    )
    note = (
        "Forward and backward pass of a layer for b images together: seconds_per_megabyte_of_"
        "parameters x (million bytes of its parameters) + b x (seconds_per_gmac x (billion"
        " multiply-accumulates per image) + seconds_per_depthwise_layer, if it is depthwise)."
    )
    return Listing(rows, note)


def switches() -> Listing:
    """The kinds of switch."""
    auto = {"name": AUTO, "meaning": f"the first of {', '.join(MEANINGS)} that works here"}
    return Listing((auto, *({"name": kind, "meaning": MEANINGS[kind]} for kind in MEANINGS)))


def values() -> Listing:
    """How names and quantities are written."""
    quantities = [
        {"value": one.noun, "rule": one.rule, "example": one.example}
        for one in (units.RATE, units.SIZE, units.DURATION)
    ]
    other = f"not {' or '.join(RESERVED)}, which are classes of traffic"
    node = {"value": "node name", "rule": f"{NODE_RULE}; {other}", "example": "worker-b10"}
    name = {"value": "name", "rule": NAME_RULE, "example": "my-question"}
    return Listing((node, name, *quantities))


def topology() -> Listing:
    """The keys of a topology file."""
    return Listing(tuple(key._asdict() for key in file_keys(topology_schema())))


def experiment() -> Listing:
    """The keys of an experiment file."""
    return Listing(tuple(key._asdict() for key in file_keys(experiment_schema())))


def setting() -> Listing:
    """What an order is asked with: the fields of `Setting`, and of what these hold."""
    classes = (Setting, Unit, Computation, Model, Layer, Tensor)
    rows = [
        {"field": f"{one.__name__}.{name}", "type": kind, "meaning": meaning}
        for one in classes
        for name, kind, meaning in _fields(one)
    ]
    return Listing(tuple(rows), "All times and bytes are the real system's.")


def order_class() -> Listing:
    """What a subclass of `Order` may override."""
    return _overridable(Order)


def codec_class() -> Listing:
    """What a subclass of `Codec` may override."""
    return _overridable(OwnCodec.kind.base)


def exchange_class() -> Listing:
    """What a subclass of `Exchange` may override."""
    return _overridable(OwnExchange.kind.base)


def program_class() -> Listing:
    """What a subclass of `Program` may override."""
    return _overridable(OwnProgram.kind.base)


def _overridable(base: type) -> Listing:
    abstract = getattr(base, "__abstractmethods__", ())
    attributes = [
        {"name": name, "default": str(getattr(base, name)), "meaning": meaning}
        for name, meaning in _attributes(base).items()
        if hasattr(base, name)
    ]
    methods = [
        {
            "name": f"{name}({', '.join(list(inspect.signature(method).parameters)[1:])})",
            "default": "must be written" if name in abstract else None,
            "meaning": _summary(method),
        }
        for name, method in _methods(base)
    ]
    return Listing((*methods, *attributes))


def _methods(base: type) -> Iterator[tuple[str, Callable[..., object]]]:
    """A class's own methods, class methods included."""
    for name, member in vars(base).items():
        method = getattr(member, "__func__", member)
        if inspect.isfunction(method) and not name.startswith("_"):
            yield name, method


LISTINGS: Mapping[str, Callable[[], Listing]] = {
    "schedules": schedules,
    "orders": orders,
    "codecs": codecs,
    "models": models,
    "devices": devices,
    "switches": switches,
    "values": values,
    "topology": topology,
    "experiment": experiment,
    "setting": setting,
    "order-class": order_class,
    "codec-class": codec_class,
    "exchange-class": exchange_class,
    "program-class": program_class,
}
"""All of them, by the name that people ask for."""


def _size(count: int | None) -> str | None:
    return None if count is None else units.size_text(count)


def _summary(documented: object) -> str:
    """The first paragraph of a docstring, in one line."""
    return " ".join((inspect.getdoc(documented) or "").partition("\n\n")[0].split())


def _attributes(documented: type) -> dict[str, str]:
    """What a class's docstring says of its attributes, by name."""
    section = (inspect.getdoc(documented) or "").partition("Attributes:\n")[2].partition("\n\n")[0]
    descriptions: dict[str, str] = {}
    name = ""
    for line in section.splitlines():
        if not line.startswith(" " * 5):
            name, _, line = line.strip().partition(":")
        descriptions[name] = f"{descriptions.get(name, '')} {line.strip()}".strip()
    return descriptions


def _fields(documented: type) -> list[tuple[str, str, str]]:
    """Name, type and meaning of a class's fields, and then of its properties."""
    meanings = _attributes(documented)
    types = inspect.get_annotations(documented)
    fields = [
        (name, _type_name(kind), meanings.get(name, ""))
        for name, kind in types.items()
        if not name.startswith("_")
    ]
    for name, member in vars(documented).items():
        getter = getattr(member, "fget", None) or getattr(member, "func", None)
        if getter is not None:
            fields.append(
                (name, _type_name(inspect.get_annotations(getter)["return"]), _summary(getter))
            )
    return fields


def _type_name(annotation: object) -> str:
    """An annotation as it is written; a named tuple keeps it as a forward reference."""
    return str(getattr(annotation, "__forward_arg__", annotation))
