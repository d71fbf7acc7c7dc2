"""The job file: what one process of a trial is told, checked before anything is started.

A job is a JSON object. Sizes of buffers are the emulated network's, already scaled; times of the
device model are the real system's, and are stretched here. `silence_seconds` is wall time, and must
exceed the longest time in which nothing is sent, which is a worker's forward and backward pass.
"""

from __future__ import annotations

import ipaddress
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from workloads.errors import JobError
from workloads.models.devices import DeviceModel
from workloads.models.profiles import Model, load_model
from workloads.schedule.library import MAX_FLOWS, Schedule, get_schedule
from workloads.schedule.units import CHUNK_BYTES, scaled_elements
from workloads.transport.sockets import Buffers, Endpoint

_LARGEST_JOB = 64 << 20  # bytes; ranks of small slices are many
MIN_UNSENT_BYTES = 8 * 1024  # the MTU does not scale, and TCP needs some packets at hand
_MOST_WORKERS = 1 << 16  # what the frame header can number
_MAX_DSCP = 63


@dataclass(frozen=True, kw_only=True)
class Job:
    """What parameter server and workers are both told.

    Attributes:
        role: "ps" or "worker".
        name: of the host.
        workers: names of all workers, in the order in which their gradients are summed.
        model: what is trained.
        schedule: how communication is ordered.
        rates: R, the divisor of the rates.
        time: D, the stretch of time.
        batch: images per worker and iteration.
        iterations: measured ones.
        warm_up: iterations before those.
        cool_down: iterations after them.
        seed: of parameters, objective and pull orders.
        repeat: number of the repeat; another one has other pull orders.
        server: the parameter server; port 0 lets the kernel choose (see its "listening" event).
        buffers: asked for; the kernel keeps twice as much.
        flow_dscp: per flow, the most urgent first, the DSCP that its data is marked with.
        congestion_control: what the network was asked to use; the records tell what is in use.
        learning_rate: of plain SGD on the mean gradient.
        records: file to write.
        silence_seconds: give up when nothing has moved for so long.
        turns: workers push one after the other, each all of an iteration.
        mode: "train"; "calibrate" for an exchange of traffic without training; "urgent" for how
            long an urgent tensor waits in a full queue.
        seconds: how long those last; 0 for a training.
        given: the job as it was read.
    """

    role: Literal["ps", "worker"]
    name: str
    workers: tuple[str, ...]
    model: Model
    schedule: Schedule
    rates: float
    time: float
    batch: int
    iterations: int
    warm_up: int
    cool_down: int
    seed: int
    repeat: int
    server: Endpoint
    buffers: Buffers
    flow_dscp: tuple[int, ...]
    congestion_control: str
    learning_rate: float
    records: Path
    silence_seconds: float
    turns: bool
    mode: Literal["train", "calibrate", "urgent"] = "train"
    seconds: float = 0.0
    given: Mapping[str, Any] = field(repr=False)

    @property
    def goes_on(self) -> bool:
        """Whether a worker goes on after its iterations until all have done theirs."""
        return not self.schedule.bulk_synchronous and not self.turns

    @property
    def all_iterations(self) -> int:
        """Iterations to run, warm-up and cool-down included; a worker that goes on does more."""
        return self.warm_up + self.iterations + self.cool_down

    def scaled(self, count: int) -> int:
        """The emulated bytes of real ones, rounded up."""
        return scaled_elements(count, self.rates, self.time)

    @property
    def window_bytes(self) -> int | None:
        """The schedule's credit, scaled."""
        window = self.schedule.window_bytes
        return None if window is None else self.scaled(window)

    @property
    def unsent_bytes(self) -> int | None:
        """What a socket may hold unsent, scaled; not below some packets, unless it is asked for."""
        unsent = self.schedule.unsent_bytes
        return None if unsent is None else max(self.scaled(unsent), min(unsent, MIN_UNSENT_BYTES))

    @property
    def batch_bytes(self) -> int:
        """What a send queue hands over at once: no more than a slice where it has an order."""
        size = self.schedule.slice_bytes
        if size is None or not self.schedule.at_host:
            return CHUNK_BYTES
        return min(CHUNK_BYTES, self.scaled(size))


