"""Types of single values in the files: what is allowed, what to say, and their JSON Schema."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
)

from orchestrator.spec.values import units
from orchestrator.spec.values.switch_kinds import KINDS
from orchestrator.spec.values.text import kind, nearest, quoted
from orchestrator.spec.values.units import QuantityError
from workloads.models.profiles import model_names
from workloads.schedule.library import schedule_names
from workloads.transport.wire import HEADER_BYTES

PACKET_BYTES = 1514
"""A full Ethernet frame as tc counts it: 1500 bytes of IP and a header of 14."""

MAX_QUEUE_BYTES = 2**30
MAX_DELAY_US = 60 * 10**6
MAX_COUNT = 1_000_000
MIN_CORES = 0.01
MIN_SLICE_BYTES = 4096
"""At 1 Gbit/s it takes as long on the wire as it takes a core."""
FRAME_HEADER_BYTES = HEADER_BYTES + PACKET_BYTES - 1448
"""Of a slice in one packet: the workload's own header, and those of TCP, IP and Ethernet."""
SLICE_MICROSECONDS = 30
"""Of sender and receiver together: 31 to 34 were measured, with slices from 4 B to 4 KiB."""
MAX_CPU = 8191
MAX_NODE_LETTERS = 63
AUTO = "auto"
SWITCH_KINDS = (AUTO, *KINDS)


class FieldError(ValueError):
    """A value that is not allowed; `hint` says what would be right."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class FileModel(BaseModel):
    """Base of the files' models: unknown keys are refused, and nothing is converted silently."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    renamed: ClassVar[Mapping[str, str]] = {}
    """Keys that were spelt otherwise once: the new key, by the old one."""


def _holds_a_packet(noun: str) -> Callable[[object], int]:
    def check(value: object) -> int:
        size = units.parse_size(value)
        if size < PACKET_BYTES:
            hint = f"a full frame has {PACKET_BYTES} B"
            raise QuantityError(f"a {noun} of {size} B holds no packet", hint)
        if size > MAX_QUEUE_BYTES:
            raise QuantityError(f"{noun} {value!r} is above 1 GiB")
        return size

    return check


_buffer = _holds_a_packet("socket buffer")


def _buffer_or_auto(value: object) -> int | str:
    return AUTO if value == AUTO else _buffer(value)


def _delay(value: object) -> int:
    delay = units.parse_duration(value)
    if delay > MAX_DELAY_US:
        raise QuantityError(f"delay {value!r} is above 60 s")
    return delay


def _amount(value: object) -> int:
    try:
        size = units.parse_size(value)
    except QuantityError as error:
        raise QuantityError(str(error), f"from 1 B to 1 GiB, {error.hint}") from None
    if not 1 <= size <= MAX_QUEUE_BYTES:
        raise QuantityError(f"{value!r} is not from 1 B to 1 GiB")
    return size


def _slice(value: object) -> int:
    size = _amount(value)
    if size < MIN_SLICE_BYTES:
        raise QuantityError(
            f"a slice of {value} is too small: whatever it carries, it has "
            f"{FRAME_HEADER_BYTES} B of headers and takes some {SLICE_MICROSECONDS} us of a core",
            f"at least {MIN_SLICE_BYTES // 1024} KiB",
        )
    return size


def _memory(value: object) -> int:
    size = units.parse_size(value)
    if size < 2**20:
        raise QuantityError(f"memory {value!r} is less than 1 MiB")
    return size


def _cores(value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FieldError(f"expected a number of cores, found {kind(value)}")
    if not MIN_CORES <= value <= MAX_COUNT:
        raise FieldError(f"cores must be from {MIN_CORES} to {MAX_COUNT}, found {value}")
    return int(value) if value == int(value) else value


def _matching(noun: str, pattern: str, rule: str) -> AfterValidator:
    compiled = re.compile(pattern, re.ASCII)

    def check(value: str) -> str:
        if compiled.fullmatch(value) is None:
            raise FieldError(f"{noun} {quoted(value)} is not allowed", rule)
        return value

    return AfterValidator(check)


FILE_SUFFIXES = (".yaml", ".yml", ".json")


def is_device_file(device: str) -> bool:
    """Whether what a topology names as a device is a file, and no name."""
    return device.endswith(FILE_SUFFIXES)


def _device(value: str) -> str:
    """A device model's name, or a path; whether the file is there, its folder must say."""
    if is_device_file(value):
        if "\n" in value:
            raise FieldError(f"not a path: {quoted(value)}")
        return value
    if re.fullmatch(_NAME, value, re.ASCII) is None:
        rule = f"{NAME_RULE}; or a file that ends with {', '.join(FILE_SUFFIXES)}"
        raise FieldError(f"device name {quoted(value)} is not allowed", rule)
    return value


def _not_reserved(value: str) -> str:
    if value in RESERVED:
        raise FieldError(f"node name {quoted(value)} is not allowed", _RESERVED_RULE)
    return value


def _known(noun: str, names: tuple[str, ...]) -> AfterValidator:
    def check(value: str) -> str:
        problem = unknown(noun, value, names)
        if problem is not None:
            raise problem
        return value

    return AfterValidator(check)


def is_model_file(model: str) -> bool:
    """Whether what an experiment names as a model is a file."""
    return model.endswith(FILE_SUFFIXES)


def _library_or_own(value: str) -> str:
    """A model of the library, a file, or the form of one of a user's."""
    if is_model_file(value):
        if "\n" in value:
            raise FieldError(f"not a path: {quoted(value)}")
        return value
    module, colon, factory = value.partition(":")
    if colon and module and factory:
        return value
    problem = unknown("model", value, model_names())
    if problem is not None:
        raise problem
    return value


def unknown(noun: str, name: str, names: tuple[str, ...]) -> FieldError | None:
    """The error that says that a name is unknown, with the nearest one; None if it is known."""
    if name in names:
        return None
    return FieldError(f"unknown {noun} {quoted(name)}", nearest(name, names, else_list="known"))


def _schema_of(kind: units.Kind) -> dict[str, Any]:
    example = [kind.example]
    return {"title": kind.noun, "type": "string", "pattern": kind.pattern, "examples": example}


def _quantity(kind: units.Kind) -> WithJsonSchema:
    return WithJsonSchema(_schema_of(kind))


_NODE = rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{MAX_NODE_LETTERS - 1}}}"
NODE_RULE = (
    f"a letter or digit, then at most {MAX_NODE_LETTERS - 1} of A-Z, a-z, 0-9, '.', '_' and '-'"
)
# Classes of these names are the testbed's own, beside one per worker.
RESERVED = ("ack", "data")
_RESERVED_RULE = f"{' and '.join(RESERVED)} are classes of traffic"
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
NAME_RULE = "a letter or digit, then at most 63 of A-Z, a-z, 0-9, '.', '_' and '-'"
_CONGESTION = r"[a-z][a-z0-9_]{0,14}"


