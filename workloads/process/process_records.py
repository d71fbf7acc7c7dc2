"""The records of the processes on the hosts: one class each, for who writes and who reads it.

Every record is a line of JSON in its process's file: `event`, `process`, and the class's fields.
Times are nanoseconds of the monotonic clock, which all hosts of an emulated testbed share; lists
that are per worker are in worker order.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar


class ProcessRecord:
    """A record; its subclasses are frozen dataclasses.

    Attributes:
        event: what it tells of.
    """

    event: ClassVar[str]

    def line(self, process: str) -> str:
        """The record as a line of its process's file."""
        return json_line(self.event, process, _plain(self))


def json_line(event: str, process: str, values: Mapping[str, Any]) -> str:
    """A line of a process's file."""
    return json.dumps({"event": event, "process": process, **values}, default=_plain) + "\n"


def _plain(value: Any) -> dict[str, Any]:
    """The fields of a dataclass, as they are: long lists are not copied."""
    return {field.name: getattr(value, field.name) for field in fields(value)}


def not_negative(**values: float | None) -> None:
    """See that counts are at least 0.

    Raises:
        ValueError: one is not.
    """
    for name, value in values.items():
        if value is not None and value < 0:
            raise ValueError(f"{name} is below 0: {value}")


# -- every process ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class JobRecord(ProcessRecord):
    """The part of a process's job that its figures are judged by; the file has all of the job."""

    event: ClassVar[str] = "job"
    seed: int
    congestion_control: str


@dataclass(frozen=True)
class ConnectionRecord(ProcessRecord):
    """What the kernel kept of one connection's settings when it was made.

    Attributes:
        worker: at its other end, or whose it is.
        not_sent_limit_bytes: None: not bounded.
    """

    event: ClassVar[str] = "connection"
    worker: int
    flow: int
    congestion_control: str
    send_buffer_bytes: int
    receive_buffer_bytes: int
    not_sent_limit_bytes: int | None
    dscp: int


@dataclass(frozen=True)
class TrainingCpuUse:
    """CPU seconds of a process without its start.

    Of these, the arithmetic: the server sums and applies gradients, a worker makes them. Without a
    server, workers do both.
    """

    seconds: float
    arithmetic_seconds: float

    def __post_init__(self) -> None:
        not_negative(seconds=self.seconds, arithmetic_seconds=self.arithmetic_seconds)


@dataclass(frozen=True)
class ConnectionEnd:
    """Counters of a connection at its end, out of TCP_INFO; None: this kernel does not count it.

    Attributes:
        worker: at its other end; None: a worker's own, whose other end is the parameter server.
        flow: None: there is one.
    """

    retransmits: int
    worker: int | None = None
    flow: int | None = None
    rtt_us: int | None = None
    cwnd: int | None = None
    bytes_received: int | None = None
    bytes_sent: int | None = None
    busy_us: int | None = None
    receiver_limited_us: int | None = None

    def __post_init__(self) -> None:
        not_negative(retransmits=self.retransmits)


@dataclass(frozen=True)
class ProcessEnd(ProcessRecord):
    """A process's last record: what it used, its start included."""

    event: ClassVar[str] = "end"
    cpu_seconds: float
    max_rss_bytes: int

    def __post_init__(self) -> None:
        not_negative(cpu_seconds=self.cpu_seconds)


# -- a training ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CompetingRecord:
    """What each worker moved in one direction while all did, and for how long (emulated)."""

    seconds: float
    bytes: Sequence[int]

    def __post_init__(self) -> None:
        not_negative(seconds=self.seconds)


@dataclass(frozen=True)
class PsIteration(ProcessRecord):
    """One iteration as the parameter server saw it, warm-up and cool-down included.

    Attributes:
        released_ns: when its release was handed to the senders.
        pull_sent_ns: per worker, when the kernel had taken all that it pulled.
        push_first_ns: per worker, when its push began to arrive.
        push_done_ns: per worker, when all of it had arrived.
        applied_ns: when the last of it was applied.
        next_release_ns: when the next iteration was released, or the end announced.
        pull_bytes_at_first_done: what each worker had pulled when the first one was done.
        push_bytes_at_first_done: the same of pushes.
        pull_competing: what each pulled while all did.
        push_competing: the same of pushes.
        payload_in: bytes of gradients received.
        payload_out: bytes of parameters sent.
    """

    event: ClassVar[str] = "iteration"
    iteration: int
    released_ns: int
    pull_sent_ns: Sequence[int]
    push_first_ns: Sequence[int]
    push_done_ns: Sequence[int]
    applied_ns: int
    next_release_ns: int
    pull_bytes_at_first_done: Sequence[int]
    push_bytes_at_first_done: Sequence[int]
    pull_competing: CompetingRecord
    push_competing: CompetingRecord
    payload_in: int
    payload_out: int

    def __post_init__(self) -> None:
        not_negative(payload_in=self.payload_in, payload_out=self.payload_out)