@dataclass(frozen=True, kw_only=True)
class ServerJob(Job):
    """What only the parameter server is told.

    Attributes:
        send_buffers: per worker, the send buffer to ask for.
        one_queue: one send queue for all workers, in which the ranks of all are compared.
        answer_ranks: per worker and unit, its place in the send queue; the least goes first.
    """

    send_buffers: tuple[int, ...]
    one_queue: bool
    answer_ranks: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True)
class WorkerJob(Job):
    """What only a worker is told.

    Attributes:
        worker: its number, a position in `workers`.
        bind: its own data address.
        device: how long its layers take.
        push_ranks: per unit, its place in the send queue; the least goes first.
        pulls: with a step barrier: orders of all tensors, one per iteration, in turn.
    """

    worker: int
    bind: str
    device: DeviceModel
    push_ranks: tuple[int, ...]
    pulls: tuple[tuple[int, ...], ...]


def load_job(path: Path) -> ServerJob | WorkerJob:
    """Read and check a job file.

    Returns:
        A `WorkerJob` for a worker, a `ServerJob` for the parameter server.

    Raises:
        JobError: it cannot be read, or is wrong; carries all problems.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_JOB + 1)
    except OSError as error:
        raise JobError([f"{path}: cannot be read: {error.strerror}"]) from None
    if len(content) > _LARGEST_JOB:
        raise JobError([f"{path}: larger than {_LARGEST_JOB} bytes"])
    try:
        given = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise JobError([f"{path}: not JSON: {error}"]) from None
    if not isinstance(given, dict):
        raise JobError([f"{path}: must be an object"])
    try:
        return parse_job(given)
    except JobError as error:
        raise JobError([f"{path}: {problem}" for problem in error.problems]) from None


def parse_job(given: Mapping[str, Any]) -> ServerJob | WorkerJob:
    """Check a job and return it.

    Raises:
        JobError: carries all problems, as `key: message`.
    """
    role = given.get("role")
    if role not in ("ps", "worker"):
        raise JobError(["role: must be 'ps' or 'worker'"])
    checks = {**_CHECKS, **(_SERVER_CHECKS if role == "ps" else _WORKER_CHECKS)}
    if "mode" in given:
        checks = {**checks, **_MODE_CHECKS}
    problems: list[str] = []
    parsed: dict[str, Any] = {}
    for key, check in checks.items():
        if key not in given:
            problems.append(f"{key}: missing")
            continue
        try:
            parsed[key] = check(given[key])
        except ValueError as error:
            problems.append(f"{key}: {error}")
    known = {"role", *_CHECKS, *_SERVER_CHECKS, *_WORKER_CHECKS, *_MODE_CHECKS}
    if "seconds" in given and "mode" not in given:
        problems.append(f"seconds: only with mode {_MODES}")
    problems += [f"{key}: unknown key" for key in given if key not in known]
    problems += _contradictions(parsed)
    if problems:
        raise JobError(problems)
    parsed["rates"], parsed["time"] = parsed.pop("scale")
    parsed["server"] = Endpoint(parsed.pop("address"), parsed.pop("port"))
    send = parsed.pop("send_buffer_bytes")
    if role == "ps":
        parsed["send_buffers"], send = send, max(send)
    parsed["buffers"] = Buffers(send, parsed.pop("receive_buffer_bytes"))
    kind = ServerJob if role == "ps" else WorkerJob
    return kind(role=role, given=dict(given), **parsed)


def _contradictions(parsed: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong between values that are each what they must be."""
    if "workers" in parsed:
        count = len(parsed["workers"])
        if parsed.get("worker", 0) >= count:
            yield f"worker: there are {count} workers, counted from 0"
        if len(parsed.get("answer_ranks", parsed["workers"])) != count:
            yield "answer_ranks: must be one list per worker"
        sizes = parsed.get("send_buffer_bytes")
        if isinstance(sizes, tuple) and len(sizes) != count:
            yield "send_buffer_bytes: must be one size per worker"
        if parsed.get("mode") == "urgent" and count != 1:
            yield "workers: mode 'urgent' takes one"
    if "schedule" in parsed:
        schedule: Schedule = parsed["schedule"]
        if schedule.barrier and parsed.get("pulls") == ():
            yield "pulls: missing, but there is a step barrier"
        asked = schedule.flow_count
        found = len(parsed.get("flow_dscp", range(asked)))
        if found != asked:
            yield f"flow_dscp: the schedule's number of flows is {asked}, found {found}"


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("must be a text")
    return value


