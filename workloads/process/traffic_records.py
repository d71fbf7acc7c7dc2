"""The records of what sends traffic without training: probes, urgent units, sources and sinks.

They are as those of `process_records`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from workloads.process.process_records import (
    ConnectionEnd,
    ProcessEnd,
    ProcessRecord,
    not_negative,
)

# -- an exchange of traffic ------------------------------------------------------------------------


@dataclass(frozen=True)
class ReleasedRecord(ProcessRecord):
    """When the parameter server let the exchange begin."""

    event: ClassVar[str] = "released"
    released_ns: int


@dataclass(frozen=True)
class WindowRecord(ProcessRecord):
    """A window of time: what each connection received, and for how long it had data on its way."""

    event: ClassVar[str] = "window"
    begin_ns: int
    end_ns: int
    received: Sequence[int]
    busy_us: Sequence[int]


@dataclass(frozen=True)
class TrafficServerEnd(ProcessEnd):
    """The parameter server's last record of an exchange."""

    applied_bytes: int
    connections: Sequence[ConnectionEnd]


@dataclass(frozen=True)
class TrafficWorkerEnd(ProcessEnd):
    """A worker's last record of an exchange."""

    connection: ConnectionEnd


# -- urgent units ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class UrgentRecord(ProcessRecord):
    """When a unit was ready, and at which byte of the stream it begins."""

    event: ClassVar[str] = "urgent"
    number: int
    ready_ns: int
    begins_at: int

    def __post_init__(self) -> None:
        not_negative(begins_at=self.begins_at)


@dataclass(frozen=True)
class ArrivedRecord(ProcessRecord):
    """When the parameter server had read a unit's header, and all of one of its slices."""

    event: ClassVar[str] = "arrived"
    number: int
    offset: int
    begins_ns: int
    ends_ns: int


@dataclass(frozen=True)
class PacketsRecord(ProcessRecord):
    """What has left, packet by packet, and how many were not seen.

    Attributes:
        syn_sequence: None: the packet that opened the connection was not seen.
    """

    event: ClassVar[str] = "packets"
    lost: int
    syn_sequence: int | None
    left_ns: Sequence[int]
    sequence: Sequence[int]
    length: Sequence[int]


# -- a source of traffic, and who receives it ------------------------------------------------------


@dataclass(frozen=True)
class OfferedRecord(ProcessRecord):
    """What a source of traffic was to send in a window of time, by its schedule (emulated).

    Attributes:
        sent_bytes: that it could give to its socket meanwhile, of this or of what was before.
    """

    event: ClassVar[str] = "offered"
    begin_ns: int
    end_ns: int
    bytes: int
    messages: int
    sent_bytes: int

    def __post_init__(self) -> None:
        not_negative(bytes=self.bytes, messages=self.messages, sent_bytes=self.sent_bytes)


@dataclass(frozen=True)
class DeliveredRecord(ProcessRecord):
    """What arrived of it in a window of time (emulated)."""

    event: ClassVar[str] = "delivered"
    begin_ns: int
    end_ns: int
    bytes: int

    def __post_init__(self) -> None:
        not_negative(bytes=self.bytes)
