"""The key `sweep` of an experiment file: the keys that may be varied, and their values."""

from __future__ import annotations

from collections.abc import Sequence
from types import NoneType
from typing import Annotated, Any, get_args

from pydantic import Field, create_model
from pydantic.fields import FieldInfo

from orchestrator.memory import OrderOfOperations
from orchestrator.spec.sweep import LINK_KEYS, Sweep, Variable
from orchestrator.spec.values.fields import (
    BufferOrAuto,
    CongestionControl,
    Count,
    Delay,
    FileModel,
    Queue,
    Rate,
    ScheduleName,
)

MAX_POINTS = 100
"""Of a sweep, and so of each of its variables."""
MAX_VARIABLES = 2

_TITLE = "`schedules`: list of names; `values`: list, as of one of `custom_schedules`"
_VALUES = Field(min_length=1, max_length=MAX_POINTS)
_Counts = Annotated[list[Count], _VALUES]
_Buffers = Annotated[list[BufferOrAuto], _VALUES]


class _OfLink(FileModel):
    link: Annotated[list[str], Field(min_length=2, max_length=2)] = Field(
        description="the link's two nodes; both directions are varied"
    )


class RateSweepFile(_OfLink):
    """The rates of one link."""

    values: Annotated[list[Rate], _VALUES] = Field(description="bits per second, such as 10 Gbps")


class DelaySweepFile(_OfLink):
    """The delays of one link."""

    values: Annotated[list[Delay], _VALUES] = Field(description="one-way delays, such as 500us")


class QueueSweepFile(_OfLink):
    """The queues of one link."""

    values: Annotated[list[Queue], _VALUES] = Field(description="limits of the ends' queues")


class OfSchedules(FileModel):
    """A key of schedules, and values of it that each of them takes."""

    schedules: Annotated[list[ScheduleName], Field(min_length=1, max_length=MAX_POINTS)] = Field(
        description="which of `schedules`; all others stay as they are"
    )


class SweepKeys(FileModel):
    """What is varied: one or two of these, or of the keys of schedules."""

    batch: _Counts | None = Field(default=None, description="images per worker and iteration")
    workers: _Counts | None = Field(
        default=None,
        description="how many workers: the topology's first ones, then copies of its last one",
    )
    congestion_control: Annotated[list[CongestionControl], _VALUES] | None = Field(
        default=None, description="TCP congestion controls"
    )
    order_of_operations: Annotated[list[OrderOfOperations], _VALUES] | None = Field(
        default=None, description="in which order workers compute a model's layers"
    )
    send_buffer: _Buffers | None = Field(default=None, description="`socket_buffers.send`")
    receive_buffer: _Buffers | None = Field(default=None, description="`socket_buffers.receive`")
    rate: RateSweepFile | None = Field(default=None, description="the rate of one link")
    delay: DelaySweepFile | None = Field(default=None, description="the delay of one link")
    queue: QueueSweepFile | None = Field(default=None, description="the queues of one link")

    def resolve(self, order: Sequence[str]) -> Sweep:
        """The sweep; the file must have passed all checks.

        Args:
            order: the keys that are varied, as the file has them.
        """
        return Sweep(tuple(_variable(key, getattr(self, key)) for key in order))


def sweep_file(schedule: type[FileModel]) -> type[SweepKeys]:
    """The same with all keys of a schedule's file, too."""
    keys: dict[str, Any] = {}
    for key, field in schedule.model_fields.items():
        values: Any = (Annotated[list[_item(field)], _VALUES], Field(description=f"of `{key}`"))  # type: ignore[misc]
        name = f"{key.title().replace('_', '')}SweepFile"
        group: Any = create_model(name, __base__=OfSchedules, values=values)
        meaning = Field(
            default=None, description=f"`{key}` of schedules", json_schema_extra={"title": _TITLE}
        )
        keys[key] = (group | None, meaning)
    return create_model("SweepFile", __base__=SweepKeys, **keys)


def _item(field: FieldInfo) -> Any:
    """What a key of a schedule takes; a value is given, so that it is not nothing."""
    item: Any = field.annotation
    given = [one for one in get_args(item) if one is not NoneType]
    if NoneType in get_args(item) and len(given) == 1:
        (item,) = given
    for one in field.metadata:
        item = Annotated[item, one]
    return item


def _variable(key: str, varied: Any) -> Variable:
    if key in LINK_KEYS:
        first, second = varied.link
        return Variable(key, tuple(varied.values), link=(first, second))
    if isinstance(varied, OfSchedules):
        return Variable(key, tuple(varied.values), schedules=tuple(varied.schedules))  # type: ignore[attr-defined]
    return Variable(key, tuple(varied))