def _whole(least: int, most: int) -> Callable[[Any], int]:
    def check(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return value

    return check


def _positive(value: Any) -> float:
    if _number(value) <= 0:
        raise ValueError("must be more than 0")
    return float(value)


def _number(value: Any) -> float:
    if (
        not isinstance(value, int | float)
        or isinstance(value, bool)
        or not math.isfinite(value)
        or value < 0
    ):
        raise ValueError("must be a number, at least 0")
    return float(value)


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= _MOST_WORKERS:
        raise ValueError(f"must be a list of 1 to {_MOST_WORKERS} names")
    names = tuple(_text(name) for name in value)
    if len(set(names)) < len(names):
        raise ValueError("names a worker twice")
    return names


def _dscps(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_FLOWS:
        raise ValueError(f"must be a list of 1 to {MAX_FLOWS} numbers")
    return tuple(map(_whole(0, _MAX_DSCP), value))


def _address(value: Any) -> str:
    return str(ipaddress.IPv4Address(_text(value)))


def _scale(value: Any) -> tuple[float, float]:
    if not isinstance(value, dict) or set(value) != {"rates", "time"}:
        raise ValueError("must be an object with 'rates' and 'time'")
    return _positive(value["rates"]), _positive(value["time"])


def _device(value: Any) -> DeviceModel:
    names = [entry.name for entry in fields(DeviceModel)]
    if not isinstance(value, dict) or set(value) != set(names):
        raise ValueError(f"must be an object with {', '.join(names)}")
    constants = {name: _number(value[name]) for name in names if name != "name"}
    return DeviceModel(name=_text(value["name"]), **constants)


def _schedule(value: Any) -> Schedule:
    if not isinstance(value, dict):
        return get_schedule(_text(value))
    names = {entry.name for entry in fields(Schedule)}
    if set(value) != names:
        raise ValueError(f"must be a name, or an object with {', '.join(sorted(names))}")
    return Schedule(**value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _ranks(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(type(rank) is int and rank >= 0 for rank in value):
        raise ValueError("must be a list of whole numbers, at least 0")
    return tuple(value)


def _rows(value: Any) -> tuple[tuple[int, ...], ...]:
    if not isinstance(value, list):
        raise ValueError("must be a list of lists")
    return tuple(_ranks(row) for row in value)


def _sizes(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError("must be a list of sizes")
    return tuple(map(_BUFFER, value))


_MODES = "'calibrate' or 'urgent'"


def _mode(value: Any) -> str:
    if value not in ("calibrate", "urgent"):
        raise ValueError(f"must be {_MODES}, or left out")
    return str(value)


_BUFFER = _whole(1, 1 << 30)

_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "name": _text,
    "workers": _names,
    "model": lambda value: load_model(_text(value)),
    "schedule": _schedule,
    "scale": _scale,
    "batch": _whole(1, 1 << 20),
    "iterations": _whole(1, 1 << 20),
    "warm_up": _whole(0, 1 << 20),
    "cool_down": _whole(0, 1 << 20),
    "seed": _whole(0, (1 << 64) - 1),
    "repeat": _whole(0, 1 << 20),
    "address": _address,
    "port": _whole(0, 65535),
    "receive_buffer_bytes": _BUFFER,
    "flow_dscp": _dscps,
    "congestion_control": _text,
    "learning_rate": _number,
    "records": lambda value: Path(_text(value)),
    "silence_seconds": _positive,
    "turns": _flag,
}

# A training says nothing of these two.
_MODE_CHECKS: Mapping[str, Callable[[Any], Any]] = {"mode": _mode, "seconds": _positive}

_SERVER_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "send_buffer_bytes": _sizes,
    "one_queue": _flag,
    "answer_ranks": _rows,
}

_WORKER_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "worker": _whole(0, _MOST_WORKERS - 1),
    "bind": _address,
    "send_buffer_bytes": _BUFFER,
    "device": _device,
    "push_ranks": _ranks,
    "pulls": _rows,
}