@dataclass(frozen=True)
class WorkerIteration(ProcessRecord):
    """One iteration as a worker saw it.

    Attributes:
        started_ns: when its release came; without a step barrier, when the one before had ended.
        pull_done_ns: when the last layer had its parameters.
        forward_done_ns: end of the forward pass.
        backward_done_ns: end of the backward pass.
        push_sent_ns: when the kernel had taken all of its gradient.
        ended_ns: when the release of the next one came, or after the last one the end of the
            training; without a step barrier, the end of the backward pass.
        loss: of its batch; None: gradients are made up.
    """

    event: ClassVar[str] = "iteration"
    iteration: int
    started_ns: int
    pull_done_ns: int
    forward_done_ns: int
    backward_done_ns: int
    push_sent_ns: int
    ended_ns: int
    loss: float | None = None


@dataclass(frozen=True)
class EvaluationRecord(ProcessRecord):
    """How good the parameters of an iteration were (the first worker), judged after the training.

    Attributes:
        at_ns: when the last of them had come to the worker.
        loss: of the held-out data, mean.
        accuracy: share of it that is classified rightly.
    """

    event: ClassVar[str] = "evaluation"
    iteration: int
    at_ns: int
    loss: float
    accuracy: float

    def __post_init__(self) -> None:
        not_negative(accuracy=self.accuracy)


@dataclass(frozen=True)
class PsEnd(ProcessEnd):
    """The parameter server's last record.

    Attributes:
        staleness: where workers are not in step: updates by others in between -> how often.
        payload_in: bytes of gradients received, in all iterations that were begun.
        payload_out: bytes of parameters sent, in the same.
        exact: whether codec and update leave no bit to chance: runs whose gradients are applied
            together end with the same parameters.
        earlier_ns: for how long it had trained up to the checkpoint that it went on from; 0: it
            began anew; None: the checkpoint does not say (of an earlier version).
    """

    training_cpu: TrainingCpuUse
    parameters_sha256: str
    staleness: Mapping[int, int] | None
    payload_in: int
    payload_out: int
    connections: Sequence[ConnectionEnd]
    exact: bool = True
    earlier_ns: int | None = None


@dataclass(frozen=True)
class CodingTime:
    """What coding, or steps of its own, took a worker, in this system's ns.

    Attributes:
        planned_ns: the emulated device's time, which was waited for; a step of its own has none.
        excess_ns: by how much longer this machine took, so that something came later than planned.
        iterations: in which it did: those after the warm-up; None: all (of older versions).
    """

    planned_ns: int
    excess_ns: int
    iterations: int | None = None


@dataclass(frozen=True)
class WorkerEnd(ProcessEnd):
    """A worker's last record.

    Attributes:
        retransmits: the sum over its connections.
        parameters_sha256: what it ended with, where workers apply gradients themselves.
        coding: None: nothing was coded, or the worker computes in real time.
        steps: of its own, between exchanges and before them; None: it takes none, or as above.
    """

    training_cpu: TrainingCpuUse
    retransmits: int
    connections: Sequence[ConnectionEnd]
    parameters_sha256: str | None = None
    coding: CodingTime | None = None
    steps: CodingTime | None = None


@dataclass(frozen=True)
class LayoutRecord(ProcessRecord):
    """What the numbers in spans mean (parameter server).

    Attributes:
        layers: names.
        slices: per slice, [layer, bytes].
        slice_flows: per slice, the number of its flow.
    """

    event: ClassVar[str] = "layout"
    layers: Sequence[str]
    slices: Sequence[tuple[int, int]]
    slice_flows: Sequence[int]


@dataclass(frozen=True)
class PsSpans(ProcessRecord):
    """The spans of an iteration (parameter server): flat lists of number, begin and length.

    Begins are after `origin_ns`.
    """

    event: ClassVar[str] = "spans"
    iteration: int
    origin_ns: int
    received: Sequence[Sequence[int]]
    sent: Sequence[Sequence[int]]
    applied: Sequence[int]


@dataclass(frozen=True)
class WorkerSpans(ProcessRecord):
    """The spans of an iteration (worker), as those of the parameter server."""

    event: ClassVar[str] = "spans"
    iteration: int
    origin_ns: int
    waited: Sequence[int]
    forward: Sequence[int]
    backward: Sequence[int]
    received: Sequence[int]
    sent: Sequence[int]
