"""What a deployment is asked to run: processes, where, with what, one after the other (pure)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePosixPath
from typing import Literal

PYTHON = "{python}"
"""As the first word of `ProcessPlan.argv`: the Python interpreter of the hosts."""

RECORDS_LIMIT = 256 * 1024 * 1024
"""A process' records, or what it prints in their place, may have this many bytes."""

START_SECONDS = 60.0
"""A process of a trial that does not run by then never will."""


@dataclass(frozen=True)
class After:
    """What another process must have done before one starts.

    Attributes:
        process: the other one's name.
        what: `started`: it runs; `event`: it told an event; `printed`: it printed a line with a
            text; `exit`: it ended well.
        text: the event's name, or the text.
    """

    process: str
    what: Literal["started", "event", "printed", "exit"] = "started"
    text: str = ""

    def done(self) -> str:
        """That the other one did say it, as the end of a sentence."""
        return f"was {self.text}" if self.what == "event" else f"printed {self.text!r}"

    def left_undone(self) -> str:
        """That the other one did not say it."""
        return f"was not {self.text}" if self.what == "event" else f"did not print {self.text!r}"


@dataclass(frozen=True)
class ProcessPlan:
    """One process on a host.

    It runs in its own directory, which has its files; it and the files are gone afterwards.

    Attributes:
        name: of the process, for messages and for its records; no other one has it.
        host: where it runs.
        argv: program and arguments; see `PYTHON`.
        files: what lies in its directory when it starts, by path in there.
        environment: variables, added to those of the host.
        after: what others must have done before it starts.
        records: the file with its records, by path in its directory; empty: what it prints on its
            standard output is returned in their place.
        events: whether its output has JSON objects, a line each, which tell what it does. Of a
            program that is not ours, every line is a sign of life and means nothing else.
        progress: the event that tells how far it is, by a number under the same name.
        start_seconds: until it must run, must have told its first event, and must have told or
            printed what others wait for.
        silence_seconds: for how long it may say nothing, if at all; see `heartbeat`.
        heartbeat: whether silence counts from its start on. If not, it does from the first event
            of its progress on, and from the end of a process that it has waited for.
        limit_seconds: from its start to its end, if it is limited.
        needs_records: whether it has failed if the file with its records is not there; if not,
            they are empty then.
        printed_bytes: that it may print, and leave in its file of records, if it tells no events;
            to print more ends it.
    """

    name: str
    host: str
    argv: tuple[str, ...]
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    environment: Mapping[str, str] = field(default_factory=dict)
    after: tuple[After, ...] = ()
    records: str = ""
    events: bool = True
    progress: str = ""
    start_seconds: float = START_SECONDS
    silence_seconds: float | None = None
    heartbeat: bool = False
    limit_seconds: float | None = None
    needs_records: bool = True
    printed_bytes: int = RECORDS_LIMIT


def problems(plans: Collection[ProcessPlan], hosts: Collection[str]) -> list[str]:
    """What makes plans impossible on hosts of these names, a line each; empty if nothing does."""
    by_name = {plan.name: plan for plan in plans}
    lines = []
    if len(by_name) < len(plans):
        names = [plan.name for plan in plans]
        twice = sorted({name for name in names if names.count(name) > 1})
        lines += [f"two processes have the name {name!r}" for name in twice]
    for plan in plans:
        lines += [f"process {plan.name!r}: {what}" for what in _wrong(plan, hosts)]
        for after in plan.after:
            lines += [f"process {plan.name!r}: {what}" for what in _wrong_after(after, by_name)]
    known = {
        plan.name: [after.process for after in plan.after if after.process in by_name]
        for plan in plans
    }
    try:
        TopologicalSorter(known).prepare()
    except CycleError as error:
        circle = error.args[1]
        lines.append("processes wait for each other: " + " after ".join(map(repr, circle[::-1])))
    return lines


def _wrong(plan: ProcessPlan, hosts: Collection[str]) -> list[str]:
    lines = []
    if not _is_inside(plan.name) or "/" in plan.name:
        lines.append("its name is not one of a directory")
    if plan.host not in hosts:
        lines.append(f"there is no host {plan.host!r}")
    if not plan.argv or not plan.argv[0]:
        lines.append("no program to run")
    paths = [*plan.files, *([plan.records] if plan.records else [])]
    lines += [f"{path!r} is no path inside its directory" for path in paths if not _is_inside(path)]
    limits = (plan.start_seconds, plan.silence_seconds, plan.limit_seconds)
    if any(limit is not None and limit <= 0 for limit in limits):
        lines.append("its limits must be positive")
    return lines


def _wrong_after(after: After, by_name: Mapping[str, ProcessPlan]) -> list[str]:
    other = by_name.get(after.process)
    if other is None:
        return [f"waits for {after.process!r}, which is not there"]
    if after.what in {"started", "exit"}:
        return ["waits for a text of no use"] if after.text else []
    if not after.text:
        return [f"waits for {after.process!r} to say nothing"]
    if other.events is not (after.what == "event"):
        only = "events" if other.events else "lines"
        return [f"waits for {after.process!r}, which tells {only} only"]
    return []


def _is_inside(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and not PurePosixPath(path).is_absolute() and ".." not in parts
