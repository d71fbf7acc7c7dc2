"""The job file: what one process of a trial is told, checked before anything is started.

A job is a JSON object: an envelope that is the same for every program, and in it a section that
only its program understands and checks. Sizes of buffers are the emulated network's, already
scaled. `limits.silence_seconds` is wall time, and must exceed the longest time in which nothing is
sent, which is a worker's forward and backward pass.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workloads.errors import JobError
from workloads.process import checks
from workloads.schedule.schedule import MAX_FLOWS
from workloads.transport.sockets import Buffers, Endpoint

MOST_WORKERS = 1 << 16
"""What the frame header can number."""
_LARGEST_JOB = 64 << 20  # bytes; ranks of small slices are many
_MAX_DSCP = 63
_BUFFER = checks.whole(1, 1 << 30)


@dataclass(frozen=True)
class Peer:
    """A process of a trial, where others can connect to it on the data network.

    Attributes:
        endpoint: where it listens, if it does.
        send_buffer_bytes: to ask for where something is sent to it; None: nothing is.
    """

    endpoint: Endpoint
    send_buffer_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Job:
    """The envelope: what every program is told.

    Attributes:
        host: the name of the host that it runs on, and of the process.
        program: what runs: one of the library, or `module:Class`.
        server_host: the one of the peers where the processes of a trial meet; None: nowhere.
        peers: all processes of the trial by their host's name, this one too.
        bind: the host's own data address.
        buffers: to ask for before it is known to which peer; the kernel keeps twice as much.
        send_buffers: the send buffer to ask for, for each that it sends to.
        flow_dscp: per flow, the most urgent first, the DSCP that its data is marked with.
        congestion_control: what the network was asked to use; the records tell what is in use.
        seed: of all random choices.
        silence_seconds: give up when nothing has moved for this time.
        records: file to write.
        section: what only the program is told.
        given: the job as it was read.
    """

    host: str
    program: str
    server_host: str | None
    peers: Mapping[str, Peer] = field(default_factory=dict)
    bind: str
    buffers: Buffers
    send_buffers: tuple[int, ...]
    flow_dscp: tuple[int, ...]
    congestion_control: str
    seed: int
    silence_seconds: float
    records: Path
    section: Mapping[str, Any] = field(repr=False)
    given: Mapping[str, Any] = field(repr=False)

    @property
    def server(self) -> Endpoint:
        """Where the processes of a trial meet.

        Port 0 lets the kernel choose (see the "listening" event).

        Raises:
            JobError: they meet nowhere.
        """
        if self.server_host is None:
            raise JobError([f"endpoints.server: the program {self.program!r} needs one"])
        return self.peers[self.server_host].endpoint


def _peers(value: Any) -> Mapping[str, Peer]:
    """Checks where all processes of a trial are."""
    peers = {}
    for name, given in checks.mapping(value).items():
        try:
            one = checks.mapping(given)
            size = one.get("send_buffer_bytes")
            peers[name] = Peer(
                Endpoint(checks.address(one.get("address")), checks.port(one.get("port"))),
                None if size is None else _BUFFER(size),
            )
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    return peers


_ENVELOPE: Mapping[str, checks.Check] = {
    "host": checks.text,
    "program": checks.text,
    "records": lambda value: Path(checks.text(value)),
    "seed": checks.whole(0, (1 << 64) - 1),
    "congestion_control": checks.text,
    "endpoints": checks.mapping,
    "limits": checks.mapping,
    "section": checks.mapping,
}

_ENDPOINTS: Mapping[str, checks.Check] = {
    "server": checks.or_none(checks.text),
    "peers": _peers,
    "bind": checks.address,
    "receive_buffer_bytes": _BUFFER,
    "send_buffer_bytes": checks.listed(_BUFFER, 0, MOST_WORKERS, "sizes, one per peer"),
    "flow_dscp": checks.listed(checks.whole(0, _MAX_DSCP), 1, MAX_FLOWS, "numbers"),
}

_LIMITS: Mapping[str, checks.Check] = {"silence_seconds": checks.positive}


def load_job(path: Path) -> Job:
    """Read and check a job file; the section is its program's to check.

    Raises:
        JobError: it cannot be read, or its envelope is wrong; carries all problems.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_JOB + 1)
    except OSError as error:
        raise JobError([f"cannot be read: {error.strerror}"]) from None
    if len(content) > _LARGEST_JOB:
        raise JobError([f"larger than {_LARGEST_JOB} bytes"])
    try:
        given = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise JobError([f"not JSON: {error}"]) from None
    if not isinstance(given, dict):
        raise JobError(["must be an object"])
    return parse_job(given)


def parse_job(given: Mapping[str, Any]) -> Job:
    """Check a job's envelope and return it.

    Raises:
        JobError: carries all problems, as `key: message`.
    """
    envelope, problems = checks.checked(given, _ENVELOPE)
    endpoints, wrong = checks.checked(envelope.pop("endpoints", {}), _ENDPOINTS, "endpoints.")
    limits, too = checks.checked(envelope.pop("limits", {}), _LIMITS, "limits.")
    for key, problems_within in (("endpoints", wrong), ("limits", too)):
        if isinstance(given.get(key), dict):
            problems += problems_within
    if not wrong and endpoints.get("server") not in (None, *endpoints.get("peers", ())):
        problems.append("endpoints.server: must be one of the peers")
    if problems:
        raise JobError(problems)
    return Job(
        server_host=endpoints["server"],
        bind=endpoints["bind"],
        peers=endpoints["peers"],
        buffers=Buffers(
            max(endpoints["send_buffer_bytes"], default=endpoints["receive_buffer_bytes"]),
            endpoints["receive_buffer_bytes"],
        ),
        send_buffers=endpoints["send_buffer_bytes"],
        flow_dscp=endpoints["flow_dscp"],
        given=dict(given),
        **limits,
        **envelope,
    )
