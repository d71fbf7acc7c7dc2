"""Programs: users' own commands on the hosts, and how their throughput is read (pure)."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from orchestrator.spec.topology import Topology
from orchestrator.spec.traffic.demands import Demand, Demands
from orchestrator.spec.traffic.graph import path

IMGS_PER_SEC = "imgs/sec"
PerRank = Literal["first", "sum"]

PROGRAMS_NOTE = (
    "programs run at D = R, for their bytes do not shrink; what they compute takes this machine's "
    "time, which is the real system's only at R = D = 1"
)


@dataclass(frozen=True)
class Throughput:
    """How the throughput of a program is read: a rate per second of its own clock.

    Exactly one of `json` and `regex` is set.

    Attributes:
        json: the key of a line that is a JSON object; dots lead into objects within it.
        regex: a regular expression, whose first group is the number.
        file: that the program writes, in its directory; None: what it prints.
        unit: of the number.
        per_rank: which processes count: `first`: the one of the lowest rank that has any;
            `sum`: all of them, added.
    """

    json: str | None = None
    regex: str | None = None
    file: str | None = None
    unit: str = IMGS_PER_SEC
    per_rank: PerRank = "first"

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(self.regex or "")

    def value(self, line: str) -> float | None:
        """The number in a line; None if it has none.

        It may be one that is no throughput, such as `nan`: see `is_throughput`.
        """
        if self.json is None:
            match = self._pattern.search(line)
            return None if match is None else _number(match[1])
        value = _in_json(line, self.json)
        return None if isinstance(value, bool) else _number(value)

    def __str__(self) -> str:
        """`a JSON object with a number at 'imgs_per_sec'`."""
        what = (
            f"a match of {self.regex!r}"
            if self.json is None
            else f"a JSON object with a number at {self.json!r}"
        )
        return f"{what} in {self.file}" if self.file else what


def sent_by_rank(key: str, line: str) -> dict[int, int] | None:
    """What a line says that its process has sent: bytes by the receiver's rank.

    Args:
        key: of a JSON object of bytes by rank; dots lead into objects.
        line: that the process printed.

    Returns:
        None if the line does not say it.
    """
    found = _in_json(line, key)
    if not isinstance(found, dict):
        return None
    try:
        sent = {int(rank): int(count) for rank, count in found.items()}
    except (TypeError, ValueError, OverflowError):
        return None
    return sent if all(count >= 0 for count in sent.values()) else None


def _in_json(line: str, keys: str) -> Any:
    """What stands at a key of a line that is a JSON object; None if nothing does."""
    if not line.lstrip().startswith("{"):
        return None
    try:
        value: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None
    for key in keys.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def is_throughput(value: float) -> bool:
    """Whether a number can be one: finite, and not below zero."""
    return math.isfinite(value) and value >= 0


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


@dataclass(frozen=True)
class Program:
    """A program of an experiment: one process for each place in `hosts`.

    Attributes:
        name: it has rows of this name.
        command: program and arguments, the same on every host.
        hosts: by rank; a host may be there more than once.
        throughput: how it is read.
        environment: added to what every program is told (see `session.plan.programs`).
        files: what lies in the directory of each process, by path; see `pack`.
        ready: text of a line that one of its processes prints when it is ready; None: no line is.
        start_seconds: until that line must have come, on the clock.
        sent: the key of lines by which a process says what it has sent (see `sent_by_rank`);
            None: none says it.
        warm_up: readings of each process that are left out, the first ones.
        limit_seconds: that it may take, on the clock.
        model: that it trains, for the row to be compared with that model's others; None: none.
    """

    name: str
    command: tuple[str, ...]
    hosts: tuple[str, ...]
    throughput: Throughput
    environment: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict, repr=False)
    ready: str | None = None
    start_seconds: float = 60.0
    warm_up: int = 0
    limit_seconds: float = 300.0
    model: str | None = None
    sent: str | None = None

    def contents(self) -> dict[str, bytes]:
        """The files, by path."""
        return {place: unpack(packed) for place, packed in self.files.items()}

    def resolved(self) -> dict[str, Any]:
        """All that decides its figures, ready for JSON; of files their digests."""
        return {
            "command": list(self.command),
            "hosts": list(self.hosts),
            "throughput": {
                "json": self.throughput.json,
                "regex": self.throughput.regex,
                "file": self.throughput.file,
                "unit": self.throughput.unit,
                "per_rank": self.throughput.per_rank,
            },
            "environment": dict(self.environment),
            "files": {
                place: hashlib.sha256(content).hexdigest()
                for place, content in self.contents().items()
            },
            "ready": self.ready,
            "start": self.start_seconds,
            "warm_up": self.warm_up,
            "limit": self.limit_seconds,
            "model": self.model,
            **({"sent": self.sent} if self.sent else {}),
        }


def pack(content: bytes) -> str:
    """A file as text, for a plan that is JSON."""
    return base64.b64encode(zlib.compress(content)).decode()


def unpack(packed: str) -> bytes:
    """The file that `pack` made text of."""
    return zlib.decompress(base64.b64decode(packed))


def pair_demands(topology: Topology, programs: Mapping[str, Program]) -> tuple[Demand, ...]:
    """Every way that programs may send: all ordered pairs of the hosts of each.

    Raises:
        ValueError: there is no path between two of them.
    """
    pairs = {
        (source, destination): None
        for program in programs.values()
        for source in dict.fromkeys(program.hosts)
        for destination in dict.fromkeys(program.hosts)
        if source != destination
    }
    for source, destination in pairs:
        path(topology, source, destination)
    return tuple(
        Demand(source, destination, 0, "", f"{source} to {destination}")
        for source, destination in pairs
    )


def program_demands(topology: Topology, program: Program) -> Demands:
    """Every way that a program may send; none if all of it runs on one host."""
    return Demands(topology, pair_demands(topology, {program.name: program}))