def _text(title: str, pattern: str) -> WithJsonSchema:
    return WithJsonSchema({"title": title, "type": "string", "pattern": f"^{pattern}$"})


Rate: TypeAlias = Annotated[int, BeforeValidator(units.parse_rate), _quantity(units.RATE)]
Delay: TypeAlias = Annotated[int, BeforeValidator(_delay), _quantity(units.DURATION)]
Queue: TypeAlias = Annotated[int, BeforeValidator(_holds_a_packet("queue")), _quantity(units.SIZE)]
Memory: TypeAlias = Annotated[int, BeforeValidator(_memory), _quantity(units.SIZE)]
BufferOrAuto: TypeAlias = Annotated[
    int | Literal["auto"],
    PlainValidator(_buffer_or_auto),
    WithJsonSchema({"anyOf": [{"const": AUTO}, _schema_of(units.SIZE)]}),
]
NodeName: TypeAlias = Annotated[
    str,
    _matching("node name", _NODE, NODE_RULE),
    AfterValidator(_not_reserved),
    _text("node name", _NODE),
]
Name: TypeAlias = Annotated[str, _matching("name", _NAME, NAME_RULE), _text("name", _NAME)]
DeviceName: TypeAlias = Annotated[
    str, _matching("device name", _NAME, NAME_RULE), _text("device name", _NAME)
]
Device: TypeAlias = Annotated[
    str,
    AfterValidator(_device),
    WithJsonSchema({"title": "device name, or a file", "type": "string"}),
]
CongestionControl: TypeAlias = Annotated[
    str,
    _matching("congestion control", _CONGESTION, "a name of Linux, such as cubic, reno or bbr"),
    _text("congestion control", _CONGESTION),
]
ModelName: TypeAlias = Annotated[
    str,
    _known("model", model_names()),
    WithJsonSchema({"title": "model name", "type": "string", "enum": list(model_names())}),
]
TrainedModel: TypeAlias = Annotated[
    str,
    AfterValidator(_library_or_own),
    WithJsonSchema(
        {
            "title": "model name; or a file, or module:factory, of your own",
            "anyOf": [
                {"enum": list(model_names())},
                {"type": "string", "pattern": ".+:.+"},
                {"type": "string", "pattern": "[.](yaml|yml|json)$"},
            ],
        }
    ),
]
ScheduleName: TypeAlias = Annotated[
    str,
    _matching("schedule name", _NAME, NAME_RULE),
    WithJsonSchema(
        {
            "title": "schedule name",
            "anyOf": [
                {"enum": list(schedule_names())},
                {"type": "string", "pattern": f"^{_NAME}$"},
            ],
        }
    ),
]
"""Of the library's or of the experiment's own; which it is, is checked where both are known."""
Slice: TypeAlias = Annotated[int, BeforeValidator(_slice), _quantity(units.SIZE)]
Amount: TypeAlias = Annotated[int, BeforeValidator(_amount), _quantity(units.SIZE)]
SwitchKind: TypeAlias = Annotated[
    str,
    _known("switch", SWITCH_KINDS),
    WithJsonSchema({"type": "string", "enum": list(SWITCH_KINDS)}),
]
Role: TypeAlias = Literal["ps", "worker"]
Cores: TypeAlias = Annotated[
    float,
    # Whole numbers stay whole, so that they are written as people wrote them.
    PlainValidator(_cores),
    WithJsonSchema({"type": "number", "minimum": MIN_CORES, "maximum": MAX_COUNT}),
]
Cpuset: TypeAlias = Annotated[
    list[Annotated[int, Field(ge=0, le=MAX_CPU)]], Field(min_length=1, max_length=MAX_CPU + 1)
]
Count: TypeAlias = Annotated[int, Field(ge=1, le=MAX_COUNT)]
Share: TypeAlias = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Positive: TypeAlias = Annotated[float, Field(gt=0, le=1e12, allow_inf_nan=False)]
NotNegative: TypeAlias = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
